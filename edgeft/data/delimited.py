"""CSV and TSV."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from edgeft.data.dialect import Dialect, declared, engine, find_dialect, fits, named_width
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LONGEST_FIELD, LOOKED_AT, Cells, Lines, Numbered, Table, picker
from edgeft.errors import DataError

__all__ = ["open_delimited"]

SAMPLE = 1 << 16  # characters that tell how a file is written


def open_delimited(lines: Lines, source: str, *, tabs: bool, tell: Tell) -> Table:
    """A table from the lines of a CSV file, or with ``tabs`` of a TSV file.

    CSV follows RFC 4180. TSV has no quoting, unless its header is in quotes: a
    tab or a line break always separates. Another delimiter is found and told, or
    named by a first line ``sep=;``. Columns without a name are not read. Raises
    DataError.
    """
    head, whole = _head(lines)
    skipped = next((at for at, line in enumerate(head) if line.strip()), len(head))
    named = declared(head[skipped]) if skipped < len(head) else None
    skipped += named is not None
    del head[:skipped]
    dialect = find_dialect(head, tabs=tabs, named=named, whole=whole)
    records = _records(chain(head, lines), source, dialect, begin=skipped + 1)
    begin, header = next(((line, cells) for line, cells in records if cells), (0, []))
    if not header:
        raise DataError(f"{source} is empty.", hint="It needs a header and rows.")
    if dialect.delimiter != ("\t" if tabs else ","):
        usual = "tabs" if tabs else "commas"
        tell(f"{source}: its columns are separated by {dialect.name}, not by {usual}.")
    elif tabs and dialect.quoted:
        tell(f"{source}: its header is in quotes, so quotes are read as in a CSV file.")
    table = Table(
        source=source,
        columns=tuple(name.strip() for name in header[: named_width(header)]),
        pick=picker(_rows(records, header, source, dialect, tell), lines),
        separated=dialect.name,
        begun=tuple(_begun(head, whole, header, dialect)),
    )

    def headless() -> Table:
        numbers = [str(at) for at, _ in enumerate(header, start=1)]
        every = chain([(begin, header)], records)
        rows = _rows(every, numbers, source, dialect, tell, headed=False)
        begun = (tuple(header), *table.begun)
        fitting = tuple(one for one in begun if len(one) == len(numbers))
        return replace(table, columns=tuple(numbers), pick=picker(rows, lines), begun=fitting)

    return replace(table, headless=headless)


def _head(lines: Iterator[str]) -> tuple[list[str], bool]:
    """The first lines, and whether there are no others."""
    head: list[str] = []
    size = 0
    for line in lines:
        head.append(line)
        size += len(line)
        if size >= SAMPLE:
            return head, False
    return head, True


def _begun(
    head: Sequence[str], whole: bool, header: Sequence[str], dialect: Dialect
) -> Iterator[Cells]:
    """The rows of the first lines, up to one that is wrong or cut off."""
    width = named_width(header)
    rows = dialect.reader(iter(head))
    found = []
    try:
        for cells in rows:
            if cells and not fits(cells, header):
                break
            if cells:
                found.append(tuple(cells[:width]))
    except engine().Error:
        pass
    return iter(found[1 : LOOKED_AT + 1] if whole else found[1:-1][:LOOKED_AT])


def _records(
    lines: Iterator[str], source: str, dialect: Dialect, *, begin: int
) -> Iterator[tuple[int, list[str]]]:
    """The line where each record begins, and its cells: none for an empty line."""
    reader = dialect.reader(lines)
    before = begin - 1  # lines that the reader does not see
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except engine().Error as error:
            raise _malformed(source, begin, str(error), dialect) from None
        yield begin, cells
        begin = before + reader.line_num + 1


def _malformed(source: str, line: int, reason: str, dialect: Dialect) -> DataError:
    if "field limit" in reason:
        reason = f"a field is longer than {LONGEST_FIELD >> 20} Mi characters"
    reason = reason.replace("'\t'", "a tab")
    hint = "A quote inside a quoted field is written twice."
    if "unexpected end" in reason or "a field is longer" in reason:
        hint = f"The row begins a quoted field that never ends. {hint}"
    elif "expected after" in reason:
        hint += " No blank may stand between a quote and what separates."
    if dialect.delimiter == "\t":
        hint += " In a file that is called .tsv quotes are characters like any other."
    return DataError(f"{source}, line {line}: {reason}.", hint=hint)


def _rows(
    records: Iterator[tuple[int, list[str]]],
    header: Sequence[str],
    source: str,
    dialect: Dialect,
    tell: Tell,
    *,
    headed: bool = True,
) -> Numbered:
    width = named_width(header)
    nameless, literal, blank, repeated = Sightings(), Sightings(), Sightings(), Sightings()
    waiting: list[int] = []  # empty lines, which count as skipped where a row comes behind them
    for line, cells in records:
        if not cells:
            if len(header) > 1:
                waiting.append(line)
                continue
            cells = [""]  # the only column's cell is empty
        elif not fits(cells, header):
            raise _misfit(source, line, cells, header, dialect)
        for one in waiting:
            blank.add(one)
        waiting.clear()
        if headed and _repeats(cells, header):
            if width > 1:
                raise DataError(
                    f"{source}, line {line}: the header stands there again.",
                    hint="Were two files joined? Remove the line.",
                )
            repeated.add(line)
        if len(cells) > width and any(map(str.strip, cells[width:])):
            nameless.add(line)
        if not dialect.quoted and any(map(_wrapped, cells)):
            literal.add(line)
        row: Cells = tuple(cells[:width])
        yield line, row
    blank.tell(tell, source, "empty line is", "empty lines are", "no row and skipped")
    repeated.tell(tell, source, "row repeats", "rows repeat", "the header, read as a text")
    nameless.tell(
        tell, source, "row holds", "rows hold", "more, in columns without a name: not read"
    )
    literal.tell(
        tell, source, "row has", "rows have",
        "cells in double quotes, which are taken literally; if quotes only wrap the cells, call "
        "the file .csv",
    )  # fmt: skip


def _repeats(cells: Sequence[str], header: Sequence[str]) -> bool:
    if cells[0].lstrip("\ufeff") != header[0]:  # a file that was joined on may begin with a mark
        return False
    return list(cells[1:]) == list(header[1:])


def _wrapped(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _misfit(
    source: str, line: int, cells: Sequence[str], header: Sequence[str], dialect: Dialect
) -> DataError:
    what = f"{len(cells)} field{'s' if len(cells) > 1 else ''}"
    one = {"commas": "a comma", "semicolons": "a semicolon", "tabs": "a tab"}.get(
        dialect.name, dialect.name
    )
    if dialect.quoted:
        hint = f"A text that holds {one} or a line break stands in double quotes."
    elif any('"' in cell for cell in cells):
        hint = "Quotes hold nothing together in a TSV file; if they should, call the file .csv."
    else:
        hint = "A text in a TSV file holds no tab and no line break."
    return DataError(
        f"{source}, line {line}: {what} where the header has {len(header)}, separated by "
        f"{dialect.name}.",
        hint=hint,
    )
