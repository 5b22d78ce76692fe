"""Measurements on a GPU machine that is lent for minutes and has neither network nor edgeft.

`prepare` makes parts of all that is needed, on any machine; `machine` joins them on that one and
runs the `steps`; `results` become tables.
"""
