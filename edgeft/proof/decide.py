"""How scores become answers: temperature and thresholds, set on the rows that choose."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Head
from edgeft.errors import GateError, UsageError
from edgeft.runtime.decode import choose_labels
from edgeft.tasks.calibration import (
    fit_temperature,
    precision_threshold,
    probabilities,
    recall_threshold,
)
from edgeft.tasks.classification import UNKNOWN
from edgeft.tasks.task import Wish

__all__ = ["NO_WISH", "Wish", "check_wish", "decide"]

Logits = NDArray[np.float32]
Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_DIGITS, MOST_DIGITS = 4, 8  # of a threshold


NO_WISH = Wish()


def check_wish(wish: Wish, labels: tuple[str, ...]) -> None:
    """Raise UsageError where the model cannot do what is wished."""
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


def decide(variant: str, logits: Logits, truth: Ids, labels: tuple[str, ...], wish: Wish) -> Head:
    """The decision for (N, C) logits of rows whose (N,) true label ids are known.

    Raises GateError where no threshold gives what is wished.
    """
    temperature = fit_temperature(logits, truth)
    decision = Head(temperature)
    scores = probabilities(logits, temperature)  # (N, C)
    if wish.label:
        at = labels.index(wish.label)
        positive = truth == at  # (N,) bool
        if wish.precision is not None:
            found = precision_threshold(scores[:, at], positive, wish.precision)
        else:
            found = recall_threshold(scores[:, at], positive, wish.recall or 0.0)
        if found is None:
            raise GateError(
                f"{variant}: no threshold gives {wish.label!r} what was asked for on the "
                f"{len(truth):,} rows that choose.",
                hint="Ask for less, or leave --precision and --recall out.",
            )
        decision = replace(decision, label=wish.label, threshold=_below(found, scores[:, at]))
    if wish.right is not None:
        best = choose_labels(scores, labels, decision)  # (N,)
        given = scores[np.arange(len(best)), best]
        found = precision_threshold(given, best == truth, wish.right)
        if found is None:
            raise GateError(
                f"{variant}: even its surest answers are not right to {wish.right:.1%} on the "
                f"{len(truth):,} rows that choose.",
                hint="Ask for less with --abstain, or leave it out.",
            )
        decision = replace(decision, abstain_below=_below(found, given))
    return decision


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
