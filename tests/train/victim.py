"""A training process that dies at a chosen moment: python -m tests.train.victim OUT MOMENT OPTIONS.

MOMENT is mid-epoch, epoch-end (evaluated, not yet saved), half-saved (a
checkpoint's files are there, its marker is not), starting (its working folder is
not there yet), half-written (the result lacks its record), swapped (the result is
in place, what stood there and the working folder are still there) or half-discarded
(of the working folder). OPTIONS is a JSON
object; what stands at OUT is replaced.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from edgeft.folders import swap
from edgeft.train import folder, save, trainer
from edgeft.train.checkpoints import EpochScores, TrainState
from edgeft.train.config import config_from
from edgeft.train.run import train

KILLED_AFTER_UPDATES = 14  # of 9 an epoch, so within the second one


def die() -> None:
    """End this very moment, as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(out: Path, moment: str, options: dict[str, Any]) -> None:
    """Train, and die before the end."""

    def progress(step: str, done: int, total: int) -> None:
        if moment == "mid-epoch" and step == "training" and done == KILLED_AFTER_UPDATES:
            die()

    def on_epoch(point: EpochScores) -> None:
        if moment == "epoch-end" and point.epoch == 2:
            die()

    if moment == "half-saved":
        mark = trainer.mark_complete

        def mark_or_die(folder: Path, state: TrainState) -> None:
            if len(state.curve) == 2:
                die()
            mark(folder, state)

        trainer.mark_complete = mark_or_die

    def half_discard(partial: Path, place: Path) -> None:
        swap.remove = lambda _: die()
        swap.discard(partial, place)

    dying: dict[str, tuple[Any, str, Any]] = {
        "starting": (folder, "replace_folder", lambda *_: die()),
        "half-written": (save, "write_json", lambda *_: die()),
        "swapped": (swap, "remove", lambda _: die()),
        "half-discarded": (save, "discard", half_discard),
    }
    if moment in dying:
        setattr(*dying[moment])
    train(config_from(options), out, force=True, on_epoch=on_epoch, progress=progress)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
