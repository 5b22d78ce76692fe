"""How scores become answers: temperature and thresholds, set on the rows that choose."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Decision
from edgeft.calibration import (
    fit_temperature,
    precision_threshold,
    probabilities,
    recall_threshold,
)
from edgeft.errors import GateError, UsageError
from edgeft.tasks import UNKNOWN

__all__ = ["NO_WISH", "Wish", "check_wish", "decide", "outcome"]

Logits = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Wish:
    """What the user wants of the answers; every part is optional.

    ``label`` is to be given with at least ``precision``, or found with at least
    ``recall``. Of the texts that get an answer at all, at least the share
    ``sure`` is to get the right one; the others are told to be unknown.
    """

    label: str = ""
    precision: float | None = None
    recall: float | None = None
    sure: float | None = None

    def __bool__(self) -> bool:
        return bool(self.label) or self.sure is not None


NO_WISH = Wish()


def check_wish(wish: Wish, labels: tuple[str, ...]) -> None:
    """Raise UsageError where the model cannot do what is wished."""
    if wish.label and wish.label not in labels:
        raise UsageError(
            f"The model has no label {wish.label!r}.", hint=f"It has: {', '.join(labels[:20])}."
        )
    if wish.sure is not None and UNKNOWN in labels:
        raise UsageError(
            f"The model has a label {UNKNOWN!r} itself, so an abstention could not be told.",
            hint="Rename that label, or leave --abstain out.",
        )


def decide(
    variant: str, logits: Logits, truth: Ids, labels: tuple[str, ...], wish: Wish
) -> Decision:
    """The decision for (N, C) logits of rows whose (N,) true label ids are known.

    Raises GateError where no threshold gives what is wished.
    """
    temperature = fit_temperature(logits, truth)
    scores = probabilities(logits, temperature)  # (N, C)
    threshold = abstain_below = 0.0
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
        threshold = _below(found)
    if wish.sure is not None:
        best, right = scores.max(axis=1), scores.argmax(axis=1) == truth  # (N,)
        found = precision_threshold(best, right, wish.sure)
        if found is None:
            raise GateError(
                f"{variant}: even its surest answers are not right to {wish.sure:.1%} on the "
                f"{len(truth):,} rows that choose.",
                hint="Ask for less with --abstain, or leave it out.",
            )
        abstain_below = _below(found)
    return Decision(temperature, wish.label, threshold, abstain_below)


def outcome(
    logits: Logits, truth: Ids, labels: tuple[str, ...], decision: Decision
) -> dict[str, Any]:
    """What the thresholds do on other rows: shares from 0 to 1, as JSON values."""
    scores = probabilities(logits, decision.temperature)
    found: dict[str, Any] = {}
    if decision.label:
        at = labels.index(decision.label)
        given, positive = scores[:, at] >= decision.threshold, truth == at  # (N,) bool
        hits = int((given & positive).sum())
        found["precision"] = hits / int(given.sum()) if given.any() else None
        found["recall"] = hits / int(positive.sum()) if positive.any() else None
    if decision.abstain_below:
        answered = scores.max(axis=1) >= decision.abstain_below  # (N,) bool
        right = scores.argmax(axis=1) == truth
        found["answered"] = float(answered.mean())
        found["right_of_answered"] = float(right[answered].mean()) if answered.any() else None
    return {name: None if one is None else round(one, 6) for name, one in found.items()}


def _below(score: float) -> float:
    """A little below, so that the same score in float32 still reaches it."""
    return max(0.0, math.floor((score - 1e-6) * 1e6) / 1e6)
