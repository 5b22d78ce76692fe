"""Texts with their annotations in a file beside each, as brat writes them (.txt and .ann)."""

import re
from collections.abc import Iterator
from pathlib import Path

from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.source import open_lines
from edgeft.data.spans import Annotated, Mark
from edgeft.errors import DataError

__all__ = ["read_standoff"]

ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+) (\d+)((?:;\d+ \d+)*)(?:\t(.*))?")


def read_standoff(texts: tuple[Path, ...], source: str, tell: Tell) -> Iterator[Annotated]:
    """Each text with its entities; relations, events and notes are not read. Raises DataError."""
    parted = Sightings()
    for number, path in enumerate(texts, start=1):
        beside = path.with_suffix(".ann")
        if not beside.exists():
            raise DataError(
                f"{path} has no annotations beside it.",
                hint=f"Add {beside.name}, which may be empty, or move the text elsewhere.",
            )
        text = "".join(open_lines(path))
        marks = []
        for line, raw in enumerate(open_lines(beside), start=1):
            if not raw.startswith("T"):
                continue
            where = f"{beside}, line {line}"
            found = ENTITY.fullmatch(raw.rstrip("\r\n"))
            if found is None:
                raise DataError(
                    f"{where}: this is no entity as brat writes it.",
                    hint='It is such as "T1<tab>PER 0 5<tab>Alice".',
                )
            _, label, start, end, more, stated = found.groups()
            if more:
                parted.add(number)
                continue
            marks.append(Mark(int(start), int(end), label, where))
            _check(where, text[int(start) : int(end)], stated)
        yield Annotated(number, str(path), text, marks)
    if parted.count:
        tell(
            f"{source}: {parted.count:,} entities in several pieces are left out, as a tagger "
            "cannot find them."
        )


def _check(where: str, found: str, stated: str | None) -> None:
    """brat writes blanks for the line breaks within an entity."""
    if stated is not None and found.split() != stated.split():
        raise DataError(
            f"{where}: {visible(stated)} is said to stand where the text has {visible(found)}.",
            hint="Was the text changed after it was annotated? Take the one that was.",
        )
