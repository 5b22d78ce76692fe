"""Pairs of a query and a passage that belong together, or with a passage that does not as well."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from edgeft.data.bad import BadRowError, BadRows, OnBad
from edgeft.data.examples import Examples
from edgeft.data.input_columns import (
    InputColumns,
    find_inputs,
    inputs_of,
    lone_surrogate,
    no_text,
    tell_broken,
    usual_pair,
)
from edgeft.data.kinds import Source, table_of
from edgeft.data.labels import visible
from edgeft.data.notes import Sightings, Tell, unheard
from edgeft.data.numbers import NUMBER_COLUMNS, numbers_or_inputs
from edgeft.data.table import Table, find_column
from edgeft.errors import DataError
from edgeft.inputs import Input, Pair

__all__ = ["Belonging", "belonging_of", "holds_triples", "pairs_or_inputs", "text_id"]

# The usual names of what does not belong to a query, beside a column of what does.
NEGATIVE_COLUMNS = ("negative", "hard_negative", "negative_passage")
ID_BYTES = 7  # so that an id is an int64; two of a million texts share one once in 140,000 times


class Belonging(NamedTuple):
    """What is true of a pair: by their ids, its two texts, and whether they belong together."""

    query: int
    passage: int
    belongs: bool


def text_id(text: str) -> int:
    """What equal texts share, white space aside: an int64 of a hash, never below 0."""
    plain = " ".join(text.split()).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(plain, digest_size=ID_BYTES).digest(), "big")


def belonging_of(one: Pair, belongs: bool) -> Belonging:
    """What is true of a pair."""
    return Belonging(text_id(one.first), text_id(one.second), belongs)


def holds_triples(source: Source, columns: Mapping[str, str | None]) -> bool:
    """Whether a table has texts that belong together and a third that does not, and no labels.

    By the columns' names: two that are usual for pairs, and one for what does not belong; or by
    three that are named.
    """
    if columns.get("label") is not None or not isinstance(source, Table):
        return False
    if columns.get("negative") is not None:
        return True
    labelled = {name.lower() for name in source.columns} & {*NUMBER_COLUMNS}
    return not labelled and bool(usual_pair(source.columns) and _negative(source, columns))


def pairs_or_inputs(
    source: Source, columns: Mapping[str, str | None], tell: Tell, on_bad: OnBad
) -> Examples | list[Input]:
    """What vectors are learned from and judged by; the texts alone where there is one column.

    Pairs with numbers, of how alike the two are: see ``numbers_or_inputs``. Without numbers the
    pairs are those that belong together, and what is true of each is a ``Belonging``. With a third
    column, of what does not belong to the first, a row is read as two pairs. How a file without
    numbers is taken is told. Raises DataError.
    """
    table = table_of(source, "pairs of texts")
    negative = _negative(table, columns)
    quiet = find_inputs(table, columns, unheard)
    if len(quiet.places) < 2:
        if columns.get("label") is not None:
            raise DataError(
                f"{table.source}: numbers say how alike two texts are, and it has one column of "
                "texts.",
                hint="Name both: --text-column ONE --text-column OTHER",
            )
        labelled = next((name for name in table.columns if name.lower() in NUMBER_COLUMNS), None)
        if labelled is not None:
            tell(
                f"{table.source}: vectors are judged by pairs of texts, so {visible(labelled)} is "
                "not read."
            )
        return list(_texts(table, quiet, tell))
    usual = {column.lower() for column in table.columns} & set(NUMBER_COLUMNS)
    if columns.get("label") is not None and columns.get("negative") is not None:
        raise DataError(
            f"{table.source}: a column of numbers is named, and three of texts.",
            hint="Pairs with numbers have two columns of texts; of three, the last does not belong "
            "to the first, and there are no numbers.",
        )
    if columns.get("label") is not None or (usual and negative is None):
        return numbers_or_inputs(table, columns, tell, on_bad)
    return _belonging(table, columns, negative, tell, on_bad)


def _texts(table: Table, where: InputColumns, tell: Tell) -> list[Input]:
    return list(inputs_of(table, {"text": where.names[0]}, tell))


def _negative(table: Table, columns: Mapping[str, str | None]) -> str | None:
    """The column of what does not belong: the one named, or where none is, one so called."""
    named = columns.get("negative")
    if named is not None or columns.get("text") is not None:
        return named
    lowered = {name.lower(): name for name in reversed(table.columns)}
    return next((lowered[name] for name in NEGATIVE_COLUMNS if name in lowered), None)


def _belonging(
    table: Table,
    columns: Mapping[str, str | None],
    negative: str | None,
    tell: Tell,
    on_bad: OnBad,
) -> Examples:
    where = find_inputs(table, columns, tell)
    places = list(where.places)
    if negative is not None:
        at = find_column(table, negative, NEGATIVE_COLUMNS, "text")
        if at in places:
            raise DataError(
                f"{table.source}: {visible(negative)} cannot be both what belongs to a text and "
                "what does not.",
                hint="Name three columns: --text-column TEXT --text-column BELONGS --text-column "
                "DOES-NOT",
            )
        places.append(at)
    first, second = map(visible, where.names)
    tell(
        f"{table.source}: there are no numbers, so the texts of each pair are taken to belong "
        f"together, as a query in {first} and its passage in {second}"
        + (f", and that in {visible(negative)} not to belong to it." if negative else ".")
    )
    inputs: list[Input] = []
    truths: list[Belonging] = []
    lines: list[int] = []
    empty, broken, bad = Sightings(), Sightings(), BadRows(on_bad)
    for line, cells in table.pick(places):
        if not any((cell or "").strip() for cell in cells):
            empty.add(line)
            continue
        pair = where.read(line, cells[:2], bad)
        if pair is None:
            continue
        assert isinstance(pair, Pair), "two columns were found"
        pairs = [(pair, True)]
        if negative is not None:
            other = cells[2]
            if other is None or not other.strip():
                fault = _no_negative(table.source, line, negative, other)
                if not bad.add(line, fault):
                    continue
            else:
                if lone_surrogate(other):
                    broken.add(line)
                pairs.append((Pair(pair.first, other), False))
        for one, belongs in pairs:
            inputs.append(one)
            truths.append(belonging_of(one, belongs))
            lines.append(line)
    skipped = bad.settle(table.source, len(inputs), tell)
    if not inputs:
        raise DataError(f"{table.source} has a header but no rows.")
    empty.tell(tell, table.source, "row is", "rows are", "empty and left out")
    tell_broken(broken, table.source, tell)
    where.settle(tell)
    if on_bad != "keep":
        _check(table.source, truths)
    roles = {**where.columns, **({"negative": negative} if negative else {})}
    return Examples(table.source, inputs, list(truths), lines, (), roles, skipped)


def _check(source: str, truths: list[Belonging]) -> None:
    """Raise DataError where no query has a passage that is not its own: then all are found."""
    passages = {one.passage for one in truths}
    own: dict[int, set[int]] = {}
    for one in truths:
        own.setdefault(one.query, set()).update({one.passage} if one.belongs else ())
    if all(len(some) == len(passages) for some in own.values()):
        raise DataError(
            f"{source} has one pair alone, and nothing that its query could be told from."
            if len(truths) == 1
            else f"{source}: each passage belongs to every query, so there is nothing to tell "
            "apart.",
            hint="Vectors are learned from, and judged by, a query's own passages among those of "
            "others: give more pairs.",
        )


def _no_negative(source: str, line: int, column: str, cell: str | None) -> BadRowError:
    if cell is None:
        return no_text(source, line, column)
    return BadRowError(
        f"{source}, line {line}: {visible(column)} is empty, and of three texts the last says what "
        "does not belong to the first.",
        hint="Write the text that is missing, or remove the row.",
        kind="an empty third text",
    )
