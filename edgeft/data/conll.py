"""Columns of words and tags, as the shared tasks of CoNLL have them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible
from edgeft.data.notes import Tell
from edgeft.data.schemes import NONE, Sentence, TagSpan, spans_by_scheme, tag_like
from edgeft.data.table import Lines
from edgeft.errors import DataError

__all__ = ["Tagged", "looks_tagged", "read_tagged", "text_of_words"]

BREAK = "-DOCSTART-"
BLANKS = re.compile(r"[ \t\v\f]+")  # not those within words, such as U+00A0
NOTHING = Sentence((), ())
RAGGED = "a ragged line"
FORMAT = "Each line has a word and, last, its tag; an empty line ends a sentence."


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence: its words, the spans of words that are entities, and its first line.

    In place of the spans stands what is wrong with one of its lines.
    """

    words: Sequence[str]
    spans: Sequence[TagSpan] | BadRowError
    line: int


@dataclass(slots=True)
class _Rows:
    """The words, tags and lines of a sentence, and its first ragged line."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ragged: BadRowError | None = None


def looks_tagged(lines: Sequence[str]) -> bool:
    """Whether these first lines of a file are words and tags, and no table with a header."""
    rows = [_fields(line) for line in lines if line.strip()]
    rows = [row for row in rows if not _apart(row)]
    return (
        bool(rows)
        and any(row[-1] == NONE for row in rows)
        and all(len(row) > 1 and tag_like(row[-1]) for row in rows)
    )


def read_tagged(
    lines: Lines, source: str, columns: Mapping[str, str | None], tell: Tell
) -> tuple[list[Tagged], bool]:
    """The sentences, and whether they have tags: a file of a single column has words alone.

    ``columns`` may name, as numbers from 1, the columns of "text" and "label" (else the first and
    the last). A sentence with a ragged line, or with tags that are wrong, has what is wrong in
    place of its spans. Raises DataError.
    """
    with closing(lines):
        sentences = [one for one in _sentences(lines, source, columns) if one.words]
    if not sentences:
        raise DataError(f"{source} holds no words.", hint=FORMAT)
    if not any(one.tags for one in sentences):
        return [Tagged(one.words, one.ragged or (), one.lines[0]) for one in sentences], False
    # A ragged line says nothing of the scheme of the others.
    tagged = [Sentence(one.tags, one.lines) if one.ragged is None else NOTHING for one in sentences]
    scheme, spans = spans_by_scheme(tagged, lambda line: f"{source}, line {line}")
    if scheme != "IOB2":
        tell(f"{source}: the tags are read as {scheme}.")
    rows = zip(sentences, spans, strict=True)
    return [Tagged(one.words, one.ragged or its, one.lines[0]) for one, its in rows], True


def text_of_words(words: Sequence[str], spans: Sequence[TagSpan]) -> tuple[str, list[TagSpan]]:
    """The words with single spaces between them, and the spans in characters."""
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    found = [(starts[a], starts[b - 1] + len(words[b - 1]), kind) for a, b, kind in spans]
    return " ".join(words), found


def _sentences(lines: Lines, source: str, columns: Mapping[str, str | None]) -> Iterator[_Rows]:
    rows = _Rows()
    width = 0
    places = (0, -1)
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        if not fields or fields[0] == BREAK:
            yield rows
            rows = _Rows()
            continue
        if _apart(fields):
            continue
        if not width:
            width = len(fields)
            places = _places(columns, width, source)
        rows.lines.append(number)
        if len(fields) != width:
            rows.words.append(fields[min(places[0], len(fields) - 1)])
            rows.ragged = rows.ragged or BadRowError(
                f"{source}, line {number}: {_count(len(fields))}, where the lines before have "
                f"{width}.",
                hint=FORMAT,
                kind=RAGGED,
            )
            continue
        rows.words.append(fields[places[0]])
        if width > 1:
            rows.tags.append(fields[places[1]])
    yield rows


def _fields(line: str) -> list[str]:
    if "\t" in line:  # then a word may have blanks in it
        found = [one.strip(" \v\f\r\n") for one in line.split("\t")]
        return [one for one in found if one]
    return BLANKS.split(text) if (text := line.strip(" \v\f\r\n")) else []


def _apart(fields: Sequence[str]) -> bool:
    """Whether a line is a comment, or parts documents. A word may be "#", with a tag behind it."""
    return fields[0] == BREAK or (fields[0].startswith("#") and not tag_like(fields[-1]))


def _places(columns: Mapping[str, str | None], width: int, source: str) -> tuple[int, int]:
    found = []
    for role, usual in (("text", 1), ("label", width)):
        named = columns.get(role) or str(usual)
        if not (named.isascii() and named.isdigit() and 1 <= int(named) <= width):
            raise DataError(
                f"{source} has no column {visible(named)}.",
                hint=f"It has {width}; name one by its number, from 1, with --{role}-column.",
            )
        found.append(int(named) - 1)
    return found[0], found[1]


def _count(fields: int) -> str:
    return "1 column" if fields == 1 else f"{fields} columns"
