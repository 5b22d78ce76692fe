"""A request, checked and recorded before anything runs: files, columns, bundle and output."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeft.bundle import read_manifest
from edgeft.cluster.answers import added_columns, asked_in, one_shown
from edgeft.cluster.parts import ParquetFacts, cut_in_parts, look_into
from edgeft.cluster.places import Folder, parquet_files
from edgeft.cluster.record import RECORD_FILE, Record, check_same_request, record_in
from edgeft.cluster.work import PartsJob
from edgeft.data import Tell
from edgeft.errors import DataError, OutputError, UsageError
from edgeft.runtime.load import load
from edgeft.runtime.options import Options
from edgeft.tasks import task_named
from edgeft.tasks.task import Columns, Task

if TYPE_CHECKING:
    import pyarrow

__all__ = ["prepared"]

# Of a part, unless told: at least what the runtime plans together, at most what may be lost.
FEWEST_ROWS, MOST_ROWS = 1024, 20_000
PARTS_EACH = 4  # of a worker's, at least, where there are so many rows

# Options that change no answer, or stand in the record by themselves.
BESIDE = {"variant", "expect", "threads", "observer", "verify", "remember", "spin"}


def prepared(
    bundle: str | os.PathLike[str],
    source: str,
    out: str,
    columns: Columns,
    keep: Sequence[str] | None,
    scores: bool,
    part_rows: int | None,
    workers: int,
    tell: Tell,
    options: Options,
) -> PartsJob:
    """What workers are told; the output folder is begun, or goes on. See ``predict_parquet``."""
    if part_rows is not None and part_rows < 1:
        raise UsageError(f"part_rows must be 1 or more, not {part_rows}.")
    options = {**options, "threads": options.get("threads") or 1}
    folder = Path(bundle).absolute()
    manifest = read_manifest(folder)
    task = task_named(manifest.model.task, manifest.model.takes)
    files = look_into(parquet_files(source))
    with_rows = [one for one in files if any(one.groups)]  # of others even types may be unknown
    if not with_rows:
        raise DataError(f"{source} has no rows.", hint="Check that it is what was meant.")
    asked, kept = _columns(with_rows, task, columns, keep, tell)
    schema = _schema_kept(with_rows, kept)
    place = Folder(_absolute(out))
    _check_apart(source, files, place.address)
    before = record_in(place)
    if before is not None and options.get("variant", "auto") == "auto":
        options["variant"] = before.variant
    options["expect"] = options.get("expect") or manifest.digest
    with load(folder, **options) as model:
        added = added_columns(one_shown(model, scores, len(asked)), kept)
        if not model.stages:
            options["variant"] = model.variant
    groups = [one.groups for one in files]
    record = Record(
        bundle=manifest.digest,
        variant=options.get("variant", "auto"),
        options=_told(options, scores),
        columns=asked,
        kept=kept,
        inputs=tuple((one.address, one.size, one.footer) for one in files),
        parts=tuple(cut_in_parts(groups, part_rows or _rows_for(workers, groups)))
        if before is None
        else before.parts,
    )
    if before is None:
        place.put(RECORD_FILE, record.text())
    else:
        check_same_request(place, before, record)
    return PartsJob(
        bundle=str(folder),
        options=options,
        scores=scores,
        files=tuple(one.address for one in files),
        class_names=tuple(one.class_names for one in files),
        parts=record.parts,
        asked=asked,
        kept=schema,
        added=added,
        out=place.address,
    )


def _columns(
    files: Sequence[ParquetFacts],
    task: Task,
    columns: Columns,
    keep: Sequence[str] | None,
    tell: Tell,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are asked, and those that are kept; all these files have them."""
    first = files[0]
    names = [str(one) for one in first.schema.names]
    asked = asked_in(first.address, names, task, columns, tell)
    kept = tuple(names if keep is None else dict.fromkeys(keep))
    for one in files:
        one.check(asked, kept)
    return asked, kept


def _schema_kept(files: Sequence[ParquetFacts], kept: Sequence[str]) -> "pyarrow.Schema":
    """The types of the columns that are kept; a file in which one is null throughout tells none.

    Raises DataError where two files tell two.
    """
    import pyarrow

    found: dict[str, tuple[Any, str]] = {}
    for one in files:
        for name in kept:
            kind = one.schema.field(name).type
            ours, address = found.setdefault(name, (kind, one.address))
            if pyarrow.types.is_null(ours):
                found[name] = kind, one.address
            elif kind != ours and not pyarrow.types.is_null(kind):
                raise DataError(
                    f"{one.address}: the column {name!r} holds {kind}, and {ours} in {address}.",
                    hint="Write the files alike; --keep names the columns that are kept.",
                )
    return pyarrow.schema([(name, kind) for name, (kind, _) in found.items()])


def _rows_for(workers: int, groups: Sequence[Sequence[int]]) -> int:
    """The rows of a part, so that workers end together and little is done again where one dies."""
    rows = sum(map(sum, groups))
    return max(FEWEST_ROWS, min(MOST_ROWS, -(-rows // (PARTS_EACH * workers))))


def _absolute(out: str) -> str:
    return out if "://" in out or "::" in out else str(Path(out).absolute())


def _check_apart(source: str, files: Sequence[ParquetFacts], out: str) -> None:
    """Raise OutputError where parts would be written among what is read."""
    base = out.removeprefix("file://").rstrip("/") + "/"
    read = _absolute(source).removeprefix("file://").rstrip("/") + "/"
    inside = any(one.address.startswith(base) for one in files)
    if inside or base.startswith(read):
        raise OutputError(
            f"{out} holds what is read, or stands in it.", hint="Name another folder with -o."
        )


def _told(options: Options, scores: bool) -> dict[str, Any]:
    """Options that change answers, as the record keeps them."""
    found = {name: one for name, one in options.items() if name not in BESIDE and one is not None}
    return {**found, "scores": scores}
