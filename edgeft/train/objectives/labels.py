"""Any number of labels for each text: binary cross-entropy, a sum over labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.train.objectives.classes import IGNORED, MOST_WEIGHT
from edgeft.train.objectives.heads import last_layer
from edgeft.train.objectives.objective import OF_CLASSES, Figure, LearnedRow, Objective, as_it_is

__all__ = ["OBJECTIVE"]

LabelSet = tuple[int, ...]


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[LabelSet],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """Every part of a text teaches which of the labels hold and which do not."""
    return [
        [(part, (truth, len(labels))) for part in one.parts]
        for one, truth in zip(encoded, truths, strict=True)
    ]


def _pad(targets: Sequence[tuple[LabelSet, int]], width: int) -> dict[str, Any]:
    holds = torch.zeros(len(targets), targets[0][1])  # (B, C) float32
    for row, (truth, _) in enumerate(targets):
        holds[row, list(truth)] = 1.0
    return {"labels": holds}


def _fitted(truths: Sequence[LabelSet]) -> Objective:
    """With a head that gives each label as often as it holds among these, before it learns."""
    counts = Counter(label for truth in truths for label in truth)
    return replace(OBJECTIVE, begin=partial(_begin, counts=counts, rows=len(truths)))


def _begin(model: Any, *, counts: Mapping[int, int], rows: int) -> None:
    """Let the bias be the log odds of each label: few of many labels hold for a text.

    Else the first epoch goes into that alone (Lin et al. 2017, "Focal Loss for Dense Object
    Detection", 4.1). One row with the label and one without are added.
    """
    size = model.config.num_labels
    head = last_layer(model, size)
    if head is None:
        return
    shares = [(counts[at] + 1) / (rows + 2) for at in range(size)]
    with torch.no_grad():
        head.bias.copy_(torch.tensor(shares, dtype=torch.float64).logit())


def _weights(rows: Sequence[LearnedRow], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """(C,) how often a text with a label counts: texts without it / texts with it.

    So that both weigh alike; at least 1 and at most MOST_WEIGHT. Of a label without a text it is 1.
    """
    counts = np.zeros(len(labels))
    for _, (truth, _) in rows:
        counts[list(truth)] += 1
    weights: NDArray[np.float32] = np.ones(len(labels), np.float32)
    has = counts > 0
    weights[has] = np.clip((len(rows) - counts[has]) / counts[has], 1.0, MOST_WEIGHT)
    return weights


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """Over rows, each the sum over its labels: logits are (B, C).

    Smoothing draws what holds and what does not towards one half, by that share. A row that is
    IGNORED teaches nothing.
    """
    logits, holds = outputs.logits.float(), batch["labels"]
    asked = holds != IGNORED
    wanted = holds.clamp(min=0) * (1 - label_smoothing) + label_smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(
        logits,
        wanted,
        reduction="none",
        pos_weight=None if weights is None else weights.to(logits.device),
    )
    return (losses * asked).sum()


def _soft(said: Any, taught: Any, temperature: float) -> Any:
    """T² KL(teacher / T ‖ student / T) of each label's sigmoid, summed over (…, C) labels: (…,)."""
    told, found = taught.float() / temperature, said.float() / temperature
    share = told.sigmoid()
    apart = share * (functional.logsigmoid(told) - functional.logsigmoid(found))
    apart = apart + (1 - share) * (functional.logsigmoid(-told) - functional.logsigmoid(-found))
    return temperature**2 * apart.sum(-1)


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The mean over rows of the negative log-likelihood of all labels under (N, C) logits."""
    logits = outputs["logits"].astype(np.float64)
    total = np.logaddexp(0.0, logits).sum()
    claimed = sum(float(row[list(truth)].sum())
                  for row, (_, (truth, _)) in zip(logits, rows, strict=True))  # fmt: skip
    return float((total - claimed) / len(rows))


def _figures(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[LabelSet],
    labels: tuple[str, ...],
) -> tuple[Figure, ...]:
    """How many labels texts have."""
    sizes = [len(one) for one in truths]
    several = sum(size > 1 for size in sizes)
    p50, p99 = np.percentile(sizes, [50, 99], method="higher").tolist()
    return (
        Figure("labels_of_a_text", "labels of a text", {"p50": p50, "p99": p99, "max": max(sizes)}),
        Figure(
            "several",
            "texts with several labels",
            several,
            ""
            if several
            else "No text has two labels or more: --task text-classification learns which one it "
            "is.",
        ),
    )


def _config(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
        "problem_type": "multi_label_classification",
    }


OBJECTIVE: Objective = Objective(
    fitted=_fitted,
    begin=as_it_is,
    within=as_it_is,
    choices=OF_CLASSES,
    targets=_targets,
    pad=_pad,
    count=len,
    weights=_weights,
    loss=_loss,
    soft=_soft,
    numpy_loss=_numpy_loss,
    figures=_figures,
    config=_config,
    smoothed=False,
    blank=(),
)
