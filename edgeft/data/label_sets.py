"""Texts with any number of labels, from every form in which these stand in a table.

A list of names, a name or several joined by a separator in one column, or a column for each label
that holds 0 or 1.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.examples import (
    Examples,
    broken_label,
    tell_lookalikes,
    unlabelled,
)
from edgeft.data.input_columns import find_inputs, inputs_of, lone_surrogate, usual_pair
from edgeft.data.kinds import Source, table_of
from edgeft.data.labels import ordered_labels, visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LABEL_COLUMNS, TEXT_COLUMNS, Table, find_column, numbered
from edgeft.errors import DataError
from edgeft.inputs import Input

__all__ = ["holds_label_sets", "label_sets_or_inputs"]

SEPARATORS = {"|": "bars (|)", ";": "semicolons", ",": "commas", " ": "blanks"}
YES, NO = frozenset({"1", "1.0", "true", "True"}), frozenset({"0", "0.0", "false", "False"})
LEAST_JOINED = 2  # cells of several names each, so that names may come again
MOST_NAMED = 8  # columns that a note names
EXAMPLE = 'Such as {"text": "…", "labels": ["joy", "love"]}, or joy,love in a column.'

Cell = str | list[Any] | None
Columns = Mapping[str, str | None]


def holds_label_sets(source: Source, columns: Columns) -> bool:
    """Whether the first rows of a table have several labels each, or a column for each label."""
    if not isinstance(source, Table):
        return False
    source = numbered(source, columns)
    if len(_named(source, columns)) > 1:
        return True
    name = _label_column(source, columns)
    if name is None:
        return columns.get("label") is None and len(_flags(source, columns)) > 1
    cells = [row.get(name) for row in source.first_rows()]
    lists = [one for one in cells if isinstance(one, list)]
    if lists:
        return all(isinstance(name, str | int) for one in lists for name in one)
    return bool(_separator([one for one in cells if isinstance(one, str)], sure=True))


def label_sets_or_inputs(
    source: Source, columns: Columns, tell: Tell, on_bad: OnBad = "error"
) -> Examples | list[Input]:
    """Texts with the sorted tuples of their labels' ids, or the texts alone where nothing is told.

    A text without a label is one of which none holds. What separates names that stand in one cell
    is found from the cells, and told. A label that stands twice in a row counts once, which is
    told. Raises DataError.
    """
    table = table_of(source)
    named = _named(table, columns)
    name = None if len(named) > 1 else _label_column(table, columns)
    flags = named if len(named) > 1 else () if name else _flags(table, columns)
    if name is None and len(flags) < 2:
        if columns.get("label") is not None:
            find_column(table, columns["label"], LABEL_COLUMNS, "label")
        return list(inputs_of(table, columns, tell))
    bad = BadRows(on_bad)
    read = _read(table, columns, (name,) if name else flags, bad, tell)
    if name is not None:
        sets = _listed(read, table, name, bad, tell)
        names = {**read.columns, "label": name}
    else:
        tell(f"{table.source}: {len(flags)} columns of 0 and 1 are read as labels: {_some(flags)}.")
        sets = _flagged(read, table, flags, bad)
        held = {one for some in sets if not isinstance(some, BadRowError) for one in some}
        if never := [one for one in flags if one not in held]:
            tell(
                f"{table.source}: no row holds 1 for {_some(never)}, so "
                f"{'that is' if len(never) == 1 else 'these are'} no label of the data."
            )
        names = {**read.columns, "label": ",".join(flags)}
    return _examples(table, columns, read, sets, names, bad, tell)


@dataclass(frozen=True)
class _Read:
    """The rows of a table: line, input, and the cells of its label columns."""

    columns: Mapping[str, str]
    lines: list[int]
    inputs: list[Input]
    cells: list[tuple[Cell, ...]]


def _read(table: Table, columns: Columns, labels: Sequence[str], bad: BadRows, tell: Tell) -> _Read:
    where = find_inputs(table, columns, tell)
    for name in where.names:
        if name in labels:
            raise DataError(
                f"{table.source}: {visible(name)} cannot be both the text and the label.",
                hint="Name the columns with --text-column and --label-column.",
            )
    read = _Read(where.columns, [], [], [])
    empty = Sightings()
    for line, row in _rows(table, (*where.names, *labels)):
        texts = [cell if isinstance(cell, str) else None for cell in row[: len(where.names)]]
        cells = row[len(texts) :]
        if not any(cells) and not any((one or "").strip() for one in texts):
            empty.add(line)
            continue
        one = where.read(line, tuple(texts), bad)
        if one is None:
            continue
        read.lines.append(line)
        read.inputs.append(one)
        read.cells.append(tuple(cells))
    empty.tell(tell, table.source, "row is", "rows are", "empty and left out")
    where.settle(tell)
    return read


def _rows(table: Table, names: Sequence[str]) -> Iterator[tuple[int, list[Cell]]]:
    """Every row's line and its cells in these columns, lists as they are."""
    if table.records is None:
        for line, cells in table.pick([table.columns.index(name) for name in names]):
            yield line, list(cells)
        return
    records = table.records()
    with closing(records):
        for line, one in records:
            yield line, [_cell(one.get(name)) for name in names]


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str | list):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) and value == value else None


# --- one column ------------------------------------------------------------------------


def _listed(
    read: _Read, table: Table, column: str, bad: BadRows, tell: Tell
) -> list[tuple[str, ...] | BadRowError]:
    """The names of each row, from lists or from cells of names that are joined."""
    cells = [one for (one,) in read.cells]
    lists = any(isinstance(one, list) for one in cells)
    separator = "" if lists else _separator([one for one in cells if isinstance(one, str)])
    if separator:
        tell(
            f"{table.source}: labels in {visible(column)} are separated by {SEPARATORS[separator]}."
        )
    found: list[tuple[str, ...] | BadRowError] = []
    twice = Sightings()
    for line, cell in zip(read.lines, cells, strict=True):
        where = f"{table.source}, line {line}"
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            found.append(())
            continue
        if lists and not isinstance(cell, list):
            found.append(
                BadRowError(
                    f"{where}: {visible(column)} holds {visible(str(cell))}, where other rows hold "
                    "lists.",
                    hint=f"Write a list in every row, [] for none. {EXAMPLE}",
                    kind="a name where others have lists",
                )
            )
            continue
        given: Sequence[Any] = cell
        if isinstance(cell, str):
            given = cell.split(separator) if separator else [cell]
        names = _names(given, where, column)
        if isinstance(names, tuple):
            once = tuple(dict.fromkeys(names))
            if len(once) < len(names):
                twice.add(line)
            names = once
        found.append(names)
    twice.tell(tell, table.source, "row has a label", "rows have a label", "twice, counted once")
    return found


def _names(given: Sequence[Any], where: str, column: str) -> tuple[str, ...] | BadRowError:
    names = []
    for one in given:
        if isinstance(one, bool) or not isinstance(one, str | int):
            return BadRowError(
                f"{where}: {visible(column)} holds {visible(str(one))} among its labels, which is "
                "no name.",
                hint=f"Labels are names, or whole numbers. {EXAMPLE}",
                kind="a label that is no name",
            )
        name = str(one).strip()
        if not name:
            return BadRowError(
                f"{where}: {visible(column)} holds a label without a name.",
                hint="Leave it out; a row without any label has an empty cell or list.",
                kind="a label without a name",
            )
        if lone_surrogate(name):
            return broken_label(where, name)
        names.append(name)
    return tuple(names)


def _separator(cells: Sequence[str], *, sure: bool = False) -> str:
    """What separates names in cells; "" where each holds one.

    It is so for ``sure`` where most names of cells that hold several stand in other cells too:
    names that hold a comma themselves do not come apart and together again. Else a bar, a
    semicolon or a comma in any cell will do; a blank never does alone.
    """
    distinct = {one.strip() for one in cells} - {""}
    for mark in SEPARATORS:
        joined = [one for one in distinct if mark in one]
        if not joined:
            continue
        rows = Counter(
            name for one in distinct for name in {part.strip() for part in one.split(mark)} if name
        )
        names = {part.strip() for one in joined for part in one.split(mark)} - {""}
        again = sum(rows[name] > 1 for name in names)
        if len(joined) >= LEAST_JOINED and 2 * again >= len(names):
            return mark
        if not sure and mark != " ":
            return mark
    return ""


# --- a column for each label -----------------------------------------------------------


def _flagged(
    read: _Read, table: Table, columns: Sequence[str], bad: BadRows
) -> list[tuple[str, ...] | BadRowError]:
    found: list[tuple[str, ...] | BadRowError] = []
    for line, cells in zip(read.lines, read.cells, strict=True):
        wrong = next(
            ((name, one) for name, one in zip(columns, cells, strict=True)
             if not _is_flag(one)), None,
        )  # fmt: skip
        if wrong is not None:
            name, one = wrong
            found.append(
                BadRowError(
                    f"{table.source}, line {line}: {visible(name)} holds "
                    f"{visible(str(one)) if one is not None else 'nothing'}, and a column for a "
                    "label holds 0 or 1.",
                    hint="Correct the row, or name the label columns with --label-column.",
                    kind="neither 0 nor 1",
                )
            )
            continue
        found.append(tuple(name for name, one in zip(columns, cells, strict=True)
                           if isinstance(one, str) and one.strip() in YES))  # fmt: skip
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(visible, names[:MOST_NAMED])) + " …" * (len(names) > MOST_NAMED)


def _is_flag(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.strip() in YES | NO


def _flags(table: Table, columns: Columns) -> tuple[str, ...]:
    """The columns besides the text that hold 0 and 1 alone, in the first rows."""
    rows = [{name: _cell(one) for name, one in row.items()} for row in table.first_rows()]
    lowered = [one.lower() for one in table.columns]
    texts = {columns.get("text"), columns.get("other"), *(usual_pair(table.columns) or ())}
    texts |= {table.columns[lowered.index(one)] for one in TEXT_COLUMNS if one in lowered}
    return tuple(
        name
        for name in table.columns
        if name and name not in texts and rows and all(_is_flag(row.get(name)) for row in rows)
    )


# --- which columns ---------------------------------------------------------------------


def _named(table: Table, columns: Columns) -> tuple[str, ...]:
    """The columns that are named for labels: one, or several with commas between them."""
    given = columns.get("label")
    if not given:
        return ()
    if given in table.columns:
        return (given,)
    names = tuple(given.split(","))
    if len(names) < 2:
        return ()
    for name in names:
        find_column(table, name, LABEL_COLUMNS, "label")
    return names


def _label_column(table: Table, columns: Columns) -> str | None:
    """The one column that holds labels: as named, or by a usual name unless it is one of many."""
    if columns.get("label") is not None:
        return next(iter(_named(table, columns)), None)
    lowered = [one.lower() for one in table.columns]
    usual = next(
        (table.columns[lowered.index(one)] for one in LABEL_COLUMNS if one in lowered), None
    )
    flags = _flags(table, columns)
    return None if usual in flags and len(flags) > 1 else usual


def _examples(
    table: Table,
    columns: Columns,
    read: _Read,
    sets: Sequence[tuple[str, ...] | BadRowError],
    names: Mapping[str, str],
    bad: BadRows,
    tell: Tell,
) -> Examples | list[Input]:
    lines: list[int] = []
    inputs: list[Input] = []
    kept: list[tuple[str, ...]] = []
    for line, given, one in zip(read.lines, read.inputs, sets, strict=True):
        if isinstance(one, BadRowError):
            if not bad.add(line, one):
                continue
            one = ()
        lines.append(line)
        inputs.append(given)
        kept.append(one)
    skipped = bad.settle(table.source, len(inputs), tell)
    if not inputs:
        raise DataError(f"{table.source} has a header but no rows.")
    found = [name for one in kept for name in one]
    if not found:
        if columns.get("label") is not None:
            raise unlabelled(table, _named(table, columns)[0])
        tell(f"{table.source}: no row has a label, so the texts alone are read.")
        return inputs
    tell_lookalikes(table.source, found, tell)
    labels = ordered_labels(found)
    ids = {label: at for at, label in enumerate(labels)}
    truths: Iterable[tuple[int, ...]] = (tuple(sorted(ids[name] for name in one)) for one in kept)
    examples = Examples(table.source, inputs, list(truths), lines, labels, names)
    return replace(examples, skipped=skipped)
