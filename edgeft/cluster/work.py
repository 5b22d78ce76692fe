"""One part: its rows are read, answered and written, whole or not at all."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeft.cluster.answers import VECTOR_KIND, added_values, inputs_from, shown_answers
from edgeft.cluster.parts import RowsPart, rows_between
from edgeft.cluster.places import Folder, opened, reading
from edgeft.cluster.record import name_of
from edgeft.cluster.threads import keep_to_share
from edgeft.data.arrow import text_cells
from edgeft.errors import EdgeftError
from edgeft.runtime.load import load
from edgeft.runtime.options import Options

if TYPE_CHECKING:
    import pyarrow

    from edgeft.runtime.model import Model

__all__ = ["PartsJob", "PartWorker", "write_part"]

GROUP_BYTES = 64 << 20  # of rows that are written together


@dataclass(frozen=True)
class PartsJob:
    """All that a worker needs to know; it is sent to each.

    files: addresses. class_names: of each file, what numbers of classes stand for. asked: the
    columns of texts. kept: those of the input that stand in the output, and their types. added: the
    columns of answers and their kinds.
    """

    bundle: str
    options: Options
    scores: bool
    files: tuple[str, ...]
    class_names: tuple[Mapping[str, list[str]], ...]
    parts: tuple[RowsPart, ...]
    asked: tuple[str, ...]
    kept: "pyarrow.Schema"
    added: Mapping[str, str]
    out: str

    def name_of(self, part: int) -> str:
        """The file of a part."""
        return name_of(part, len(self.parts))


@dataclass
class PartWorker:
    """What Ray Data's ``map_batches`` calls with the number of a part, in an actor of its own.

    What goes wrong on purpose comes back as a value, so that it is told as it is and not tried
    again; whatever kills the worker is Ray's to mend.
    """

    job: PartsJob
    _model: "Model | None" = field(default=None, repr=False)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Write these parts, and tell of each: seconds since the epoch, rows without a text."""
        found: dict[str, list[Any]] = {"part": [], "begin": [], "end": [], "empty": [], "error": []}
        for part in map(int, batch["part"]):
            error, empty, begin = None, 0, time.time()
            try:
                if self._model is None:
                    self._model, begin = self._loaded(), time.time()
                empty = self._write(part, self._model)
            except EdgeftError as failure:
                error = [type(failure).__name__, failure.message, failure.hint]
            told = (part, begin, time.time(), empty, "" if error is None else "\0".join(error))
            for name, value in zip(found, told, strict=True):
                found[name].append(value)
        return found

    def _loaded(self) -> "Model":
        options: Options = {**self.job.options}
        options["threads"] = keep_to_share(options.get("threads"))
        return load(self.job.bundle, **options)

    def _write(self, part: int, model: "Model") -> int:
        if Folder(self.job.out).holds(self.job.name_of(part)):
            return 0  # a worker that was killed had written it, or another run has
        return write_part(self.job, part, model)


def write_part(job: PartsJob, number: int, model: "Model") -> int:
    """Write a part, in the order of its rows; give how many had no text. Raises EdgeftError."""
    from pyarrow import RecordBatch, Table
    from pyarrow.parquet import ParquetFile, ParquetWriter

    part = job.parts[number]
    address = job.files[part.file]
    columns = tuple(dict.fromkeys((*job.kept.names, *job.asked)))
    empty, row = 0, part.begin
    waiting: list[RecordBatch] = []  # which become a group of the file
    with (
        opened(address) as source,
        reading(address),
        Folder(job.out).place_for(job.name_of(number)) as place,
    ):
        file = ParquetFile(source)
        schema = _schema(job.kept, job.added)
        with ParquetWriter(place, schema) as writer:
            for batch in rows_between(file, part.begin, part.end, columns):
                cells = [
                    text_cells(address, name, batch.column(name),
                               job.class_names[part.file].get(name), row)
                    for name in job.asked
                ]  # fmt: skip
                inputs = inputs_from(model.task, cells)
                answers = shown_answers(model, inputs, scores=job.scores)
                empty += answers.count(None)
                row += batch.num_rows
                values = added_values(answers, job.added)
                arrays = [_as(batch.column(one.name), one.type) for one in job.kept]
                arrays += _arrays(values, schema)
                waiting.append(RecordBatch.from_arrays(arrays, schema=schema))
                if sum(one.nbytes for one in waiting) > GROUP_BYTES:
                    writer.write_table(Table.from_batches(waiting))
                    waiting.clear()
            if waiting:
                writer.write_table(Table.from_batches(waiting))
    return empty


def _schema(kept: "pyarrow.Schema", added: Mapping[str, str]) -> "pyarrow.Schema":
    import pyarrow

    kinds = {
        "BYTES": pyarrow.string(),
        "BOOL": pyarrow.bool_(),
        "INT64": pyarrow.int64(),
        "FP32": pyarrow.float64(),
        VECTOR_KIND: pyarrow.list_(pyarrow.float32()),
    }
    return pyarrow.schema([*kept, *((name, kinds[kind]) for name, kind in added.items())])


def _arrays(values: Mapping[str, list[Any]], schema: "pyarrow.Schema") -> list[Any]:
    import pyarrow

    return [pyarrow.array(found, schema.field(name).type) for name, found in values.items()]


def _as(column: Any, kind: Any) -> Any:
    """A column in the type that it has elsewhere, where it is null throughout."""
    return column if column.type == kind else column.cast(kind)
