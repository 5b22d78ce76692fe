"""When a classifier gives which label, and what that is set by: temperature and thresholds."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import GateError, UsageError
from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head, Wish
from edgeft.tasks.outputs import Outputs, dense
from edgeft.tasks.task import LabelNames, Rows

__all__ = [
    "UNKNOWN",
    "check_wish",
    "chosen",
    "fit_head",
    "limits_of",
    "rules_of",
    "too_low",
]

UNKNOWN = "unknown"  # the label of a text that the model abstains on
LEAST_DIGITS, MOST_DIGITS = 4, 8  # of a threshold

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


def chosen(scores: NDArray[np.floating], labels: LabelNames, head: Head) -> Ids:
    """The (N,) label of each row of (N, C) scores, before any abstention.

    It is the likeliest, but for a label that has a threshold of its own.
    """
    best: Ids = scores.argmax(axis=-1)
    if head.label:
        at = labels.index(head.label)
        rest = scores.copy()
        rest[:, at] = -1.0
        given = scores[:, at] >= head.threshold  # (N,) bool
        best = np.where(given, at, rest.argmax(axis=-1))
    return best


def too_low(scores: NDArray[np.floating], best: Ids, head: Head) -> NDArray[np.bool_]:
    """Which of the (N,) chosen labels have too low a score."""
    given = scores[np.arange(len(best)), best].astype(np.float64)  # (N,) as predictions show them
    return given < head.abstain_below


def limits_of(heads: Sequence[Head]) -> Sequence[str]:
    """Whether there is always an answer, for the model card."""
    if any(head.abstain_below for head in heads):
        told = f'Where its score is too low, edgeft answers "{UNKNOWN}"; other readers of this '
        return (f"{told}folder do not know that threshold.",)
    return ("It always answers with one of its labels, whatever the text is about.",)


def rules_of(head: Head) -> list[str]:
    """What the thresholds say, in words."""
    told = []
    if head.label:
        told.append(f"{head.label} from a score of {head.threshold:.4f} on")
    if head.abstain_below:
        told.append(f'"{UNKNOWN}" below a score of {head.abstain_below:.4f}')
    return told


def check_wish(wish: Wish, labels: LabelNames) -> None:
    """Raise UsageError where no threshold could do what is wished."""
    if wish.recall is not None and wish.right is not None:
        raise UsageError(
            "--recall and --abstain exclude each other: what is found at a low score would be "
            "withheld for it."
        )
    if wish.label and wish.label not in labels:
        raise UsageError(
            f"The model has no label {wish.label!r}.", hint=f"It has: {', '.join(labels[:20])}."
        )
    if wish.right is not None and UNKNOWN in labels:
        raise UsageError(
            f"The model has a label {UNKNOWN!r} itself, so an abstention could not be told.",
            hint="Rename that label, or leave --abstain out.",
        )


def fit_head(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    """Temperature, and the thresholds that are wished, as these rows set them.

    Raises GateError where nothing gives what is wished.
    """
    from edgeft.tasks.calibration import (
        fit_temperature,
        precision_threshold,
        probabilities,
        recall_threshold,
    )

    logits, truth = dense(outputs, "logits"), np.asarray(truths, np.int64)  # (N, C), (N,)
    head = Head(fit_temperature(logits, truth))
    scores = probabilities(logits, head.temperature)  # (N, C)
    if wish.label:
        at = labels.index(wish.label)
        positive = truth == at  # (N,) bool
        if wish.precision is not None:
            found = precision_threshold(scores[:, at], positive, wish.precision)
        else:
            found = recall_threshold(scores[:, at], positive, wish.recall or 0.0)
        if found is None:
            raise GateError(
                f"{name}: no threshold gives {wish.label!r} what was asked for on the "
                f"{len(truth):,} rows that choose.",
                hint="Ask for less, or leave --label-precision and --recall out.",
            )
        head = replace(head, label=wish.label, threshold=_below(found, scores[:, at]))
    if wish.right is not None:
        best = chosen(scores, labels, head)  # (N,)
        given = scores[np.arange(len(best)), best]
        found = precision_threshold(given, best == truth, wish.right)
        if found is None:
            raise GateError(
                f"{name}: even its surest answers are not right to {wish.right:.1%} on the "
                f"{len(truth):,} rows that choose.",
                hint="Ask for less with --abstain, or leave it out.",
            )
        head = replace(head, abstain_below=_below(found, given))
    return head


def _below(score: float, scores: Floats) -> float:
    """A threshold that ``score`` reaches and the next lower of the (N,) ``scores`` does not.

    It has as few digits as that leaves, since the others of a score are those of
    sums that another number of threads gives in another order.
    """
    reached: float = score * (1 - 1e-6)  # so that the same score in float32 still reaches it
    lower = float(scores[scores < reached].max(initial=0.0))
    for digits in range(LEAST_DIGITS, MOST_DIGITS):
        threshold = math.floor(reached * 10.0**digits) / 10.0**digits
        if threshold > lower:
            return threshold
    return reached
