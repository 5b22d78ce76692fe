"""JSON Lines."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import Any

from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LOOKED_AT, Lines, Numbered, Records, Table, picker
from edgeft.errors import DataError
from edgeft.fields import repeated

__all__ = ["array_error", "json_value", "open_json_lines"]

EXAMPLE = 'JSON Lines has one object a line, such as {"text": "…", "label": "…"}.'
NumberedText = tuple[int, str]  # of a line
LONGEST_NUMBER = 19  # digits
NAMED = 5  # keys that a note names, of those that are not read


def open_json_lines(lines: Lines, source: str, tell: Tell) -> Table:
    """A table from the lines of a JSON Lines file; its columns are the first object's keys.

    A key that a later object lacks is a cell without text; one that only later
    objects have is not read, and told. A list of two texts under "text" is a pair of them: "text"
    and "text_pair". Raises DataError.
    """
    texts = _texts(lines, source, tell)
    peeked = list(islice(texts, LOOKED_AT))
    if not peeked:
        raise DataError(f"{source} is empty.", hint=EXAMPLE)
    texts = chain(peeked, texts)
    objects = map(_parted, _objects(texts, source))
    begun = next(objects)
    keys = tuple(begun[1])
    return Table(
        source=source,
        columns=tuple(key.strip() for key in keys),
        pick=picker(_rows(begun, objects, keys, source, tell), lines),
        records=lambda: _records(chain(peeked[:1], texts), source, lines),
        shown=tuple(_shown(peeked, source)),
    )


def _parted(row: tuple[int, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """An object whose text is a list of two, with each under the usual name of its column."""
    number, item = row
    match item.get("text"):
        case [str() as first, str() as second] if "text_pair" not in item:
            return number, {**item, "text": first, "text_pair": second}
    return row


def _shown(peeked: Iterable[NumberedText], source: str) -> Iterator[dict[str, Any]]:
    """The objects, up to the first that is wrong, which is told when it is its turn."""
    for number, text in peeked:
        try:
            yield _whole_object(number, text, source)
        except DataError:
            return


def _records(texts: Iterator[NumberedText], source: str, lines: Lines) -> Records:
    """Every object as it stands there. Raises DataError."""
    with closing(lines):
        for number, text in texts:
            yield number, _whole_object(number, text, source)


def _whole_object(number: int, text: str, source: str) -> dict[str, Any]:
    where = f"{source}, line {number}"
    try:
        item = json_value(text, where)
    except json.JSONDecodeError as error:
        raise _no_object(where, error) from None
    except RecursionError:
        raise _too_deep(where) from None
    if not isinstance(item, dict):
        raise _wrong_kind(where, item)
    return item


def json_value(text: str, where: str) -> Any:
    """A JSON value in which no object names a key twice. Raises DataError, JSONDecodeError."""
    return json.loads(text, object_pairs_hook=_unique_keys(where), parse_int=_whole_number)


def _whole_number(digits: str) -> int | str:
    """A number that could count something; longer ones stay text, as Python reads no such."""
    return int(digits) if len(digits) < LONGEST_NUMBER else digits


def _unique_keys(where: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """For ``json.loads(object_pairs_hook=…)``: an object that names nothing twice, or DataError."""

    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        doubled = repeated(key for key, _ in pairs)
        if doubled is not None:
            raise _doubled(where, doubled)
        return dict(pairs)

    return read


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


def _texts(lines: Iterator[str], source: str, tell: Tell) -> Iterator[NumberedText]:
    """The lines that are not empty, with their numbers."""
    blank = Sightings()
    waiting: list[int] = []  # empty lines, which count as skipped where an object comes behind
    for number, raw in enumerate(lines, start=1):
        text = raw.strip().lstrip("\ufeff")
        if not text:
            waiting.append(number)
            continue
        for one in waiting:
            blank.add(one)
        waiting.clear()
        yield number, text
    blank.tell(tell, source, "empty line is", "empty lines are", "no row and skipped")


def _objects(texts: Iterator[NumberedText], source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    begun = False
    for number, text in texts:
        where = f"{source}, line {number}"
        try:
            item = _parse(text, where)
        except json.JSONDecodeError as error:
            if not begun and text.startswith("["):
                raise array_error(source) from None
            raise _no_object(where, error) from None
        if not isinstance(item, dict):
            if not begun and isinstance(item, list):
                raise array_error(source)
            raise _wrong_kind(where, item)
        begun = True
        yield number, item


def _parse(text: str, where: str) -> Any:
    """The value, an object as a dictionary. Raises DataError, json.JSONDecodeError."""
    try:
        # Numbers keep their spelling: a label 1.0 stays "1.0". An object inside is a tuple of
        # pairs, which tells it from an array.
        item = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=tuple)
    except RecursionError:
        raise _too_deep(where) from None
    if not isinstance(item, tuple):
        return item
    doubled = repeated(key for key, _ in item)
    if doubled is not None:
        raise _doubled(where, doubled)
    return dict(item)


def _no_object(where: str, error: json.JSONDecodeError) -> DataError:
    return DataError(f"{where}: no JSON object ({error.msg}, column {error.colno}).", hint=EXAMPLE)


def _wrong_kind(where: str, item: object) -> DataError:
    return DataError(
        f"{where}: a JSON object is wanted, not a {type(item).__name__}.", hint=EXAMPLE
    )


def _too_deep(where: str) -> DataError:
    return DataError(f"{where}: the JSON is nested too deeply to be read.")


def _doubled(where: str, key: str) -> DataError:
    return DataError(
        f"{where}: the key {visible(key)} stands there twice.", hint="Remove one of them."
    )


def array_error(source: str) -> DataError:
    """The error of a JSON array where one object a line is wanted."""
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
