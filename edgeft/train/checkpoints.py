"""Checkpoints of an unfinished run: complete ones carry a marker, which is written last."""

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeft.folders import sync_tree

__all__ = [
    "EpochScores",
    "TrainState",
    "best_epoch",
    "complete_checkpoints",
    "folder_of",
    "has_stalled",
    "mark_complete",
    "newest_checkpoint",
    "prune",
    "unmark",
]

MARKER = "complete.json"
PREFIX = "checkpoint-"  # the Trainer's own


@dataclass(frozen=True)
class EpochScores:
    """One point of the curve. Epochs count from 1; the scores are those of validation.

    ``train_loss`` is the loss that was minimized, its mean over the epoch;
    ``validation_loss`` the plain cross-entropy. ``seconds`` include evaluation.
    """

    epoch: int
    updates: int
    train_loss: float
    seconds: float
    validation_loss: float | None = None
    accuracy: float | None = None
    macro_f1: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


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
    """The epoch with the best accuracy, of those the lowest loss, of those the first.

    Without validation scores it is the last epoch.
    """
    scored = [one for one in curve if one.accuracy is not None]
    if not scored:
        return list(curve)[-1]
    return max(scored, key=lambda one: (one.accuracy, -(one.validation_loss or 0.0), -one.epoch))


def has_stalled(curve: Collection[EpochScores], patience: int) -> bool:
    """Whether ``patience`` epochs have passed since the best one; 0 waits for ever."""
    if not curve or patience == 0:
        return False
    return max(one.epoch for one in curve) - best_epoch(curve).epoch >= patience


def folder_of(root: Path, updates: int) -> Path:
    """Where the checkpoint after so many updates stands."""
    return root / f"{PREFIX}{updates}"


def mark_complete(folder: Path, state: TrainState) -> None:
    """Sync the checkpoint's files to disk, then write its marker and sync that."""
    sync_tree(folder)
    temporary = folder / f".{MARKER}.tmp"
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(asdict(state), stream, indent=2)
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


def newest_checkpoint(root: Path) -> tuple[Path, TrainState] | None:
    """The complete checkpoint with the most updates, and its state."""
    found = complete_checkpoints(root)
    if not found:
        return None
    folder = found[max(found)]
    content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    curve = tuple(EpochScores(**one) for one in content.pop("curve"))
    return folder, TrainState(curve=curve, **content)


def prune(root: Path, keep: Collection[int]) -> None:
    """Delete every checkpoint but the complete ones after ``keep`` updates."""
    complete = complete_checkpoints(root)
    kept = {complete[number] for number in keep if number in complete}
    for folder in root.glob(f"{PREFIX}*"):
        if folder not in kept:
            unmark(folder)
            shutil.rmtree(folder, ignore_errors=True)
