"""A table that is open, and which of its columns hold the texts and the labels."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from edgeft.data.labels import visible
from edgeft.data.notes import Tell, unheard
from edgeft.errors import DataError

__all__ = [
    "LABEL_COLUMNS",
    "LONGEST_FIELD",
    "LOOKED_AT",
    "PAIR_COLUMNS",
    "TEXT_COLUMNS",
    "Lines",
    "Records",
    "Cells",
    "Table",
    "columns_found",
    "find_column",
    "numbered",
    "picker",
]

# The usual names, in order of preference; compared without case.
TEXT_COLUMNS = (
    "text", "sentence", "content", "review", "document", "message", "comment", "body",
    "question", "query", "utterance", "tweet", "article", "input", "texts", "sentences",
)  # fmt: skip
# Of two texts that are judged together.
PAIR_COLUMNS = (
    ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"),
    ("text_1", "text_2"), ("text_a", "text_b"), ("text", "text_pair"), ("query", "passage"),
    ("claim", "evidence"), ("#1 string", "#2 string"), ("first", "second"),
    ("anchor", "positive"), ("query", "positive"),
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "category", "class", "target", "sentiment", "intent", "topic", "tag",
    "labels", "categories", "classes",
)  # fmt: skip
# Characters of a field, bytes of a line: what is longer is no text, and may never end.
LONGEST_FIELD = 1 << 28
LOOKED_AT = 200  # lines or objects, to tell what a file is of
MOST_NAMED = 50  # columns that a message names

Cells = tuple[str | None, ...]  # None: no text is there (a missing key, null, a list or an object)
Lines = Generator[str, None, None]  # of a file, with their ends; closing it closes the file
Numbered = Iterator[tuple[int, Cells]]  # the line where a row begins, and its cells


# Objects with their numbers; closing it closes the file.
Records = Generator[tuple[int, Mapping[str, Any]], None, None]


@dataclass(frozen=True)
class Table:
    """The columns of a table whose rows are read when they are asked for, once.

    ``pick`` takes positions of columns and gives every row's line and those cells;
    it raises DataError at a row that is not well formed. ``separated`` says in
    words what stands between the columns, where that is part of the format.
    ``records`` gives every row's line and its object as JSON or Arrow has it, in place of
    ``pick``, and ``shown`` are the first of them; None and () where cells are text alone. ``begun``
    are the first rows of such cells. ``headless`` gives, in place of ``pick``, the table as it is
    where its first line is a row, so that columns have numbers for names; None where names stand
    with every row.
    """

    source: str
    columns: tuple[str, ...]
    pick: Callable[[Sequence[int]], Numbered]
    separated: str = ""
    records: Callable[[], Records] | None = None
    shown: tuple[Mapping[str, Any], ...] = ()
    begun: tuple[Cells, ...] = ()
    headless: Callable[[], "Table"] | None = None

    def first_rows(self) -> Sequence[Mapping[str, Any]]:
        """The first rows, by column, without reading on: objects as they are, or cells of text."""
        return self.shown or [dict(zip(self.columns, one, strict=True)) for one in self.begun]


def numbered(table: Table, columns: Mapping[str, str | None]) -> Table:
    """The table without a header where a column is named by its number, from "1", and by no name.

    Else it stays as it is.
    """
    numbers = [name for name in columns.values() if name and name.isascii() and name.isdigit()]
    if table.headless is None or not numbers or set(numbers) & {*table.columns}:
        return table
    return table.headless()


def picker(rows: Numbered, lines: Lines) -> Callable[[Sequence[int]], Numbered]:
    """``Table.pick`` for rows that are read whole anyway, from lines that are closed then."""

    def pick(columns: Sequence[int]) -> Numbered:
        with closing(lines):
            for line, row in rows:
                yield line, tuple(row[at] for at in columns)

    return pick


def find_column(
    table: Table, named: str | None, usual: Sequence[str], role: str, tell: Tell = unheard
) -> int:
    """Position of the column called ``named``, or of the first with a usual name.

    ``role`` ("text", "label") is the word for it in messages and options. Where
    several columns have usual names, it is told which is read. Raises DataError,
    which lists the columns found.
    """
    found = columns_found(table)
    if named is not None:
        if not named or named not in table.columns:  # a column without a name is not read
            raise DataError(f"{table.source} has no column {visible(named)}.", hint=found)
        at = table.columns.index(named)
    else:
        lowered = [column.lower() for column in table.columns]
        places = [at for name in usual for at, one in enumerate(lowered) if one == name]
        if not places:
            raise DataError(
                f"{table.source} has no {role} column under a usual name.",
                hint=f"{found} Name one with --{role}-column{_or_number(table)}."
                + " `edgeft tasks` shows what each task takes." * (role == "label"),
            )
        at = places[0]
        others = [table.columns[one] for one in places if table.columns[one] != table.columns[at]]
        if others:
            tell(
                f"{table.source}: the {role} is read from {visible(table.columns[at])}, not from "
                f"{' or '.join(map(visible, others))}; --{role}-column names another."
            )
    _check_name(table, table.columns[at])
    return at


def _or_number(table: Table) -> str:
    return "" if table.headless is None else ", by its number where the first line is a row"


def columns_found(table: Table) -> str:
    """The columns of a table, as a hint names them."""
    named = [column for column in table.columns if column]
    if not named:
        return "Its first line names no column."
    between = f", separated by {table.separated}" if table.separated else ""
    shown = [*map(visible, named[:MOST_NAMED]), *["…"] * (len(named) > MOST_NAMED)]
    return f"Columns found: {', '.join(shown)}{between}."


def _check_name(table: Table, name: str) -> None:
    if table.columns.count(name) > 1:
        raise DataError(
            f"{table.source}: the column {visible(name)} stands in the header twice.",
            hint="Give one of them another name.",
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{table.source}: the name {visible(name)} of a column holds half a surrogate pair, "
            "which is no character.",
            hint="Give the column another name.",
        ) from None
