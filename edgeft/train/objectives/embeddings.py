"""Vectors whose cosines are in the order of the numbers of their pairs.

The loss is CoSENT (Su, "CoSENT: a more effective sentence vector scheme than Sentence-BERT", 2022,
kexue.fm/archives/8847): over all two pairs of a batch of which the one has the higher number, the
logarithm of 1 plus the sum of exp(SCALE x (cosine of the lower - cosine of the higher)). It asks
for an order alone, so that numbers may be of any unit. Of pairs that belong together it is that of
``belonging``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from edgeft.data.belonging import Belonging
from edgeft.errors import DataError
from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.vectors import VECTOR, cosines
from edgeft.train.objectives.belonging import OBJECTIVE as BELONGING
from edgeft.train.objectives.numbers import OBJECTIVE as NUMBERS
from edgeft.train.objectives.objective import LearnedRow, Objective, as_it_is, no_classes

__all__ = ["OBJECTIVE"]

SCALE = 20.0  # of cosines, as in the paper
COMPARED = 2048  # validation rows that are compared each with each, for the loss that is told


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[float],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """The first part of both texts of a pair teaches its number."""
    if any(not one.second for one in encoded):
        raise DataError(
            "Vectors are learned from pairs of texts.",
            hint="Name both columns: --text-column ONE --text-column OTHER",
        )
    return [
        [((one.parts[0], one.parts[one.second]), truth)]
        for one, truth in zip(encoded, truths, strict=True)
    ]


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """Times the rows of the batch; vectors are (2 B, D), the first texts before the others."""
    vectors = torch.nn.functional.normalize(getattr(outputs, VECTOR).float(), dim=1)
    numbers = batch["labels"]  # (B,)
    size = len(numbers)
    close = SCALE * (vectors[:size] * vectors[size:]).sum(dim=1)  # (B,)
    apart = close[:, None] - close[None, :]  # (B, B): of the lower, less that of the higher
    lower = numbers[:, None] < numbers[None, :]
    terms = torch.where(lower, apart, torch.full_like(apart, -torch.inf)).flatten()
    return torch.logsumexp(torch.cat([terms, terms.new_zeros(1)]), dim=0) * size


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The same over all rows, at most COMPARED of them, as a mean over the pairs that differ."""
    size = min(len(rows), COMPARED)
    vectors = outputs[VECTOR].reshape(-1, 2, outputs[VECTOR].shape[-1])[:size]  # (N, 2, D)
    numbers = np.array([number for _, number in rows[:size]])  # (N,)
    close = SCALE * cosines(list(vectors))
    lower = numbers[:, None] < numbers[None, :]
    apart = (close[:, None] - close[None, :])[lower]
    return float(np.logaddexp(0, apart).mean()) if len(apart) else 0.0


def _fitted(truths: Sequence[Any]) -> Objective:
    """By what truths tell: an order of pairs, or which texts belong together."""
    return BELONGING if truths and isinstance(truths[0], Belonging) else OBJECTIVE


OBJECTIVE: Objective = Objective(
    fitted=_fitted,
    begin=as_it_is,
    within=as_it_is,
    choices=frozenset(),
    targets=_targets,
    pad=NUMBERS.pad,
    count=len,
    weights=no_classes,
    loss=_loss,
    soft=BELONGING.soft,
    numpy_loss=_numpy_loss,
    figures=NUMBERS.figures,
    config=lambda labels: {},
    smoothed=False,
    blank=None,
)
