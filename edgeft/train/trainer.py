"""transformers' Trainer, made to resume to the very same weights.

The stock Trainer's order of rows and its dropout depend on how often it was
interrupted. Here the order of an epoch is a function of (seed, epoch), dropout
one of (seed, update, part of the update, process), and a checkpoint counts only
once its marker stands.
"""

import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from edgeft.errors import ModelError
from edgeft.tasks.outputs import picked
from edgeft.tasks.task import Task
from edgeft.train.arguments import optimizer_of, training_arguments
from edgeft.train.batches import BatchOrder, collate, takes_types
from edgeft.train.checkpoints import (
    EpochScores,
    TrainState,
    best_epoch,
    folder_of,
    mark_complete,
    prune,
    unmark,
)
from edgeft.train.hardware import Hardware, autocast
from edgeft.train.objectives.objective import LearnedRow, Objective, parts_of
from edgeft.train.readied import Readied, scored
from edgeft.train.recipe import Recipe

__all__ = ["RepeatableTrainer", "TrainingSet", "step_seed"]


@dataclass(frozen=True)
class TrainingSet:
    """What is learned: rows of (part, target), and what the targets mean."""

    task: Task
    objective: Objective
    train: list[LearnedRow]
    validation: Readied | None  # None: no epoch is chosen, the last one counts
    labels: tuple[str, ...]
    pad_id: int


def step_seed(seed: int, update: int, part: int, rank: int) -> int:
    """The random seed of one backward pass, from 0 to 2^63 - 1."""
    digest = hashlib.sha256(f"{seed}/{update}/{part}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class _Rows(torch.utils.data.Dataset):
    def __init__(self, rows: list[LearnedRow]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> LearnedRow:
        return self.rows[at]


class _Loader(torch.utils.data.DataLoader):
    """A loader that passes the Trainer's ``set_epoch`` on to the order of rows."""

    def set_epoch(self, epoch: int) -> None:
        self.batch_sampler.set_epoch(epoch)


class RepeatableTrainer(transformers.Trainer):
    """The Trainer with our order of rows, seeds, optimizer, loss and checkpoints."""

    def __init__(
        self,
        model: Any,
        training_set: TrainingSet,
        recipe: Recipe,
        hardware: Hardware,
        root: Path,
        state: TrainState,
        checkpoint_steps: int | None,
    ) -> None:
        self.training_set = training_set
        self.recipe = recipe
        self.hardware = hardware
        self.root = root
        self.checkpoint_steps = checkpoint_steps
        self.order = BatchOrder(
            [max(len(part.ids) for part in parts_of(row)) for row in training_set.train],
            recipe.batch_size,
            seed=recipe.seed,
            rank=hardware.rank,
            processes=hardware.processes,
        )
        self.updates_per_epoch = math.ceil(len(self.order) / recipe.gradient_accumulation)
        self.collate = collate(
            training_set.objective, training_set.pad_id, hardware.pad_multiple,
            types=takes_types(model),
        )  # fmt: skip
        self.class_weights = None
        if recipe.class_weights:
            weights = training_set.objective.weights(training_set.train, training_set.labels)
            self.class_weights = torch.from_numpy(weights)  # (C,) float32
        super().__init__(
            model=model,
            args=training_arguments(recipe, hardware, root, self.updates_per_epoch),
            train_dataset=_Rows(training_set.train),
            compute_loss_func=self._loss,
        )
        self.model_accepts_loss_kwargs = False  # the loss is ours, not the model's
        self.remove_callback(transformers.PrinterCallback)
        self.curve = list(state.curve)
        self.loss_sum = torch.tensor(state.loss_sum, dtype=torch.float64, device=self.args.device)
        self.epoch_began = time.monotonic() - state.epoch_seconds
        self._seeded_update, self._part = -1, 0

    def get_train_dataloader(self) -> Any:
        return _Loader(
            self.train_dataset,
            batch_sampler=self.order,
            collate_fn=self.collate,
            pin_memory=self.hardware.device == "cuda",
        )

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        def moved(one: Any) -> Any:
            if isinstance(one, dict):
                return {name: moved(inner) for name, inner in one.items()}
            # From pinned memory this does not wait for what the GPU is still busy with.
            return one.to(self.args.device, non_blocking=True)

        return {name: moved(one) for name, one in inputs.items()}

    def get_batch_samples(self, *given: Any) -> tuple[list[Any], Any]:
        """The batches of an update, and how many things it learns: all, on every process."""
        batches, _ = super().get_batch_samples(*given)
        if not batches:
            return batches, None
        here = sum(batch["labels"]["count"] for batch in batches).to(self.args.device)
        count = self.accelerator.gather(here).sum()
        if not self.args.average_tokens_across_devices:  # then the mean over processes is taken
            count = count / self.args.world_size
        return batches, count

    def _loss(self, outputs: Any, batch: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        total = self.training_set.objective.loss(
            outputs, batch, self.class_weights, self.recipe.label_smoothing
        )
        return total / (batch["count"] if num_items_in_batch is None else num_items_in_batch)

    def try_out(self) -> None:
        """One backward pass that leaves no trace but in the random state, which every step sets."""
        self.model.train()
        with autocast(self.hardware):
            inputs = self._prepare_inputs(self.collate(self.training_set.train[:2]))
            loss = self.compute_loss(self.model, inputs)
        loss.backward()
        self.model.zero_grad(set_to_none=True)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        update = self.state.global_step
        self._part = self._part + 1 if update == self._seeded_update else 0
        self._seeded_update = update
        torch.manual_seed(step_seed(self.recipe.seed, update, self._part, self.args.process_index))
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.loss_sum += loss
        return loss

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None:
            decayed = set(self.get_decay_parameter_names(self.model))
            named = [pair for pair in self.model.named_parameters() if pair[1].requires_grad]
            with_decay = [one for name, one in named if name in decayed]
            without = [one for name, one in named if name not in decayed]
            groups = [
                {"params": with_decay, "weight_decay": self.recipe.weight_decay},
                {"params": without, "weight_decay": 0.0},
            ]
            self.optimizer: Any = optimizer_of(groups, self.recipe)
        return self.optimizer

    def end_epoch(self) -> EpochScores:
        """Evaluate, add a point to the curve and start counting anew."""
        epoch = len(self.curve) + 1
        loss = self._mean_loss_sum() / self.updates_per_epoch
        if not math.isfinite(loss):
            raise ModelError(
                f"Training diverged: in epoch {epoch} the loss is not a number.",
                hint="Start anew with --force and a lower --learning-rate than "
                f"{self.recipe.learning_rate:g}"
                + (", or --precision bf16." if self.hardware.precision == "fp16" else "."),
            )
        plain, scores = self._scores()
        point = EpochScores(
            epoch=epoch,
            updates=self.state.global_step,
            train_loss=loss,
            seconds=time.monotonic() - self.epoch_began,
            validation_loss=plain,
            scores=scores,
        )
        self.curve.append(point)
        self.loss_sum.zero_()
        self.epoch_began = time.monotonic()
        return point

    def _scores(self) -> tuple[float | None, dict[str, float | None]]:
        """The plain loss on validation, and the metrics; None where there is no validation."""
        given = self.training_set
        metrics = given.task.metrics
        if given.validation is None:
            return None, dict.fromkeys(metrics)
        outputs, scores, _ = scored(
            self.model, given.validation, given.task, given.labels, given.pad_id, self.hardware
        )
        learned = picked(outputs, given.validation.learned)
        loss = given.objective.numpy_loss(learned, given.validation.rows)
        return loss, {name: scores.figure(name) for name in metrics}

    def _mean_loss_sum(self) -> float:
        return float(self.accelerator.reduce(self.loss_sum.clone(), reduction="mean"))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = folder_of(self.root, self.state.global_step)
        loss_sum = self._mean_loss_sum()
        if self.args.should_save:
            unmark(folder)
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            state = TrainState(
                updates=self.state.global_step,
                curve=tuple(self.curve),
                loss_sum=loss_sum,
                epoch_seconds=time.monotonic() - self.epoch_began,
            )
            mark_complete(folder, state)
            best = {best_epoch(self.curve).updates} if self.curve else set()
            prune(self.root, {self.state.global_step, *best})

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing to save: every step is seeded."""

    def _load_rng_state(self, checkpoint: str) -> None:
        """Nothing to load: every step is seeded."""
