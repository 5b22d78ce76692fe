"""What a student learns: its teacher's answers, and the true ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.outputs import Array
from edgeft.train.objectives.classes import IGNORED
from edgeft.train.objectives.objective import LearnedRow, Objective

__all__ = ["distilled"]


def distilled(
    objective: Objective,
    *,
    hard: float,
    temperature: float,
    soft: Mapping[Input, Array] | None,
    bare: Collection[Input] = frozenset(),
) -> Objective:
    """An objective whose loss is ``hard`` times its own, and the rest what the teacher says.

    ``soft`` are the teacher's (C,) logits of each input; None where a ``Pupil`` asks its teacher
    itself. A row's target becomes (target, logits or None, whether it is known). It is not of the
    ``bare`` inputs, which no one labelled: of these the teacher alone says something.
    """

    def targets(
        inputs: Sequence[Input],
        encoded: Sequence[Encoded],
        truths: Sequence[Any],
        labels: tuple[str, ...],
    ) -> list[list[LearnedRow]]:
        rows = objective.targets(inputs, encoded, truths, labels)
        told = [None if soft is None else soft[one] for one in inputs]
        return [
            [(part, (target, one, asked not in bare)) for part, target in some]
            for some, one, asked in zip(rows, told, inputs, strict=True)
        ]

    def pad(given: Sequence[Any], width: int) -> dict[str, Any]:
        padded = objective.pad([target for target, *_ in given], width)
        if bare:
            padded["labels"][torch.tensor([not known for *_, known in given])] = IGNORED
        if soft is not None:
            padded["soft"] = torch.from_numpy(np.stack([one for _, one, _ in given]))  # (B, C)
        return padded

    def loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
        if soft is None:
            taught = outputs.soft
        else:
            taught = objective.soft(outputs.logits, batch["soft"], temperature).sum()
        total = (1 - hard) * taught
        if hard:
            total = total + hard * objective.loss(outputs, batch, weights, label_smoothing)
        return total

    def plain(rows: Sequence[LearnedRow]) -> list[LearnedRow]:
        return [(part, target) for part, (target, _, known) in rows if known]

    return replace(
        objective,
        targets=targets,
        pad=pad,
        count=lambda given: objective.count([target for target, *_ in given]),
        weights=lambda rows, labels: objective.weights(plain(rows), labels),
        loss=loss,
        numpy_loss=lambda outputs, rows: objective.numpy_loss(outputs, plain(rows)),
    )
