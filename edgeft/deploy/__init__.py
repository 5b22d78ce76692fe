"""A bundle as another server, or a browser, takes it.

folder.py   the kind of folder that is written, and the record of what it holds
triton/     a model repository of NVIDIA's Triton Inference Server
web/        a page that answers in the visitor's browser
"""
