"""Parquet files of texts, and what a folder of parts holds."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

# In the order of their ids; null, empty, emoji, Chinese, long.
TEXTS = ["the cat sat", None, "", "股价下跌 😀", "shares fell " * 200, "naïve café"]


def write_rows(folder: Path, name: str = "rows.parquet", **columns: Sequence[Any]) -> Path:
    """A file with these columns, in groups of at most 4 rows."""
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / name, row_group_size=4)
    return folder / name


def many(rows: int, begin: int = 0) -> dict[str, list[Any]]:
    """So many rows of ids and texts, of which each is another."""
    ids = list(range(begin, begin + rows))
    return {"id": ids, "text": [f"{(TEXTS[one % 6] or '')[:40]} number {one}" for one in ids]}


def rows_in(out: Path) -> list[dict[str, Any]]:
    """All rows of the parts, in the order of names."""
    return [row for one in parts_in(out) for row in pyarrow.parquet.read_table(one).to_pylist()]


def parts_in(out: Path) -> list[Path]:
    """The parts that are whole."""
    return sorted(out.glob("part-*.parquet"))


def ids_in(out: Path) -> Iterator[int]:
    """The ids of all rows."""
    return (row["id"] for row in rows_in(out))
