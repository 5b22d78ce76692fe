"""Texts with their annotations in a file beside each, as brat writes them (.txt and .ann)."""

import re
from collections.abc import Iterator
from pathlib import Path

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.source import open_lines
from edgeft.data.spans import ELSEWHERE, Annotated, Mark
from edgeft.errors import DataError

__all__ = ["read_standoff"]

ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+) (\d+)((?:;\d+ \d+)*)(?:\t(.*))?")


def read_standoff(texts: tuple[Path, ...], source: str, tell: Tell) -> Iterator[Annotated]:
    """Each text with its entities; relations, events and notes are not read. Raises DataError."""
    parted = Sightings("text")
    for number, path in enumerate(texts, start=1):
        beside = path.with_suffix(".ann")
        if not beside.exists():
            raise DataError(
                f"{path} has no annotations beside it.",
                hint=f"Add {beside.name}, which may be empty, or move the text elsewhere.",
            )
        text = "".join(open_lines(path))
        lines = [
            (f"{beside}, line {line}", raw.rstrip("\r\n"))
            for line, raw in enumerate(open_lines(beside), start=1)
            if raw.startswith("T")
        ]
        try:
            found = [_mark(raw, text, where) for where, raw in lines]
        except BadRowError as error:
            yield Annotated(number, str(path), text, error)
            continue
        for _ in range(found.count(None)):
            parted.add(number)
        yield Annotated(number, str(path), text, [mark for mark in found if mark is not None])
    rest = "in several pieces, which no tagger finds, and left out"
    parted.tell(tell, source, "entity is", "entities are", rest)


def _mark(line: str, text: str, where: str) -> Mark | None:
    """The entity of a line; None where it is in several pieces. Raises BadRowError.

    brat writes blanks for the line breaks within an entity.
    """
    found = ENTITY.fullmatch(line)
    if found is None:
        raise BadRowError(
            f"{where}: this is no entity as brat writes it.",
            hint='It is such as "T1<tab>PER 0 5<tab>Alice".',
            kind="a line that is no entity",
        )
    _, label, start, end, more, stated = found.groups()
    if more:
        return None
    stands = text[int(start) : int(end)]
    if stated is not None and stands.split() != stated.split():
        raise BadRowError(
            f"{where}: {visible(stated)} is said to stand where the text has {visible(stands)}.",
            hint="Was the text changed after it was annotated? Take the one that was.",
            kind=ELSEWHERE,
        )
    return Mark(int(start), int(end), label, where)
