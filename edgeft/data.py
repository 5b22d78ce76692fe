"""Readers of the user's texts: CSV, TSV, JSON Lines and plain text.

One parser for every stage, and a strict one: a cell is the text that stands
there ("NA", "null" and "None" stay text, a label "01" stays "01"), a row with
too few or too many fields is an error with its line, and a file is UTF-8.
"""

import csv
import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgeft.errors import DataError

__all__ = [
    "LABEL_COLUMNS",
    "TEXT_COLUMNS",
    "Examples",
    "Table",
    "examples_from_table",
    "read_examples",
    "read_examples_or_texts",
    "read_table",
    "read_texts",
    "stratified_split",
]

# The usual names, in order of preference; compared without case.
TEXT_COLUMNS = (
    "text", "sentence", "content", "review", "document", "message", "comment", "body",
    "question", "query", "utterance", "tweet", "article", "input", "texts", "sentences",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "category", "class", "target", "sentiment", "intent", "topic", "tag",
    "labels", "categories", "classes",
)  # fmt: skip

Row = tuple[str | None, ...]  # None: a cell without text (JSON null, list or object)

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # the byte-order mark, little- and big-endian


@dataclass(frozen=True)
class Table:
    """Rows of text cells. ``lines[i]`` is the line of the file where row i begins."""

    source: str
    columns: tuple[str, ...]
    rows: list[Row]
    lines: list[int]

    def column(self, at: int) -> list[str]:
        """The cells of one column; a cell without text raises DataError."""
        for row, line in zip(self.rows, self.lines, strict=True):
            if row[at] is None:
                raise DataError(
                    f"{self.source}, line {line}: {self.columns[at]!r} holds no text.",
                    hint="Only strings, numbers and truth values can be read.",
                )
        return [cell for row in self.rows if (cell := row[at]) is not None]


@dataclass(frozen=True)
class Examples:
    """Labelled texts: ``texts[i]`` has the label ``labels[i]`` and stands at ``lines[i]``."""

    source: str
    texts: list[str]
    labels: list[str]
    lines: list[int]
    text_column: str
    label_column: str

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, rows: Iterable[int]) -> "Examples":
        """The examples at the positions ``rows``, in that order."""
        rows = list(rows)
        return Examples(
            source=self.source,
            texts=[self.texts[i] for i in rows],
            labels=[self.labels[i] for i in rows],
            lines=[self.lines[i] for i in rows],
            text_column=self.text_column,
            label_column=self.label_column,
        )


def read_table(path: Path) -> Table:
    """Read a whole CSV, TSV or JSON Lines file, chosen by its suffix.

    CSV follows RFC 4180. TSV has no quoting: a tab or a line break always
    separates. A JSON Lines file has one object a line; its columns are the keys
    of the first object. A byte-order mark is skipped, empty lines are ignored.
    Raises DataError.
    """
    suffix = path.suffix.lower()
    _refuse_parquet(path)
    if suffix not in TABLE_SUFFIXES:
        raise DataError(
            f"{path}: the suffix {suffix or '(none)'!r} is not one that edgeft reads.",
            hint=f"Use one of {', '.join(TABLE_SUFFIXES)}.",
        )
    with _open(path) as lines:
        if suffix in (".jsonl", ".ndjson"):
            numbered = _json_rows(lines, str(path))
        else:
            numbered = _delimited_rows(lines, str(path), tabs=suffix == ".tsv")
        try:
            columns = tuple(map(str, next(numbered)[1]))
            pairs = list(numbered)
        except StopIteration:
            raise DataError(f"{path} is empty.", hint="It needs a header and rows.") from None
        except UnicodeDecodeError as error:
            raise _encoding_error(path) from error
    if not pairs:
        raise DataError(f"{path} has a header but no rows.")
    return Table(
        source=str(path),
        columns=columns,
        rows=[row for _, row in pairs],
        lines=[line for line, _ in pairs],
    )


def find_column(table: Table, named: str | None, usual: Sequence[str], role: str) -> int:
    """Position of the column called ``named``, or of the first with a usual name.

    ``role`` ("text", "label") is the word for it in messages and options.
    Raises DataError, which lists the columns found.
    """
    found = ", ".join(map(repr, table.columns))
    if named is not None:
        if named in table.columns:
            return table.columns.index(named)
        raise DataError(
            f"{table.source} has no column {named!r}.",
            hint=f"Columns found: {found}.",
        )
    lowered = [column.strip().lower() for column in table.columns]
    for name in usual:
        if name in lowered:
            return lowered.index(name)
    hint = f"Columns found: {found}. Name one with --{role}-column."
    if len(table.columns) == 1 and ";" in table.columns[0]:
        hint = f"Columns found: {found}. Separate the columns by commas, not by semicolons."
    raise DataError(f"{table.source} has no {role} column under a usual name.", hint=hint)


def read_examples(
    path: Path, *, text_column: str | None = None, label_column: str | None = None
) -> Examples:
    """Read labelled texts. Raises DataError; see ``read_table`` for the formats."""
    return examples_from_table(read_table(path), text_column=text_column, label_column=label_column)


def examples_from_table(
    table: Table, *, text_column: str | None = None, label_column: str | None = None
) -> Examples:
    """Pick the text and the label column of a table; an empty label is a DataError."""
    text_at = find_column(table, text_column, TEXT_COLUMNS, "text")
    label_at = find_column(table, label_column, LABEL_COLUMNS, "label")
    if text_at == label_at:
        raise DataError(
            f"{table.source}: {table.columns[text_at]!r} cannot be both the text and the label.",
            hint="Name the columns with --text-column and --label-column.",
        )
    texts, labels = table.column(text_at), table.column(label_at)
    for label, line in zip(labels, table.lines, strict=True):
        if not label.strip():
            raise DataError(
                f"{table.source}, line {line}: column {table.columns[label_at]!r} is empty.",
                hint="Give the row a label or remove it.",
            )
    return Examples(
        source=table.source,
        texts=texts,
        labels=labels,
        lines=table.lines,
        text_column=table.columns[text_at],
        label_column=table.columns[label_at],
    )


def read_texts(source: Path | IO[bytes], *, text_column: str | None = None) -> Iterator[str]:
    """Open a source of texts and iterate over them.

    A CSV, TSV or JSON Lines file gives its text column, read whole and checked
    first. Any other file, and a binary stream such as stdin, gives one text a
    line as it arrives, in bounded memory. Raises DataError, at once where the
    source cannot be opened.
    """
    if isinstance(source, Path):
        _refuse_parquet(source)
    if isinstance(source, Path) and source.suffix.lower() in TABLE_SUFFIXES:
        table = read_table(source)
        return iter(table.column(find_column(table, text_column, TEXT_COLUMNS, "text")))
    name = str(source) if isinstance(source, Path) else "stdin"
    if text_column is not None:
        raise DataError(
            f"{name} has one text a line, so no column {text_column!r}.",
            hint=f"Columns exist in {', '.join(TABLE_SUFFIXES)} files.",
        )
    return _plain_lines(_open_bytes(source) if isinstance(source, Path) else source, name)


def read_examples_or_texts(
    path: Path, *, text_column: str | None = None, label_column: str | None = None
) -> Examples | list[str]:
    """Read labelled examples, or the texts alone of a file that has no label column.

    A table is labelled where ``label_column`` names a column or a column has a
    usual name. Raises DataError, also for a file without any text.
    """
    _refuse_parquet(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        table = read_table(path)
        usual = {column.strip().lower() for column in table.columns} & set(LABEL_COLUMNS)
        if label_column is not None or usual:
            return examples_from_table(table, text_column=text_column, label_column=label_column)
    elif label_column is not None:
        raise DataError(
            f"{path} has one text a line, so no column {label_column!r}.",
            hint=f"Columns exist in {', '.join(TABLE_SUFFIXES)} files.",
        )
    texts = list(read_texts(path, text_column=text_column))
    if not texts:
        raise DataError(f"{path} is empty.", hint="It needs at least one text.")
    return texts


def stratified_split(
    labels: Sequence[str], fraction: float, *, seed: int
) -> tuple[list[int], list[int]]:
    """Split positions into (kept, held out), each label in proportion.

    Every label with at least two rows keeps one on both sides; a label with one
    row stays in the first. The same arguments give the same split.
    """
    by_label: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        by_label.setdefault(label, []).append(position)
    chance = random.Random(seed)
    held: list[int] = []
    for label in sorted(by_label):
        positions = by_label[label]
        chance.shuffle(positions)
        count = round(len(positions) * fraction)
        held += positions[: min(max(count, 1), len(positions) - 1)]
    out = set(held)
    return [i for i in range(len(labels)) if i not in out], sorted(held)


# --- the formats ---------------------------------------------------------------


def _refuse_parquet(path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        raise DataError(
            f"{path}: Parquet is read by edgeft train only.",
            hint=f"Convert it to one of {', '.join(TABLE_SUFFIXES)}, for example: "
            'python -c "import pandas; '
            "pandas.read_parquet('in.parquet').to_csv('out.csv', index=False)\"",
        )


def _open_bytes(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a file.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint="Check the path.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _open(path: Path) -> IO[str]:
    _open_bytes(path).close()
    return path.open(encoding="utf-8-sig", newline="")


def _encoding_error(path: Path) -> DataError:
    # The decoder counts bytes within its buffer; find the true line in the file.
    with path.open("rb") as stream:
        for line, raw in enumerate(stream, start=1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return _not_utf8(str(path), line, raw)
    return _not_utf8(str(path), 1, b"")


def _not_utf8(source: str, line: int, raw: bytes) -> DataError:
    if line == 1 and raw.startswith(UTF_16_MARKS):
        return DataError(
            f"{source}: the text is UTF-16, not UTF-8.",
            hint="Convert it: iconv -f UTF-16 -t UTF-8 in.csv > out.csv",
        )
    return DataError(
        f"{source}, line {line}: the text is not UTF-8.",
        hint="Convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv",
    )


def _plain_lines(stream: IO[bytes], source: str) -> Iterator[str]:
    with stream:
        for number, raw in enumerate(stream, start=1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise _not_utf8(source, number, raw) from None
            yield text.rstrip("\r\n")


def _delimited_rows(lines: IO[str], source: str, *, tabs: bool) -> Iterator[tuple[int, Row]]:
    """Yield (line, cells): first the header, then every row. Raises DataError."""
    csv.field_size_limit(sys.maxsize)  # the default of 128 KiB is shorter than a long document
    if tabs:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    begin = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{source}, line {begin}: {error}.",
                hint="A quote inside a quoted field is written twice.",
            ) from None
        line, begin = begin, reader.line_num + 1
        if not cells:
            continue
        if header is None:
            header = cells
            _check_header(header, source)
        elif len(cells) != len(header):
            raise DataError(
                f"{source}, line {line}: {len(cells)} field{'s' if len(cells) > 1 else ''} "
                f"where the header has {len(header)}.",
                hint=""
                if tabs
                else "A text that holds a comma or a line break stands in double quotes.",
            )
        yield line, tuple(cells)


def _check_header(header: Sequence[str], source: str) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise DataError(f"{source}: the column {doubled[0]!r} stands in the header twice.")


def _json_rows(lines: IO[str], source: str) -> Iterator[tuple[int, Row]]:
    """Yield (line, cells): first the keys of the first object, then every row."""
    columns: tuple[str, ...] | None = None
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        where = f"{source}, line {number}"
        try:
            # Numbers keep their spelling: a label 1.0 stays "1.0".
            item = json.loads(raw, parse_int=str, parse_float=str)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{where}: no JSON object ({error.msg}, column {error.colno}).",
                hint='JSON Lines has one object a line, such as {"text": "…", "label": "…"}.',
            ) from None
        except RecursionError:
            raise DataError(f"{where}: the JSON is nested too deeply to be read.") from None
        if not isinstance(item, dict):
            raise DataError(f"{where}: a JSON object is wanted, not a {type(item).__name__}.")
        if columns is None:
            columns = tuple(item)
            yield number, columns
        missing = [name for name in columns if name not in item]
        if missing:
            raise DataError(f"{where}: the key {missing[0]!r} is missing.")
        yield number, tuple(_json_cell(item[name]) for name in columns)


def _json_cell(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return None  # null, a list or an object: an error only where a text is wanted
