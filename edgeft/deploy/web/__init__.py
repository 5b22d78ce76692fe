"""A static page that answers in the visitor's own browser: ``edgeft deploy web``.

site/            the scripts of that page: engine, tokenizer, parts, and one for each task
characters.py    what a tokenizer does with each character, asked of it
bundled.py       a bundle as the scripts read it, or why it cannot run there
packages.py      onnxruntime-web, from npm or from a folder
trimming.py      what a trimmed vocabulary would spare visitors
chromium.py      a headless browser
proven.py        the page's answers in that browser, held against Python's
run.py           the folder, whole or not at all
"""
