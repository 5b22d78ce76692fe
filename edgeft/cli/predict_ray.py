"""edgeft predict --engine ray: Parquet in, parts of Parquet out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeft.cli import console
from edgeft.errors import UsageError
from edgeft.tasks.reading import columns_named

__all__ = ["run_on_ray"]


def run_on_ray(
    bundle: Path,
    source: str,
    out: Path | str | None,
    named: Mapping[str, str | None],
    *,
    scores: bool,
    workers: int | None,
    keep: Sequence[str],
    part_rows: int | None,
    settings: Mapping[str, Any],
) -> None:
    """Write what is missing, and tell what was done. Raises EdgeftError."""
    from edgeft.cluster.run import predict_parquet

    if source == "-":
        raise UsageError(
            "--engine ray reads Parquet, not standard input.",
            hint="Name a file, a folder, or a pattern in quotes.",
        )
    if out is None:
        raise UsageError("--engine ray writes a folder of parts.", hint="Name it with -o.")
    with console.show_progress() as progress:
        done = predict_parquet(
            bundle,
            source,
            str(out),
            columns=columns_named(named),
            keep=keep or None,
            scores=scores,
            workers=workers,
            part_rows=part_rows,
            tell=console.note,
            progress=progress,
            **settings,
        )
    before = done.parts - done.written
    console.note(
        f"{out} holds {done.rows:,} rows in {done.parts:,} parts"
        + (f", {before:,} of which were there already." if before else ".")
    )
    if done.empty:
        console.note(f"{done.empty:,} rows of those written now have no text, and no answer.")
