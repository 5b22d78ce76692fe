"""Fine-tuning itself: epochs, their scores, and the best one's weights."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import transformers

from edgeft.checkpoint.pretrained import quiet
from edgeft.errors import ModelError
from edgeft.progress import Progress, silent
from edgeft.train.checkpoints import (
    EpochScores,
    FoundCheckpoint,
    best_epoch,
    find_checkpoint,
    folder_of,
    has_stalled,
    prune,
)
from edgeft.train.hardware import Hardware
from edgeft.train.recipe import Recipe
from edgeft.train.surroundings import repeats, surroundings
from edgeft.train.trainer import RepeatableTrainer, TrainingSet

__all__ = ["OnEpoch", "OnNote", "fit"]

NOT_REPEATABLE = (
    "torch has no repeatable way to train this model on this device: the same run may give "
    "slightly other weights another time."
)

OnEpoch = Callable[[EpochScores], None]
OnNote = Callable[[str], None]


def fit(
    model: Any,
    training_set: TrainingSet,
    recipe: Recipe,
    hardware: Hardware,
    root: Path,
    *,
    resume: bool = False,
    checkpoint_steps: int | None = None,
    on_epoch: OnEpoch | None = None,
    on_note: OnNote | None = None,
    progress: Progress = silent,
) -> tuple[EpochScores, ...]:
    """Train ``model`` in place, leave the best epoch's weights in it, return the curve.

    Checkpoints are kept below ``root``; with ``resume`` the newest whole one is
    continued, and ``on_note`` told of those that are not. Raises ModelError
    where the loss is no longer a number.
    """
    found = find_checkpoint(root) if resume else FoundCheckpoint()
    state = found.state
    if on_note is not None:
        for note in _told(found):
            on_note(note)
    # The caller's own on_epoch and progress run in here: what they print and log is not held back.
    with quiet(transformers_only=True), surroundings(hardware):
        trainer = RepeatableTrainer(
            model, training_set, recipe, hardware, root, state, checkpoint_steps
        )
        trainer.add_callback(_Watch(trainer, on_epoch, progress))
        if hardware.is_main:
            prune(root, found.keep)
        done = len(state.curve) >= recipe.epochs or has_stalled(state.curve, recipe.patience)
        if not done:
            if not repeats(trainer.try_out) and on_note is not None:
                on_note(NOT_REPEATABLE)
            trainer.train(resume_from_checkpoint=str(found.folder) if found.folder else None)
        trainer.accelerator.wait_for_everyone()
        _load_weights(model, folder_of(root, best_epoch(trainer.curve).updates))
    return tuple(trainer.curve)


def _told(found: FoundCheckpoint) -> Iterator[str]:
    for fault in found.faults:
        yield f"Not used, being damaged: {fault}."
    if found.faults:
        yield f"Going on from {found.folder.name if found.folder else 'the very start'}."


class _Watch(transformers.TrainerCallback):
    """Evaluates, saves, stops and tells, at the moments that the Trainer names."""

    def __init__(
        self, trainer: RepeatableTrainer, on_epoch: OnEpoch | None, progress: Progress
    ) -> None:
        self.trainer = trainer
        self.on_epoch = on_epoch
        self.progress = progress
        self.begun_at = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.begun_at = state.global_step
        self.progress("training", 0, state.max_steps - self.begun_at)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # What a former process did took none of this one's time: it is left out of both.
        self.progress(
            "training", state.global_step - self.begun_at, state.max_steps - self.begun_at
        )
        every, per_epoch = self.trainer.checkpoint_steps, self.trainer.updates_per_epoch
        if every and state.global_step % every == 0 and state.global_step % per_epoch != 0:
            control.should_save = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        point = self.trainer.end_epoch()
        control.should_save = True
        if has_stalled(self.trainer.curve, self.trainer.recipe.patience):
            control.should_training_stop = True
        if self.on_epoch is not None and self.trainer.hardware.is_main:
            self.on_epoch(point)


def _load_weights(model: Any, folder: Path) -> None:
    from safetensors.torch import load_file

    weights: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights.update(load_file(path))
    missing = model.load_state_dict(weights, strict=False).missing_keys
    tied = set(getattr(model, "_tied_weights_keys", None) or ())
    if set(missing) - tied:
        raise ModelError(f"{folder} lacks the weights {', '.join(missing)}.")
