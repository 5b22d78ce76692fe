"""The folder of an unfinished run: ``<out>.partial``, beside where the checkpoint will stand.

runs/news.partial/
  run.json                 what was asked, and of which data
  checkpoints/             of the Trainer, see checkpoints.py
  final/                   the finished checkpoint, just before it becomes runs/news
"""

import json
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgeft.errors import DataError, OutputError, UsageError
from edgeft.folders import (
    CHECKPOINT,
    FolderKind,
    check_folder,
    claim_folder,
    replace_folder,
)
from edgeft.folders.disk import remove
from edgeft.folders.kinds import CHECKPOINT_FILE, files_below
from edgeft.folders.names import PARTIAL, place_of, spare
from edgeft.train.checkpoints import is_checkpoints
from edgeft.train.config import TrainConfig, config_from, config_to
from edgeft.train.recipe import option

__all__ = [
    "CHECKPOINTS",
    "FINAL",
    "RunRecord",
    "check_same",
    "check_unfinished",
    "claim_run",
    "free_sibling",
    "partial_folder",
    "read_run",
    "resume_command",
    "start_run",
]

RUN_FILE = "run.json"
CHECKPOINTS = "checkpoints"
FINAL = "final"


@dataclass(frozen=True)
class RunRecord:
    """What an unfinished run was started with."""

    config: TrainConfig
    data_fingerprint: str
    processes: int


def partial_folder(out: Path) -> Path:
    """Where the run that will end in ``out`` works."""
    place = place_of(out)
    if not place.name:
        raise OutputError(f"{out} cannot be an output folder.", hint="Name another with -o.")
    return place.with_name(f"{place.name}{PARTIAL}")


def free_sibling(folder: Path) -> Path:
    """The first of folder-2, folder-3 … that neither exists nor is being trained."""
    number = 2
    while True:
        sibling = folder.with_name(f"{folder.name}-{number}")
        if not sibling.exists() and not partial_folder(sibling).exists():
            return sibling
        number += 1


def resume_command(out: Path, *, force: bool) -> str:
    """The command that goes on with the run."""
    return f"edgeft train -o {shlex.quote(str(out))} --resume" + (" --force" if force else "")


@contextmanager
def claim_run(
    out: Path,
    *,
    force: bool,
    resume: bool,
    inputs: Iterable[Path | str],
    models: Iterable[Path | str],
) -> Iterator[None]:
    """Hold ``out`` and its working folder for the block; see ``claim_folder``.

    Raises OutputError where something stands in the way, UsageError where there
    is nothing to resume.
    """
    inputs, models = list(inputs), list(models)
    if resume:
        check_unfinished(out)
    with claim_folder(out, CHECKPOINT, force=force, inputs=inputs, models=models):
        partial = partial_folder(out)
        check_folder(partial, RUN, force=True, inputs=inputs, models=models)
        if partial.exists() and any(partial.iterdir()) and not resume and not force:
            raise OutputError(
                f"{out} has an unfinished run in {partial.name}.",
                hint=f"Go on with: {resume_command(out, force=False)}\n"
                "or throw it away and start anew with --force.",
            )
        yield


def check_unfinished(out: Path) -> None:
    """Raise UsageError where there is no run to go on with."""
    partial = partial_folder(out)
    if not (partial / RUN_FILE).is_file():
        state = "is finished already" if out.is_dir() else "was never started"
        raise UsageError(
            f"There is nothing to resume: the run {out} {state}.",
            hint=f"{partial.name} would hold an unfinished one. Leave --resume out to train.",
        )


def start_run(out: Path, record: RunRecord) -> None:
    """Make a fresh working folder, in place of an older one. Raises OutputError."""
    partial = partial_folder(out)
    made = spare(place_of(out), "new")
    try:
        made.mkdir()
        try:
            content = {**asdict(record), "config": config_to(record.config)}
            (made / RUN_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            replace_folder(made, partial)
        finally:
            remove(made)
    except OSError as error:
        raise OutputError(
            f"{partial} cannot be created: {error.strerror}.",
            hint="Name another place with -o.",
        ) from error


def read_run(out: Path) -> RunRecord:
    """The record of the unfinished run. Raises UsageError where there is none."""
    path = partial_folder(out) / RUN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(**{**content, "config": config_from(content["config"])})
    except FileNotFoundError:
        check_unfinished(out)
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.",
            hint=f"Start anew: add --force to the command that made {out}.",
        ) from error


def check_same(out: Path, before: RunRecord, now: RunRecord) -> None:
    """Refuse to resume with another config (UsageError) or other data (DataError)."""
    old, new = _comparable(before), _comparable(now)
    different = [name for name in old if old[name] != new[name]]
    if different:
        shown = "; ".join(
            f"{_shown(name)} was {old[name]!r}, now {new[name]!r}" for name in different
        )
        raise UsageError(
            f"The unfinished run {out} was started otherwise: {shown}.",
            hint=f"Go on as it was: {resume_command(out, force=False)}\n"
            "or start anew with --force and without --resume.",
        )
    if before.data_fingerprint != now.data_fingerprint:
        raise DataError(
            f"The data have changed since the run {out} was started.",
            hint="Bring the old data back, or start anew with --force and without --resume.",
        )


def _foreign(folder: Path) -> list[str] | None:
    """What in the folder of an unfinished run is not the run's."""
    if not (folder / RUN_FILE).is_file():
        return None
    return [name for name in files_below(folder) if not _is_runs(*PurePosixPath(name).parts)]


def _is_runs(first: str, *rest: str) -> bool:
    if not rest:
        return first in (RUN_FILE, CHECKPOINTS, FINAL)
    if first == FINAL:
        return len(rest) == 1 and bool(CHECKPOINT_FILE.fullmatch(rest[0]))
    return first == CHECKPOINTS and is_checkpoints(*rest)


RUN = FolderKind("an unfinished run", _foreign)


def _shown(name: str) -> str:
    return {"data": "DATA", "processes": "processes"}.get(name) or option(name)


def _comparable(record: RunRecord) -> dict[str, Any]:
    return {**config_to(record.config), "processes": record.processes}
