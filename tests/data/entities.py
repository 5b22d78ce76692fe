"""Reads files of entities for tests, and says what was found."""

import json
from pathlib import Path
from typing import Any

from edgeft.data import Examples, OnBad, open_source
from edgeft.data.entities import entities_or_texts


def read(path: Path, on_bad: OnBad = "error", **columns: str) -> tuple[Examples, list[str]]:
    notes: list[str] = []
    found = entities_or_texts(open_source(path, notes.append), columns, notes.append, on_bad)
    assert isinstance(found, Examples)
    return found, notes


def told(examples: Examples, row: int = 0) -> list[tuple[str, str]]:
    text = examples.texts[row]
    return [(examples.labels[at], text[start:end]) for start, end, at in examples.truths[row]]


def written(path: Path, *lines: Any) -> Path:
    rows = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
