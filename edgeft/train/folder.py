"""The folder of an unfinished run: ``<out>.partial``, beside where the checkpoint will stand.

runs/news.partial/
  run.json                 what was asked, and of which data
  checkpoints/             of the Trainer, see checkpoints.py
  final/                   the finished checkpoint, just before it becomes runs/news
"""

import json
import shlex
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeft.errors import DataError, OutputError, UsageError
from edgeft.folders import check_destination, write_file
from edgeft.train.config import TrainConfig, config_from, config_to
from edgeft.train.recipe import option

__all__ = [
    "RunRecord",
    "check_folders",
    "check_same",
    "partial_folder",
    "read_run",
    "resume_command",
    "start_run",
]

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunRecord:
    """What an unfinished run was started with."""

    config: TrainConfig
    data_fingerprint: str
    processes: int


def partial_folder(out: Path) -> Path:
    """Where the run that will end in ``out`` works."""
    out = out.absolute()
    if not out.name:
        raise OutputError(f"{out} cannot be an output folder.", hint="Name another with -o.")
    return out.with_name(f"{out.name}.partial")


def resume_command(out: Path, *, force: bool) -> str:
    """The command that goes on with the run."""
    return f"edgeft train -o {shlex.quote(str(out))} --resume" + (" --force" if force else "")


def check_folders(out: Path, *, force: bool, resume: bool) -> None:
    """Refuse to start where something stands in the way; raise OutputError or UsageError."""
    partial = partial_folder(out)
    unfinished = (partial / RUN_FILE).is_file()
    if resume and not unfinished:
        state = "is finished already" if out.is_dir() else "was never started"
        raise UsageError(
            f"There is nothing to resume: the run {out} {state}.",
            hint=f"{partial.name} would hold an unfinished one. Leave --resume out to train.",
        )
    check_destination(out, force=force)
    if partial.exists() and not unfinished and any(partial.iterdir()):
        raise OutputError(  # never delete what is not ours, not even with --force
            f"{partial} is in the way: it holds no unfinished run.",
            hint="Move it away, or name another folder with -o.",
        )
    if unfinished and not resume and not force:
        raise OutputError(
            f"{out} has an unfinished run in {partial.name}.",
            hint=f"Go on with: {resume_command(out, force=False)}\n"
            "or throw it away and start anew with --force.",
        )


def start_run(out: Path, record: RunRecord) -> Path:
    """Make a fresh working folder, in place of an older one; return it."""
    partial = partial_folder(out)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    content = {**asdict(record), "config": config_to(record.config)}
    write_file(partial / RUN_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return partial


def read_run(out: Path) -> RunRecord:
    """The record of the unfinished run. Raises UsageError where there is none."""
    path = partial_folder(out) / RUN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(**{**content, "config": config_from(content["config"])})
    except FileNotFoundError:
        check_folders(out, force=True, resume=True)
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
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


def _shown(name: str) -> str:
    return {"data": "DATA", "processes": "processes"}.get(name) or option(name)


def _comparable(record: RunRecord) -> dict[str, Any]:
    return {**config_to(record.config), "processes": record.processes}
