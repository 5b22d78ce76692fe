"""What a task reads its examples from: a table, lines, one JSON document, or standoff files."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from edgeft.data.conll import looks_tagged
from edgeft.data.jsonl import array_error, json_value, open_json_lines
from edgeft.data.notes import Tell, unheard
from edgeft.data.read import TABLE_SUFFIXES, open_table
from edgeft.data.source import open_lines
from edgeft.data.table import LOOKED_AT, Lines, Records, Table
from edgeft.errors import DataError

__all__ = [
    "SOURCE_SUFFIXES", "TAGGED_SUFFIXES", "Document", "Source", "Standoff",
    "TaggedLines", "is_source", "keys_of", "open_source", "open_unless_plain", "records_of",
    "shown_of", "table_of", "unit_of",
]  # fmt: skip

BESIDE = "Give labels in a column beside the texts; `edgeft tasks` shows what each task takes. "
TABS = "Call a table whose columns are separated by tabs .tsv. "
TAGGED_SUFFIXES = (".conll", ".conll03", ".iob", ".iob2", ".bio", ".bioes", ".ner")
SOURCE_SUFFIXES = (*TABLE_SUFFIXES, *TAGGED_SUFFIXES, ".txt")


@dataclass(frozen=True)
class TaggedLines:
    """A word and its tag a line, an empty line behind each sentence (CoNLL)."""

    source: str
    lines: Lines


@dataclass(frozen=True)
class Document:
    """One JSON value, such as SQuAD's or Label Studio's."""

    source: str
    content: Any


@dataclass(frozen=True)
class Standoff:
    """Texts, each in a file of its own with its annotations in another beside it (brat)."""

    source: str
    texts: tuple[Path, ...]


Source = Table | TaggedLines | Document | Standoff


def open_source(path: Path, tell: Tell = unheard) -> Source:
    """Open a file, or a folder of brat's, for what its suffix and its beginning say it is.

    Raises DataError, also for a file of nothing but texts.
    """
    found = open_unless_plain(path, tell)
    if found is None:
        raise DataError(
            f"{path} has texts and nothing that is true of them: neither does each line hold a "
            "word and its tag, nor does an .ann file stand beside it."
            if path.suffix.lower() == ".txt"
            else f"{path}: the suffix {path.suffix or '(none)'!r} is not one that edgeft reads.",
            hint=(BESIDE + TABS) * (path.suffix.lower() == ".txt")
            + f"Use one of {', '.join(SOURCE_SUFFIXES)}; edgeft train reads .parquet too.",
        )
    return found


def open_unless_plain(path: Path, tell: Tell = unheard) -> Source | None:
    """``open_source``, but None for a file of texts, one a line. Raises DataError."""
    if path.is_dir():
        texts = _annotated(path)
        if not texts:
            raise DataError(
                f"{path} is a folder without .ann files beside .txt files.",
                hint="Name a file in it.",
            )
        return Standoff(str(path), texts)
    suffix = path.suffix.lower()
    if suffix == ".ann" or (suffix == ".txt" and path.with_suffix(".ann").exists()):
        return Standoff(str(path), (path.with_suffix(".txt"),))
    if suffix in TAGGED_SUFFIXES:
        return TaggedLines(str(path), open_lines(path))
    if suffix in (".txt", ".tsv"):
        first, lines = _peeked(open_lines(path))
        if looks_tagged(first):
            return TaggedLines(str(path), lines)
        lines.close()
    if suffix == ".json":
        return _opened_json(path, tell)
    return open_table(path, tell) if suffix in (*TABLE_SUFFIXES, ".parquet") else None


def is_source(path: Path) -> bool:
    """Whether it is a folder of brat's rather than one with a file for each split."""
    return path.is_dir() and bool(_annotated(path))


def table_of(source: Source, kind: str = "labelled texts") -> Table:
    """The source, if it is a table. Raises DataError, which says what else it is."""
    match source:
        case Table():
            return source
        case Document(content=list()):
            raise array_error(source.source)
        case TaggedLines():
            found = "tagged words, from which a tagger of entities learns"
        case Standoff():
            found = "texts with annotations beside them, from which a tagger of entities learns"
        case Document():
            found = "one JSON document"
    raise DataError(
        f"{source.source} holds {found}, not {kind}.",
        hint="Name the task that the data are for with --task, or give a table.",
    )


def records_of(source: Source) -> Records | None:
    """A source's objects with their numbers; None where it has none.

    Raises DataError at an item that is no object.
    """
    match source:
        case Table(records=None):
            return None
        case Table():
            assert source.records is not None
            return source.records()
        case Document(content=list()):
            return _items(source)
    return None


def unit_of(source: Source) -> str:
    """What the numbers of its rows count."""
    match source:
        case Standoff():
            return "text"
        case Document(content=list()):
            return "item"
        case Document():
            return "question"  # of SQuAD's, the one document whose rows lie deeper
    return "line"


def shown_of(source: Source) -> Sequence[Mapping[str, Any]]:
    """The first of a source's objects; none where it has none."""
    match source:
        case Table():
            return source.shown
        case Document(content=list()):
            return [one for one in source.content[:LOOKED_AT] if isinstance(one, dict)]
    return ()


def keys_of(source: Source) -> Sequence[str]:
    """The columns of a table, and the keys of the first of a source's objects."""
    columns = source.columns if isinstance(source, Table) else ()
    return tuple(dict.fromkeys([*columns, *(key for one in shown_of(source) for key in one)]))


def _items(document: Document) -> Records:
    for number, one in enumerate(document.content, start=1):
        if not isinstance(one, dict):
            raise DataError(
                f"{document.source}, item {number}: an object is wanted, not a "
                f"{type(one).__name__}.",
                hint='Write objects such as {"text": "…", "entities": […]}.',
            )
        yield number, one


def _annotated(folder: Path) -> tuple[Path, ...]:
    """The texts of a folder, if it has annotations as brat has them."""
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}.") from error
    if not any(one.suffix.lower() == ".ann" for one in names):
        return ()
    return tuple(one for one in names if one.suffix.lower() == ".txt")


def _peeked(lines: Lines) -> tuple[list[str], Lines]:
    """The first lines, and all of them."""
    first = [line for _, line in zip(range(LOOKED_AT), lines, strict=False)]
    return first, _behind(first, lines)


def _behind(first: Sequence[str], lines: Lines) -> Lines:
    with closing(lines):
        yield from chain(first, lines)


def _opened_json(path: Path, tell: Tell) -> Source:
    """JSON Lines, unless the file as a whole is one JSON value and its first line is none."""
    lines = open_lines(path)
    first: list[str] = []
    for line in lines:
        first.append(line)
        if line.strip().lstrip("\ufeff"):
            break
    text = first[-1].strip().lstrip("\ufeff") if first else ""
    whole = _behind(first, lines)
    if text and (_value(text) is None or text.startswith("[") or _is_squad(_value(text))):
        content = _document(path, text)
        if content is not None:
            whole.close()
            return Document(str(path), content)
    return open_json_lines(whole, str(path), tell)


def _document(path: Path, first: str) -> Any:
    """The JSON value that the file is; None where it is none, or none by its first line."""
    if first[0] not in "[{":
        return None
    text = "".join(open_lines(path)).lstrip("\ufeff")
    try:
        return json_value(text, str(path))
    except RecursionError:
        raise DataError(f"{path}: the JSON is nested too deeply to be read.") from None
    except json.JSONDecodeError as error:
        if first.startswith("{"):
            return None
        raise DataError(
            f"{path}, line {error.lineno}: no JSON ({error.msg}, column {error.colno}).",
            hint="Was the file cut off? Write it again.",
        ) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_int=str)
    except (json.JSONDecodeError, RecursionError):
        return None


def _is_squad(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("data"), list)
