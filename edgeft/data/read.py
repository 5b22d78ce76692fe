"""From a file, by its suffix, to labelled inputs or to inputs alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from edgeft.data.bad import BadRows, OnBad
from edgeft.data.delimited import open_delimited
from edgeft.data.examples import Examples, examples_or_inputs, unlabelled
from edgeft.data.input_columns import TEXTS, inputs_of
from edgeft.data.jsonl import open_json_lines
from edgeft.data.notes import Sightings, Tell, unheard
from edgeft.data.source import lines_of, open_lines
from edgeft.data.table import LABEL_COLUMNS, Table, numbered
from edgeft.errors import DataError
from edgeft.inputs import Input

__all__ = [
    "TABLE_SUFFIXES",
    "labelled_or_inputs",
    "open_inputs",
    "open_table",
    "open_texts",
    "read_texts",
    "read_whole",
]

NO_COLUMNS: Mapping[str, str | None] = {}
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
TABLE_SUFFIXES = (".csv", ".tsv", *JSON_SUFFIXES)


def open_table(path: Path, tell: Tell = unheard) -> Table:
    """Open a CSV, TSV or JSON Lines file, chosen by its suffix; rows are read when asked for.

    A byte-order mark is skipped. An empty line is a row where the header has one
    column, else it is none. Raises DataError.
    """
    suffix = path.suffix.lower()
    _refuse_parquet(path)
    if suffix not in TABLE_SUFFIXES:
        raise DataError(
            f"{path}: the suffix {suffix or '(none)'!r} is not one that edgeft reads.",
            hint=f"Use one of {', '.join(TABLE_SUFFIXES)}; edgeft train reads .parquet too.",
        )
    lines = open_lines(path)
    try:
        if suffix in JSON_SUFFIXES:
            return open_json_lines(lines, str(path), tell)
        return open_delimited(lines, str(path), tabs=suffix == ".tsv", tell=tell)
    except DataError:
        lines.close()
        raise


def labelled_or_inputs(
    table: Table,
    columns: Mapping[str, str | None],
    *,
    tell: Tell,
    on_bad: OnBad = "error",
) -> Examples | list[Input]:
    """The labelled examples of a table, or its inputs alone where it has no labels.

    It is labelled where a column is named for the label, or where one has a usual name and is
    not empty in every row. Raises DataError.
    """
    usual = {column.lower() for column in table.columns} & set(LABEL_COLUMNS)
    if columns.get("label") is None and not usual:
        return list(inputs_of(table, columns, tell))
    found = examples_or_inputs(table, columns, tell=tell, bad=BadRows(on_bad))
    if not isinstance(found, Examples):
        if columns.get("label") is not None:
            raise unlabelled(table, columns.get("label"))
        tell(f"{table.source}: no row has a label that is text, so the texts alone are read.")
    return found


def open_inputs(
    source: Path | IO[bytes],
    columns: Mapping[str, str | None] = NO_COLUMNS,
    *,
    takes: Sequence[type] = TEXTS,
    tell: Tell = unheard,
    sized: Callable[[int], object] | None = None,
) -> Iterator[Input]:
    """Open a source of texts, or of pairs where these are taken, and iterate over them.

    A CSV, TSV or JSON Lines file gives its text column, or two columns as pairs. Any other file,
    and a binary stream such as stdin, gives one text a line as it arrives, and before that
    ``sized`` the characters of the line with its end. All in bounded memory. Raises
    DataError: at once where the source cannot be opened or has no such column,
    and at the row that cannot be read.
    """
    name = str(source) if isinstance(source, Path) else "stdin"
    if isinstance(source, Path):
        _refuse_parquet(source)
        if source.suffix.lower() in TABLE_SUFFIXES:
            return inputs_of(numbered(open_table(source, tell), columns), columns, tell, takes)
    for role in ("text", "other"):
        if columns.get(role) is not None:
            raise _no_columns(name, str(columns[role]))
    lines = open_lines(source) if isinstance(source, Path) else lines_of(source, name)
    return _plain_texts(lines, name, tell, sized)


def read_whole(
    source: Path | IO[bytes],
    columns: Mapping[str, str | None] = NO_COLUMNS,
    *,
    takes: Sequence[type] = TEXTS,
    tell: Tell = unheard,
    sized: Callable[[int], object] | None = None,
) -> Iterator[Input]:
    """``open_inputs``, but a table is read to its end first, so that a fault is told at once."""
    if not isinstance(source, Path) or source.suffix.lower() not in TABLE_SUFFIXES:
        return open_inputs(source, columns, takes=takes, tell=tell, sized=sized)
    if not source.is_file():  # what is no regular file may give its bytes only once
        return iter(list(open_inputs(source, columns, takes=takes, tell=tell)))
    for _ in open_inputs(source, columns, takes=takes, tell=tell):
        pass
    return open_inputs(source, columns, takes=takes)


def open_texts(
    source: Path | IO[bytes],
    *,
    text_column: str | None = None,
    tell: Tell = unheard,
    sized: Callable[[int], object] | None = None,
) -> Iterator[str]:
    """``open_inputs`` of single texts alone."""
    return _texts(open_inputs(source, {"text": text_column}, tell=tell, sized=sized))


def read_texts(
    source: Path | IO[bytes],
    *,
    text_column: str | None = None,
    tell: Tell = unheard,
    sized: Callable[[int], object] | None = None,
) -> Iterator[str]:
    """``read_whole`` of single texts alone."""
    return _texts(read_whole(source, {"text": text_column}, tell=tell, sized=sized))


def _texts(inputs: Iterator[Input]) -> Iterator[str]:
    return cast(Iterator[str], inputs)


def _plain_texts(
    lines: Iterator[str], source: str, tell: Tell, sized: Callable[[int], object] | None
) -> Iterator[str]:
    bare, other = Sightings(), False
    for number, line in enumerate(lines, start=1):
        if sized is not None:
            sized(len(line))
        if line.endswith("\r"):
            bare.add(number)
        other = other or line.endswith("\n")
        yield line.rstrip("\r\n")
    if other:
        rest = "in a bare carriage return, others in a line feed; each is one text"
        bare.tell(tell, source, "line ends", "lines end", rest)


def _no_columns(source: str, column: str) -> DataError:
    return DataError(
        f"{source} has one text a line, so no column {column!r}.",
        hint=f"Columns exist in {', '.join(TABLE_SUFFIXES)} files.",
    )


def _refuse_parquet(path: Path) -> None:
    if path.suffix.lower() == ".parquet":
        raise DataError(
            f"{path}: Parquet is read by edgeft train only.",
            hint=f"Convert it to one of {', '.join(TABLE_SUFFIXES)}, for example: "
            "python -c \"import pandas; pandas.read_parquet('in.parquet')"
            ".to_json('out.jsonl', orient='records', lines=True, force_ascii=False)\"",
        )
