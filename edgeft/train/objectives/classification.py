"""One label for each text: weighted, smoothed cross-entropy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.train.objectives.classes import class_loss, class_weights, soft_loss
from edgeft.train.objectives.objective import OF_CLASSES, LearnedRow, Objective, as_it_is

__all__ = ["OBJECTIVE"]


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[int],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """Every part of a text teaches its class id."""
    return [
        [(part, truth) for part in one.parts] for one, truth in zip(encoded, truths, strict=True)
    ]


def _pad(targets: Sequence[int], width: int) -> dict[str, Any]:
    return {"labels": torch.tensor(targets, dtype=torch.int64)}  # (B,) int64


def _weights(rows: Sequence[LearnedRow], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Of rows."""
    return class_weights(Counter(truth for _, truth in rows), len(labels))


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """Over rows: logits are (B, C)."""
    return class_loss(outputs.logits, batch["labels"], weights, label_smoothing)


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The mean negative log-likelihood of the rows' class ids under their (N, C) logits."""
    logits = outputs["logits"]
    truth = np.array([truth for _, truth in rows])  # (N,) int64
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)  # (N, C)
    log_sum = np.log(np.exp(shifted).sum(axis=1))  # (N,) float64
    return float((log_sum - shifted[np.arange(len(truth)), truth]).mean())


def _config(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
        "problem_type": "single_label_classification",
    }


OBJECTIVE: Objective = Objective(
    fitted=lambda truths: OBJECTIVE,
    begin=as_it_is,
    within=as_it_is,
    choices=OF_CLASSES,
    targets=_targets,
    pad=_pad,
    count=len,
    weights=_weights,
    loss=_loss,
    soft=soft_loss,
    numpy_loss=_numpy_loss,
    figures=lambda inputs, encoded, truths, labels: (),
    config=_config,
    smoothed=True,
    blank=0,
)
