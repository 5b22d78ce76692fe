"""Columns of words and tags, as the shared tasks of CoNLL have them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.schemes import OUTSIDE, Sentence, TagSpan, spans_by_scheme, tag_like
from edgeft.data.table import LOOKED_AT, Lines
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


@dataclass(frozen=True, slots=True)
class _Shape:
    """Of a file's rows by its first lines: how many fields most have, and the last of each.

    mixed: blanks part fields in lines with tabs, too.
    """

    width: int
    tags: frozenset[str]
    mixed: bool = False

    def is_comment(self, fields: Sequence[str]) -> bool:
        """Whether a line that begins with "#" is one; a word may begin so, too, or be "#"."""
        if not fields[0].startswith("#"):
            return False
        if len(fields) != self.width:
            return True
        if self.width == 1 or fields[-1] in self.tags or tag_like(fields[-1]):
            return False
        # A tag that no other line has: of plain ones there may be more, behind a whole word.
        return fields[0] == "#" or any(tag_like(tag) and tag != OUTSIDE for tag in self.tags)


def looks_tagged(lines: Sequence[str]) -> bool:
    """Whether these first lines of a file are words and tags, and no table with a header."""
    shape = _shape(lines)
    rows = [row for row in _split(lines, shape.mixed) if not shape.is_comment(row)]
    return (
        bool(rows)
        and any(row[-1] == OUTSIDE for row in rows)
        and all(len(row) > 1 and tag_like(row[-1]) for row in rows)
    )


def read_tagged(
    lines: Lines, source: str, columns: Mapping[str, str | None], tell: Tell, *, spans: bool = True
) -> tuple[list[Tagged], bool]:
    """The sentences, and whether they have tags: a file of a single column has words alone.

    Without ``spans`` nobody asks for these, and the tags are not looked at.

    ``columns`` may name, as numbers from 1, the columns of "text" and "label" (else the first and
    the last). A sentence with a ragged line, or with tags that are wrong, has what is wrong in
    place of its spans. Raises DataError.
    """
    with closing(lines):
        sentences = [one for one in _sentences(lines, source, columns, tell) if one.words]
    if not sentences:
        raise DataError(f"{source} holds no words.", hint=FORMAT)
    has_tags = any(one.tags for one in sentences)
    if not (has_tags and spans):
        return [Tagged(one.words, one.ragged or (), one.lines[0]) for one in sentences], has_tags
    # A ragged line says nothing of the scheme of the others.
    tagged = [Sentence(one.tags, one.lines) if one.ragged is None else NOTHING for one in sentences]
    scheme, found = spans_by_scheme(tagged, lambda line: f"{source}, line {line}")
    if scheme != "IOB2":
        tell(f"{source}: the tags are read as {scheme}.")
    rows = zip(sentences, found, strict=True)
    return [Tagged(one.words, one.ragged or its, one.lines[0]) for one, its in rows], True


def text_of_words(words: Sequence[str], spans: Sequence[TagSpan]) -> tuple[str, list[TagSpan]]:
    """The words with single spaces between them, and the spans in characters."""
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    found = [(starts[a], starts[b - 1] + len(words[b - 1]), kind) for a, b, kind in spans]
    return " ".join(words), found


def _sentences(
    lines: Lines, source: str, columns: Mapping[str, str | None], tell: Tell
) -> Iterator[_Rows]:
    rows = _Rows()
    peeked = _peeked(lines)
    shape = _shape(peeked)
    width = shape.width
    places = _places(columns, width, source) if width else (0, -1)
    comments = Sightings()
    for number, line in enumerate(chain(peeked, lines), start=1):
        fields = _fields(line, shape.mixed)
        if not fields or fields[0] == BREAK:
            yield rows
            rows = _Rows()
            continue
        if shape.is_comment(fields):
            comments.add(number)
            continue
        rows.lines.append(number)
        if len(fields) != width:
            rows.words.append(fields[min(places[0], len(fields) - 1)])
            rows.ragged = rows.ragged or BadRowError(
                f"{source}, line {number}: {_count(len(fields))}, where the others have {width}.",
                hint=FORMAT,
                kind=RAGGED,
            )
            continue
        rows.words.append(fields[places[0]])
        if width > 1:
            rows.tags.append(fields[places[1]])
    yield rows
    rest = 'read as a comment, for its "#", and left out'
    comments.tell(tell, source, "line is", "lines are", rest)


def _peeked(lines: Lines) -> list[str]:
    """The first lines, with as many as LOOKED_AT that begin with no "#" where there are so many."""
    found: list[str] = []
    plain = 0
    for line in lines:
        found.append(line)
        plain += not line.startswith("#")
        if plain == LOOKED_AT:
            break
    return found


def _shape(lines: Iterable[str]) -> _Shape:
    """What the first lines tell; those with a "#" count where there is nothing else."""
    lines = [*lines]
    rows = _uncommented(_split(lines))
    tabbed = [row[-1] for row in _uncommented(_split(line for line in lines if "\t" in line))]
    mixed = bool(tabbed) and all(
        " " in last and tag_like(BLANKS.split(last)[-1]) for last in tabbed
    )
    if mixed:
        rows = _uncommented(_split(lines, mixed=True))
    widths = Counter(map(len, rows)).most_common(1)
    width = widths[0][0] if widths else 0
    return _Shape(width, frozenset(row[-1] for row in rows if len(row) == width > 1), mixed)


def _split(lines: Iterable[str], mixed: bool = False) -> list[list[str]]:
    return [row for line in lines if (row := _fields(line, mixed)) and row[0] != BREAK]


def _uncommented(rows: list[list[str]]) -> list[list[str]]:
    return [row for row in rows if not row[0].startswith("#")] or rows


def _fields(line: str, mixed: bool) -> list[str]:
    if "\t" in line and not mixed:  # then a word may have blanks in it
        found = [one.strip(" \v\f\r\n") for one in line.split("\t")]
        return [one for one in found if one]
    return BLANKS.split(text) if (text := line.strip(" \v\f\r\n")) else []


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
