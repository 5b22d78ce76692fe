"""Texts or pairs of texts with a number each, as they are taken from a table."""

import math
import re
from collections.abc import Mapping
from itertools import compress

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.examples import Examples
from edgeft.data.input_columns import find_inputs, inputs_of
from edgeft.data.kinds import Source, table_of
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LABEL_COLUMNS, Table, find_column, numbered
from edgeft.errors import DataError
from edgeft.inputs import Input

__all__ = ["NUMBER_COLUMNS", "few_numbers", "holds_numbers", "number_in",
           "numbers_or_inputs"]  # fmt: skip

# The usual names of a column of numbers, in order of preference; compared without case.
NUMBER_COLUMNS = (
    "score", "rating", "stars", "similarity", "similarity_score", "number", "value", *LABEL_COLUMNS,
)  # fmt: skip
FEW = 5  # different numbers that classes may have for names, though not all are whole
LEAST_AMOUNTS, MOST_AMOUNTS = 3, 11  # stars, or marks from 0 to 10
LARGEST = 1e30  # float32 ends at 3e38, and squares of differences must not
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WITH_COMMAS = re.compile(r"[+-]?[\d.,]*\d[\d.,]*", re.ASCII)
_INFINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


def number_in(cell: str) -> float | None:
    """The finite number that a cell states, white space at its ends aside; None where it is none.

    A decimal point is a point, and nothing stands between thousands.
    """
    if not _NUMBER.fullmatch(cell.strip()):
        return None
    number = float(cell)
    return number if abs(number) <= LARGEST else None


def holds_numbers(source: Source, columns: Mapping[str, str | None]) -> bool:
    """Whether the first rows of a table have numbers of many values, which no classes would have.

    One of them at least is not whole, as ids of classes may be many, too. A column whose name is
    usual for numbers alone, such as a rating, may have as few as LEAST_AMOUNTS, where none has a
    name that is usual for classes.
    """
    found = _first_numbers(source, columns)
    if columns.get("label") is None and isinstance(source, Table):
        names = {name.lower() for name in source.columns}
        nested = any(isinstance(cell, (list, dict)) for row in source.first_rows()
                     for cell in row.values())  # fmt: skip
        if not nested and not names & {*LABEL_COLUMNS, "answer", "answers"}:
            return len(found) >= LEAST_AMOUNTS
    return len(found) > FEW and not all(map(float.is_integer, found))


def few_numbers(source: Source, columns: Mapping[str, str | None]) -> list[float]:
    """The different numbers that labels are in the first rows, in order, where they are so few that
    they may be classes as well as amounts; else none.
    """
    found = _first_numbers(source, columns)
    return sorted(found) if LEAST_AMOUNTS <= len(found) <= MOST_AMOUNTS else []


def _first_numbers(source: Source, columns: Mapping[str, str | None]) -> set[float]:
    """The different numbers of the first rows; none where a cell holds something else."""
    if not isinstance(source, Table):
        return set()
    table = numbered(source, columns)
    lowered = {name.lower(): name for name in reversed(table.columns)}
    usual = [lowered[name] for name in NUMBER_COLUMNS if name in lowered]
    named = columns.get("label")
    found: set[float] = set()
    # Beside labels that are words a number is something else, such as how sure they are.
    for place, column in enumerate([named] if named else usual):
        cells = [row.get(column) for row in table.first_rows()]
        given = [str(one) for one in cells if one is not None and str(one).strip()]
        numbers = [number_in(one) for one in given]
        if not numbers or None in numbers:
            return set()
        if not place:
            found = {one for one in numbers if one is not None}
    return found


def numbers_or_inputs(
    source: Source, columns: Mapping[str, str | None], tell: Tell, on_bad: OnBad
) -> Examples | list[Input]:
    """The inputs and numbers of a table, or its inputs alone where it has no numbers.

    It has numbers where a column of them is named, or has a usual name and is not empty in every
    row. Rows in which all is empty are left out; a row is bad where it has no number, no text
    beside one, or a pair with an empty side. Raises DataError, also for one number in every row.
    """
    table = table_of(source, "texts with numbers")
    named = columns.get("label")
    usual = {column.lower() for column in table.columns} & set(NUMBER_COLUMNS)
    if named is None and not usual:
        return list(inputs_of(table, columns, tell))
    where = find_inputs(table, columns, tell)
    number_at = find_column(table, named, NUMBER_COLUMNS, "label", tell)
    number_name = table.columns[number_at]
    if number_at in where.places:
        raise DataError(
            f"{table.source}: {visible(number_name)} cannot be both the text and the number.",
            hint="Name the columns with --text-column and --label-column.",
        )
    rows: list[tuple[int, Input, str]] = []
    empty, bad = Sightings(), BadRows(on_bad)
    for line, (*cells, cell) in table.pick((*where.places, number_at)):
        given = (cell or "").strip()
        if not given and not any((one or "").strip() for one in cells):
            empty.add(line)
        elif (found := where.read(line, tuple(cells), bad)) is not None:
            rows.append((line, found, given))
    numbers = [number_in(given) for *_, given in rows]
    if any(given for *_, given in rows):
        kept = [
            number is not None or bad.add(line, _no_number(table.source, line, number_name, given))
            for (line, _, given), number in zip(rows, numbers, strict=True)
        ]
        rows, numbers = [*compress(rows, kept)], [*compress(numbers, kept)]
    skipped = bad.settle(table.source, len(rows), tell)
    if not rows:
        raise DataError(f"{table.source} has a header but no rows.")
    empty.tell(tell, table.source, "row is", "rows are", "empty and left out")
    where.settle(tell)
    inputs = [one for _, one, _ in rows]
    if None in numbers:  # in every row, or where all inputs are wanted
        if not any(given for *_, given in rows):
            _tell_bare(table, number_name, named, tell)
        return inputs
    if len(set(numbers)) == 1:
        raise DataError(
            f"{table.source}: every row has the number {numbers[0]:g}, so nothing tells which text "
            "should have more.",
            hint=f"Is {visible(number_name)} the right column? Name another with --label-column.",
        )
    roles = {**where.columns, "label": number_name}
    lines = [line for line, *_ in rows]
    return Examples(table.source, inputs, numbers, lines, (), roles, skipped)


def _tell_bare(table: Table, column: str, named: str | None, tell: Tell) -> None:
    if named is not None:
        raise DataError(
            f"{table.source}: the column {visible(column)} is empty in every row.",
            hint="Give the rows numbers, or name another column with --label-column.",
        )
    tell(f"{table.source}: no row has a number, so the texts alone are read.")


def _no_number(source: str, line: int, column: str, given: str) -> BadRowError:
    where = f"{source}, line {line}: column {visible(column)}"
    if not given:
        return BadRowError(
            f"{where} is empty or holds no number.",
            hint="Give the row a number or remove it.",
            kind="no number",
        )
    hint, kind = "Write a number such as 4.5, or remove the row.", "what is no number"
    if _INFINITE.fullmatch(given) or _NUMBER.fullmatch(given):
        told = f"holds {visible(given)}, which is no finite number"
        if math.isfinite(float(given)):
            told = f"holds {visible(given)}, which is beyond what a model can tell"
    elif "," in given and _WITH_COMMAS.fullmatch(given):
        told = f"holds {visible(given)}, which is no number by itself"
        hint = "Write a decimal point, as in 4.5, and nothing between thousands, as in 1000."
    else:
        told = f"holds {visible(given)}, which is no number"
        hint += " Classes are learned by --task text-classification."
    return BadRowError(f"{where} {told}.", hint=hint, kind=kind)
