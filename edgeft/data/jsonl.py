"""JSON Lines."""

import json
from collections.abc import Iterator
from typing import Any

from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import Lines, Numbered, Table, picker
from edgeft.errors import DataError
from edgeft.fields import repeated

__all__ = ["open_json_lines"]

EXAMPLE = 'JSON Lines has one object a line, such as {"text": "…", "label": "…"}.'
NAMED = 5  # keys that a note names, of those that are not read


def open_json_lines(lines: Lines, source: str, tell: Tell) -> Table:
    """A table from the lines of a JSON Lines file; its columns are the first object's keys.

    A key that a later object lacks is a cell without text; one that only later
    objects have is not read, and told. Raises DataError.
    """
    objects = _objects(lines, source, tell)
    first = next(objects, None)
    if first is None:
        raise DataError(f"{source} is empty.", hint=EXAMPLE)
    keys = tuple(first[1])
    return Table(
        source=source,
        columns=tuple(key.strip() for key in keys),
        pick=picker(_rows(first, objects, keys, source, tell), lines),
    )


def _rows(
    first: tuple[int, dict[str, Any]],
    objects: Iterator[tuple[int, dict[str, Any]]],
    keys: tuple[str, ...],
    source: str,
    tell: Tell,
) -> Numbered:
    yield first[0], tuple(map(_cell, first[1].values()))
    more = Sightings()
    names: dict[str, None] = {}  # of keys that the first object lacks
    known = frozenset(keys)
    for line, item in objects:
        if not item.keys() <= known:
            more.add(line)
            if len(names) <= NAMED:
                names |= dict.fromkeys(key for key in item if key not in known)
        yield line, tuple(_cell(item.get(key)) for key in keys)
    shown = [visible(name) for name in names][:NAMED] + ["…"] * (len(names) > NAMED)
    rest = f"keys that the first object lacks, which are not read: {', '.join(shown)}"
    more.tell(tell, source, "row has", "rows have", rest)


def _objects(lines: Iterator[str], source: str, tell: Tell) -> Iterator[tuple[int, dict[str, Any]]]:
    blank = Sightings()
    waiting: list[int] = []  # empty lines, which count as skipped where an object comes behind
    begun = False
    for number, raw in enumerate(lines, start=1):
        text = raw.strip().lstrip("\ufeff")
        if not text:
            waiting.append(number)
            continue
        where = f"{source}, line {number}"
        try:
            item = _parse(text, where)
        except json.JSONDecodeError as error:
            if not begun and text.startswith("["):
                raise _array(source) from None
            raise DataError(
                f"{where}: no JSON object ({error.msg}, column {error.colno}).", hint=EXAMPLE
            ) from None
        if not isinstance(item, dict):
            if not begun and isinstance(item, list):
                raise _array(source)
            raise DataError(
                f"{where}: a JSON object is wanted, not a {type(item).__name__}.", hint=EXAMPLE
            )
        for one in waiting:
            blank.add(one)
        waiting.clear()
        begun = True
        yield number, item
    blank.tell(tell, source, "empty line is", "empty lines are", "no row and skipped")


def _parse(text: str, where: str) -> Any:
    """The value, an object as a dictionary. Raises DataError, json.JSONDecodeError."""
    try:
        # Numbers keep their spelling: a label 1.0 stays "1.0". An object inside is a tuple of
        # pairs, which tells it from an array.
        item = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=tuple)
    except RecursionError:
        raise DataError(f"{where}: the JSON is nested too deeply to be read.") from None
    if not isinstance(item, tuple):
        return item
    doubled = repeated(key for key, _ in item)
    if doubled is not None:
        raise DataError(
            f"{where}: the key {visible(doubled)} stands there twice.", hint="Remove one of them."
        )
    return dict(item)


def _array(source: str) -> DataError:
    return DataError(
        f"{source} holds a JSON array, not JSON Lines.",
        hint=f"Write one object a line, for example: jq -c '.[]' {source} > FILE.jsonl",
    )


def _cell(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return None  # null, NaN, a list or an object: an error only where a text is wanted
