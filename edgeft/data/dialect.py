"""How a delimited file is written: what stands between its columns, and what quotes mean."""

import importlib.util
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Any

from edgeft.data.table import LABEL_COLUMNS, LONGEST_FIELD, PAIR_COLUMNS, TEXT_COLUMNS

__all__ = ["NAMES", "Dialect", "declared", "engine", "find_dialect", "fits", "named_width"]

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)"}
USUAL = frozenset((*TEXT_COLUMNS, *LABEL_COLUMNS, *chain.from_iterable(PAIR_COLUMNS)))
DECLARED = re.compile(r'"?sep=(.)"?,*\s*', re.IGNORECASE)  # as spreadsheets write and read it
BEFORE = re.compile(r' +"')


@cache
def engine() -> Any:
    """A copy of the standard library's CSV engine whose limit of a field is its own.

    That of the module is one for the whole process, and shorter than a long document.
    """
    spec = importlib.util.find_spec("_csv")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(LONGEST_FIELD)
    return module


@dataclass(frozen=True)
class Dialect:
    """The delimiter, whether quotes hold cells, and where blanks may stand beside them.

    before: between a delimiter and the quote that opens a cell.
    behind: between the quote that closes it and the next delimiter.
    """

    delimiter: str
    quoted: bool = True
    before: bool = False
    behind: bool = False

    @property
    def name(self) -> str:
        """The delimiter in words, as many."""
        return NAMES.get(self.delimiter, repr(self.delimiter))

    def reader(self, lines: Iterable[str]) -> Any:
        """The engine's reader; it raises ``engine().Error``."""
        if not self.quoted:
            return engine().reader(lines, delimiter=self.delimiter, quoting=engine().QUOTE_NONE)
        if self.behind:  # where the quote is inside a cell, no more than that blank is lost
            blanks = re.compile(f'" +(?={re.escape(self.delimiter)}|[\r\n]*$)')
            lines = (blanks.sub('"', line) for line in lines)
        return engine().reader(
            lines, delimiter=self.delimiter, strict=True, skipinitialspace=self.before
        )


def declared(line: str) -> str | None:
    """The delimiter that a first line like ``sep=;`` names; None for any other line."""
    found = DECLARED.fullmatch(line)
    return None if found is None or found[1] in '"\r\n' else found[1]


def find_dialect(head: Sequence[str], *, tabs: bool, named: str | None, whole: bool) -> Dialect:
    """The dialect of a file from its first lines; ``whole`` if there are no others.

    ``tabs`` says that the suffix wants tabs, not commas; ``named`` is a delimiter
    that the file itself names. Any other must part the header into columns, and
    wins by usual names in it, else by rows that are as wide as it is.
    """
    usual = "\t" if tabs else ","
    candidates = [named] if named else [usual, *(one for one in NAMES if one != usual)]
    best, best_merit = Dialect(candidates[0], quoted=not tabs), (-1, False, False)
    for delimiter in candidates:
        dialect, records = _read(head, delimiter, tabs=tabs, whole=whole)
        if not records or (delimiter != candidates[0] and len(records[0]) == 1):
            continue
        merit = _merit(records)
        if merit > best_merit:
            best, best_merit = dialect, merit
    return best


def named_width(header: Sequence[str]) -> int:
    """How many columns there are up to the last that has a name."""
    return max((at for at, name in enumerate(header, start=1) if name.strip()), default=0)


def fits(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row has a cell for each named column, and nothing beyond the header."""
    if len(cells) == len(header):
        return True
    return len(cells) >= named_width(header) and not any(map(str.strip, cells[len(header) :]))


def _merit(records: Sequence[Sequence[str]]) -> tuple[int, bool, bool]:
    header, rows = records[0], records[1:]
    known = len({name.strip(' "').lower() for name in header} & USUAL)
    fitting = sum(fits(row, header) for row in rows)
    return known, 2 * fitting >= len(rows), named_width(header) > 1


def _read(
    head: Sequence[str], delimiter: str, *, tabs: bool, whole: bool
) -> tuple[Dialect, list[list[str]]]:
    """The first records under a delimiter, and what else it takes to read them."""
    dialect = Dialect(delimiter, quoted=not (tabs and delimiter == "\t"))
    records, reason = _records(head, dialect, whole=whole)
    if records and not dialect.quoted and all(map(_in_quotes, records[0])):
        dialect = replace(dialect, quoted=True)  # whoever quotes names quotes texts
        records, reason = _records(head, dialect, whole=whole)
    if "expected after" in reason:
        other = replace(dialect, behind=True)
        more, reason = _records(head, other, whole=whole)
        if len(more) > len(records):
            dialect, records = other, more
    if dialect.quoted and any(BEFORE.match(cell) for cells in records for cell in cells):
        dialect = replace(dialect, before=True)
        records, _ = _records(head, dialect, whole=whole)
    return dialect, records


def _records(head: Sequence[str], dialect: Dialect, *, whole: bool) -> tuple[list[list[str]], str]:
    """The records of the first lines, less one that may not be whole, and why they end early."""
    records: list[list[str]] = []
    try:
        for cells in dialect.reader(head):
            if cells:
                records.append(cells)
    except engine().Error as error:  # a fault, or the end of the sample within quotes
        return records, str(error)
    return (records if whole or len(records) == 1 else records[:-1]), ""


def _in_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'
