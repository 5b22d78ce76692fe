"""Typed columns, of a Parquet file or of a Hub data set, to cells of text."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from edgeft.data.labels import visible
from edgeft.data.table import LOOKED_AT, Cells, Records, Table
from edgeft.errors import DataError, EdgeftError, first_line

__all__ = [
    "check_text_type",
    "class_names_in",
    "guarded",
    "is_unlabelled",
    "open_dataset",
    "open_parquet",
    "text_cell",
    "text_cells",
]

BATCH = 4096  # rows


def open_parquet(path: Path) -> Table:
    """A table of a Parquet file, of which the columns that are asked for are read, part by part.

    A row's "line" is its number, from 1. Raises DataError.
    """
    source = str(path)
    with guarded(source, " as Parquet"):
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(path)
        schema = file.schema_arrow

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        return iter(file.iter_batches(batch_size=BATCH, columns=list(columns)))

    return _table(source, schema, class_names_in(schema.metadata or {}), batches)


def open_dataset(source: str, dataset: Any) -> Table:
    """A table of one split of a Hub data set, as ``open_parquet`` reads a file."""
    names = {}
    for name, feature in dataset.features.items():
        # A list of class ids is a feature with a feature inside, or a list of that one.
        one = feature[0] if isinstance(feature, list) else getattr(feature, "feature", feature)
        if hasattr(one, "int2str"):
            names[name] = list(one.names)

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        chosen = dataset.select_columns(list(columns)).with_format("arrow")
        return iter(chosen.iter(batch_size=BATCH))

    return _table(source, dataset.features.arrow_schema, names, batches)


def is_unlabelled(source: str, dataset: Any) -> bool:
    """Whether a ClassLabel column holds -1 alone: the Hub's sign for a withheld test set."""
    names = [name for name, feature in dataset.features.items() if hasattr(feature, "int2str")]
    with guarded(source):
        return any(set(dataset[name]) == {-1} for name in names)


def _table(
    source: str,
    schema: Any,
    class_names: Mapping[str, list[str]],
    batches: Callable[[Sequence[str]], Iterator[Any]],
) -> Table:
    def pick(at: Sequence[int]) -> Iterator[tuple[int, Cells]]:
        chosen = [schema.names[one] for one in at]
        for one in at:
            check_text_type(source, schema.field(one))
        before = 0  # rows of the batches before
        with guarded(source):
            for batch in batches(list(dict.fromkeys(chosen))):
                columns = [
                    text_cells(source, name, batch.column(name), class_names.get(name), before)
                    for name in chosen
                ]
                yield from enumerate(zip(*columns, strict=True), start=before + 1)
                before += batch.num_rows

    columns = tuple(map(str, schema.names))

    def records() -> Records:
        number = 0
        with guarded(source):
            for batch in batches(schema.names):
                for row in batch.to_pylist():
                    number += 1
                    yield (
                        number,
                        {name: _named(value, class_names.get(name)) for name, value in row.items()},
                    )

    try:
        with closing(records()) as rows:
            shown = tuple(row for _, row in islice(rows, LOOKED_AT))
            names = [(name, class_names.get(name)) for name in schema.names]
            begun = tuple(tuple(text_cell(row[name], its) for name, its in names) for row in shown)
    except (DataError, UnicodeDecodeError):
        # Of a column that none may ask for; texts and labels can be read all the same.
        return Table(source, columns, pick)
    if not any(_is_nested(field.type) for field in schema):
        return Table(source, columns, pick, begun=begun)
    return Table(source, columns, pick, records=records, shown=shown)


def _is_nested(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_nested(kind))


def _named(value: Any, class_names: list[str] | None) -> Any:
    """A value, a list of class ids as their names."""
    if class_names is None or not isinstance(value, list):
        return value
    return [
        class_names[one] if isinstance(one, int) and 0 <= one < len(class_names) else one
        for one in value
    ]


@contextmanager
def guarded(
    source: str, as_what: str = "", *, hint: str = "Write the data again, or as CSV."
) -> Iterator[None]:
    """Turn whatever a library raises into one DataError: its errors have no common base."""
    try:
        yield
    except EdgeftError:
        raise
    except FileNotFoundError:
        raise DataError(f"{source} does not exist.", hint="Check the path.") from None
    except Exception as error:  # MemoryError, too: a small file may claim a huge size
        reason = first_line(error) or type(error).__name__
        raise DataError(
            f"{source} cannot be read{as_what}: {reason.rstrip('.')}.", hint=hint
        ) from error


def check_text_type(source: str, field: Any) -> None:
    """Raise DataError where a column's type has no spelling as text."""
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    told = (
        types.is_string, types.is_large_string, types.is_string_view, types.is_integer,
        types.is_floating, types.is_boolean, types.is_decimal, types.is_null, types.is_binary,
        types.is_large_binary,
    )  # fmt: skip
    if not any(check(kind) for check in told):
        raise DataError(
            f"{source}: the column {visible(field.name)} holds {field.type}, not text.",
            hint="Only strings, numbers and truth values can be read.",
        )


def text_cells(
    source: str, name: str, column: Any, class_names: list[str] | None, before: int
) -> list[str | None]:
    """The cells of a part of a column; ``before`` rows stand before it. Raises DataError."""
    cells = []
    for number, scalar in enumerate(column, start=before + 1):
        try:
            cells.append(text_cell(scalar.as_py(), class_names))
        except UnicodeDecodeError:
            raise DataError(
                f"{source}, line {number}: {visible(name)} is not UTF-8.",
                hint="Write the file again, with texts in UTF-8.",
            ) from None
    return cells


def text_cell(value: object, class_names: list[str] | None = None) -> str | None:
    """A value as a table's cell: None for what is not there, NaN too."""
    if value is None:
        return None
    if isinstance(value, bytes):  # a string whose type was not written down
        return value.decode("utf-8")
    if isinstance(value, bool):
        return "true" if value else "false"
    if class_names is not None and isinstance(value, int):
        return class_names[value] if 0 <= value < len(class_names) else None
    return None if value != value else str(value)  # NaN: how pandas writes that nothing is there


def class_names_in(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """The names of ClassLabel columns, which `datasets` notes in a Parquet file's metadata."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        inner = {
            column: feature.get("feature", feature)
            for column, feature in features.items()
            if isinstance(feature, dict)
        }
        found = {
            column: feature["names"]
            for column, feature in inner.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {
        column: names
        for column, names in found.items()
        if isinstance(names, list) and all(isinstance(name, str) for name in names)
    }
