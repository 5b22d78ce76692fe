"""Checkpoints of an unfinished run.

A marker, which is written last, records every file of a complete one; a
checkpoint whose files are not those any more counts as little as a half-written
one.
"""

import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edgeft.bundle.integrity import FileRecord, record_of
from edgeft.folders import sync_tree
from edgeft.folders.kinds import CHECKPOINT_FILE

__all__ = [
    "EpochScores",
    "FoundCheckpoint",
    "TrainState",
    "best_epoch",
    "complete_checkpoints",
    "find_checkpoint",
    "folder_of",
    "has_stalled",
    "is_checkpoints",
    "mark_complete",
    "prune",
    "unmark",
]

MARKER = "complete.json"
PREFIX = "checkpoint-"  # the Trainer's own
TRAINERS = re.compile(
    r"(optimizer|scheduler|scaler)\.pt|trainer_state\.json|training_args\.bin"
    r"|rng_state(_\d+)?\.pth|\.?complete\.json(\.tmp)?"
)


@dataclass(frozen=True)
class EpochScores:
    """One point of the curve. Epochs count from 1.

    ``train_loss`` is the loss that was minimized, its mean over the epoch;
    ``validation_loss`` the plain cross-entropy. ``seconds`` include evaluation.
    ``scores`` are the task's metrics on validation, None without it; the first
    of them chooses the best epoch.
    """

    epoch: int
    updates: int
    train_loss: float
    seconds: float
    validation_loss: float | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the scores stand beside the rest, by their names."""
        plain = asdict(self)
        scores = plain.pop("scores")
        return {**plain, **scores}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "EpochScores":
        """The point that ``to_dict`` gave: what is no field is a score."""
        own = {one.name for one in fields(cls)}
        scores = {name: value for name, value in content.items() if name not in own}
        return cls(**{name: content[name] for name in content if name in own}, scores=scores)

    @property
    def chosen_by(self) -> float | None:
        """The score that chooses the best epoch."""
        return next(iter(self.scores.values()), None)


@dataclass(frozen=True)
class TrainState:
    """What a run knows besides the Trainer's own state.

    ``loss_sum`` and ``epoch_seconds`` are those of the epoch that is under way.
    """

    updates: int
    curve: tuple[EpochScores, ...] = ()
    loss_sum: float = 0.0
    epoch_seconds: float = 0.0


def best_epoch(curve: Collection[EpochScores]) -> EpochScores:
    """The epoch with the best first score, of those the lowest loss, of those the first.

    Without validation scores it is the last epoch.
    """
    scored = [one for one in curve if one.chosen_by is not None]
    if not scored:
        return list(curve)[-1]
    return max(scored, key=lambda one: (one.chosen_by, -(one.validation_loss or 0.0), -one.epoch))


def has_stalled(curve: Collection[EpochScores], patience: int) -> bool:
    """Whether ``patience`` epochs have passed since the best one; 0 waits for ever."""
    if not curve or patience == 0:
        return False
    return max(one.epoch for one in curve) - best_epoch(curve).epoch >= patience


def folder_of(root: Path, updates: int) -> Path:
    """Where the checkpoint after so many updates stands."""
    return root / f"{PREFIX}{updates}"


def is_checkpoints(folder: str, *names: str) -> bool:
    """Whether a relative name below the root is one that training writes."""
    if not folder.startswith(PREFIX) or len(names) > 1:
        return False
    return not names or bool(CHECKPOINT_FILE.fullmatch(names[0]) or TRAINERS.fullmatch(names[0]))


def mark_complete(folder: Path, state: TrainState) -> None:
    """Sync the checkpoint's files to disk, then write its marker and sync that."""
    sync_tree(folder)
    files = {one.relative_to(folder).as_posix(): asdict(record_of(one))
             for one in sorted(folder.rglob("*")) if one.is_file()}  # fmt: skip
    temporary = folder / f".{MARKER}.tmp"
    with temporary.open("w", encoding="utf-8") as stream:
        curve = [point.to_dict() for point in state.curve]
        json.dump({**asdict(state), "curve": curve, "files": files}, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / MARKER)
    sync_tree(folder)


def unmark(folder: Path) -> None:
    """Make the checkpoint count as incomplete, before it is changed or deleted."""
    (folder / MARKER).unlink(missing_ok=True)


def complete_checkpoints(root: Path) -> dict[int, Path]:
    """The complete checkpoints by their number of updates, oldest first."""
    found = {}
    for folder in root.glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX)
        if number.isdigit() and (folder / MARKER).is_file():
            found[int(number)] = folder
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class FoundCheckpoint:
    """Where a run can go on: after ``state``, from ``folder``, or None for its very start.

    ``faults`` tell of the newer checkpoints that cannot be used. ``keep`` are the
    numbers of updates of those that are needed.
    """

    folder: Path | None = None
    state: TrainState = TrainState(updates=0)
    faults: tuple[str, ...] = ()
    keep: tuple[int, ...] = ()


def find_checkpoint(root: Path) -> FoundCheckpoint:
    """The newest checkpoint that is whole, as the one of its best epoch must be, too."""
    whole: dict[int, TrainState] = {}
    faults = []
    for updates, folder in complete_checkpoints(root).items():
        try:
            whole[updates] = _read_whole(folder)
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError
        ) as error:  # fmt: skip
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            faults.append(f"{folder.name}: {reason}")
    for updates, state in sorted(whole.items(), reverse=True):
        best = best_epoch(state.curve).updates if state.curve else updates
        if best in whole:
            return FoundCheckpoint(folder_of(root, updates), state, tuple(faults), (best, updates))
        faults.append(f"{PREFIX}{updates}: its best epoch's, {PREFIX}{best}, is missing")
    return FoundCheckpoint(faults=tuple(faults))


def _read_whole(folder: Path) -> TrainState:
    """A checkpoint's state; raises ValueError for a file that is not as it was recorded."""
    content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    for name, record in content.pop("files").items():
        if not (folder / name).is_file():
            raise ValueError(f"{name} is missing")
        if record_of(folder / name) != FileRecord(**record):
            raise ValueError(f"{name} is not as it was written")
    curve = tuple(map(EpochScores.from_dict, content.pop("curve")))
    return TrainState(curve=curve, **content)


def prune(root: Path, keep: Collection[int]) -> None:
    """Delete every checkpoint but the complete ones after ``keep`` updates."""
    complete = complete_checkpoints(root)
    kept = {complete[number] for number in keep if number in complete}
    for folder in root.glob(f"{PREFIX}*"):
        if folder not in kept:
            unmark(folder)
            shutil.rmtree(folder, ignore_errors=True)
