"""Which rows are learned from together, and in which order: pure, so that a run can resume."""

import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import torch

from edgeft.tasks.encoded import Part
from edgeft.train.objectives.objective import LearnedRow, Objective, parts_of

__all__ = ["BatchOrder", "collate", "epoch_batches", "length_batches", "pad_parts", "takes_types"]

# So many batches are sorted by length together. Short messages then are padded by a fifth,
# not by the three fifths of random batches; a larger pool pads less, but as length goes
# with the class, it also makes batches of few classes.
POOL_BATCHES = 8


def epoch_batches(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int, processes: int = 1
) -> list[list[int]]:
    """The batches of one epoch for all processes together: row numbers of like lengths.

    Each row comes once. Rows are shuffled, sorted by length within pools of
    POOL_BATCHES batches, cut into batches of ``batch_size`` x ``processes``,
    and the batches shuffled. The last batch is filled up with rows of its own
    to a multiple of ``processes``, so that no process goes without. The result
    depends on the arguments alone.
    """
    chance = random.Random(f"{seed}/{epoch}")
    rows = list(range(len(lengths)))
    chance.shuffle(rows)
    size = batch_size * processes
    batches: list[list[int]] = []
    for start in range(0, len(rows), size * POOL_BATCHES):
        pool = sorted(rows[start : start + size * POOL_BATCHES], key=lambda row: -lengths[row])
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    chance.shuffle(batches)
    return [_filled(batch, processes) for batch in batches]


def length_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """All row numbers once, longest first: the order that pads least where order is free."""
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    return [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]


def _filled(batch: list[int], processes: int) -> list[int]:
    missing = -len(batch) % processes
    return batch + [batch[i % len(batch)] for i in range(missing)]


class BatchOrder(torch.utils.data.Sampler):
    """The batch sampler of one process; ``set_epoch`` chooses the order."""

    def __init__(
        self, lengths: Sequence[int], batch_size: int, *, seed: int, rank: int, processes: int
    ) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Give the order of this epoch, from 0, when next iterated."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // (self.batch_size * self.processes))

    def __iter__(self) -> Iterator[list[int]]:
        batches = epoch_batches(
            self.lengths,
            self.batch_size,
            seed=self.seed,
            epoch=self.epoch,
            processes=self.processes,
        )
        return (batch[self.rank :: self.processes] for batch in batches)


def takes_types(model: Any) -> bool:
    """Whether the model tells the segments of a pair apart."""
    return "token_type_ids" in inspect.signature(model.forward).parameters


def pad_parts(
    parts: Sequence[Part], pad_id: int, multiple: int = 1, *, types: bool = False
) -> dict[str, Any]:
    """What the model reads, padded to the longest part, rounded up to ``multiple``.

    With ``types`` the segments of parts that have several, too.
    """
    longest = max(len(part.ids) for part in parts)
    width = -(-longest // multiple) * multiple
    ids = torch.full((len(parts), width), pad_id, dtype=torch.int64)  # (B, T) int64
    mask = torch.zeros((len(parts), width), dtype=torch.int64)  # (B, T) int64
    for at, part in enumerate(parts):
        ids[at, : len(part.ids)] = torch.tensor(part.ids, dtype=torch.int64)
        mask[at, : len(part.ids)] = 1
    if not types or all(part.types is None for part in parts):
        return {"input_ids": ids, "attention_mask": mask}
    segments = torch.zeros((len(parts), width), dtype=torch.int64)  # (B, T) int64
    for at, part in enumerate(parts):
        if part.types is not None:
            segments[at, : len(part.ids)] = torch.tensor(part.types, dtype=torch.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def collate(
    objective: Objective, pad_id: int, multiple: int = 1, *, types: bool = False
) -> Callable[[Sequence[LearnedRow]], dict[str, Any]]:
    """A function that makes a batch of rows: what the model reads, and the targets.

    The targets stand as a dictionary under "labels", which the Trainer takes out and
    hands to the loss; their "count" is that of the things to learn.
    """

    def batch_of(rows: Sequence[LearnedRow]) -> dict[str, Any]:
        sides = zip_longest(*map(parts_of, rows))
        parts = [part for side in sides for part in side if part is not None]
        read = pad_parts(parts, pad_id, multiple, types=types)
        targets = [target for _, target in rows]
        padded = objective.pad(targets, read["input_ids"].shape[1])
        return {**read, "labels": {**padded, "count": torch.tensor(objective.count(targets))}}

    return batch_of
