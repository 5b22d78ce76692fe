"""Compress: a family of smaller models of one checkpoint, measured, and the one that fits.

family.py    which candidates are tried, by the facts of a checkpoint
rows.py      the user's rows by role: those students learn from, that choose, and that report
work.py      the folder of a run that can be cut short, and what was asked of it
make.py      a source: a checkpoint and its bundle; a candidate: the bundle that would be shipped
measure.py   how quick, large and right a candidate is here
trials.py    the whole family, made and measured in steps
frontier.py  which meets the limits, or comes nearest
ship.py      the chosen one: held to rows that had no say, and written
page.py      the frontier, drawn
"""

import edgeft.distill as _distill  # noqa: F401  which raises DependencyError where one is missing
import edgeft.export as _export  # noqa: F401  likewise
