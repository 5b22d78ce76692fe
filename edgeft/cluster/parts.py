"""Parquet files, cut into parts whose rows are known before anything runs.

A part is what a worker reads, answers and writes at a time, and what a broken run does again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgeft.cluster.places import opened
from edgeft.data.arrow import check_text_type, class_names_in
from edgeft.data.labels import visible
from edgeft.errors import DataError, first_line

if TYPE_CHECKING:
    import pyarrow

__all__ = ["RowsPart", "ParquetFacts", "look_into", "cut_in_parts", "rows_between"]

ROWS = 1024  # that are in memory at a time, as texts
FOOTER = 8  # bytes at the end of a Parquet file: the length of what stands before, and "PAR1"
AT_ONCE = 16  # files that are looked into


@dataclass(frozen=True)
class RowsPart:
    """Rows of a file, from ``begin`` up to before ``end``; ``file`` is its place among all."""

    file: int
    begin: int
    end: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.end - self.begin


@dataclass(frozen=True)
class ParquetFacts:
    """What a file's footer says, before a row is read.

    groups: the rows of each group. footer: its sha256, which changes with what the file holds.
    """

    address: str
    size: int
    groups: tuple[int, ...]
    footer: str
    schema: "pyarrow.Schema"

    @property
    def class_names(self) -> Mapping[str, list[str]]:
        """The names of classes, where a column holds their numbers."""
        return class_names_in(self.schema.metadata or {})

    def check(self, columns: Sequence[str], kept: Sequence[str]) -> None:
        """Raise DataError where it lacks a column, or one that is asked is no text."""
        for name in (*columns, *kept):
            found = self.schema.names.count(name)
            if found != 1:
                raise DataError(
                    f"{self.address} has {'two columns' if found else 'no column'} "
                    f"{visible(name)}.",
                    hint=f"Columns found: {', '.join(map(visible, self.schema.names))}.",
                )
        for name in columns:
            check_text_type(self.address, self.schema.field(name))


def look_into(addresses: Sequence[str]) -> list[ParquetFacts]:
    """What the footers of these files say. Raises DataError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_facts, addresses))


def cut_in_parts(groups: Sequence[Sequence[int]], most: int) -> list[RowsPart]:
    """The parts of files with groups of so many rows, each of at most ``most`` of them.

    Groups stay whole where they are no larger, as reading begins at one; others are cut evenly.
    """
    return [part for at, sizes in enumerate(groups) for part in _parts(at, sizes, most)]


def _parts(file: int, groups: Sequence[int], most: int) -> Iterator[RowsPart]:
    begin = end = 0
    for size in groups:
        if end > begin and end - begin + size > most:
            yield RowsPart(file, begin, end)
            begin = end
        end += size
        if size > most:
            pieces = -(-size // most)
            cuts = [begin + size * at // pieces for at in range(pieces + 1)]
            for one, other in pairwise(cuts):
                yield RowsPart(file, one, other)
            begin = end
    if end > begin:
        yield RowsPart(file, begin, end)


def rows_between(
    file: Any, begin: int, end: int, columns: Sequence[str]
) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of a ``pyarrow.parquet.ParquetFile``, ROWS at a time; no other group is read."""
    chosen: list[int] = []
    first = at = 0
    for number in range(file.num_row_groups):
        size = file.metadata.row_group(number).num_rows
        if at < end and at + size > begin:
            first = first if chosen else at
            chosen.append(number)
        at += size
    at = first
    batches = file.iter_batches(
        batch_size=ROWS, row_groups=chosen, columns=list(columns), use_threads=False
    )
    for batch in batches:
        low, high = max(begin - at, 0), min(end - at, batch.num_rows)
        if low < high:
            yield batch.slice(low, high - low).select(list(columns))
        at += batch.num_rows
        if at >= end:
            return


def _facts(address: str) -> ParquetFacts:
    from pyarrow.parquet import ParquetFile

    with opened(address) as file:
        size = file.seek(0, 2)
        try:
            parquet = ParquetFile(file)
            metadata, schema = parquet.metadata, parquet.schema_arrow
        except Exception as error:
            raise DataError(
                f"{address} cannot be read as Parquet: {first_line(error).rstrip('.')}.",
                hint="Write it again, or leave it out.",
            ) from error
        file.seek(size - FOOTER)
        length = int.from_bytes(file.read(4), "little")
        file.seek(size - FOOTER - length)
        footer = hashlib.sha256(file.read(length)).hexdigest()
    groups = tuple(metadata.row_group(at).num_rows for at in range(metadata.num_row_groups))
    return ParquetFacts(address, size, groups, footer, schema)
