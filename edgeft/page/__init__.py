"""The page to try models by hand: one HTML document, whoever answers.

page.html, page.css, page.js   what is seen and done; they know no task by name
docs.html, docs.css, docs.js   another page: the routes of a server, in the same style
common.js                      what the scripts of both need
server.js                      ``ask`` where a server answers
document.py                    the parts put together, with their digests
facts.py                       what the page is told of a model
"""
