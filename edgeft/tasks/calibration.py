"""Scores that mean something: temperature, calibration error, thresholds. numpy only."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Calibration",
    "calibration",
    "fit_temperature",
    "least_temperature",
    "precision_threshold",
    "probabilities",
    "recall_threshold",
]

BINS = 15  # as in Guo et al. 2017
LIMITS = (0.05, 20.0)  # of a temperature
STEPS = 60  # of the golden section, each of which keeps 0.618 of the interval
DIGITS = 4  # of errors: the softmax of logits that were summed in another order differs beyond
TEMPERATURE_DIGITS = 3  # that count; half a percent of a temperature changes no figure

Floats = NDArray[np.floating]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """How far scores are from shares of right answers.

    ``ece``: expected calibration error, 0 to 1, over 15 bins of equal width
    (Naeini et al. 2015, Guo et al. 2017). ``brier``: the mean over rows of the
    squared error summed over classes, 0 to 2 (Brier 1950).
    """

    ece: float
    brier: float

    def to_dict(self) -> dict[str, float]:
        """A JSON-ready dictionary."""
        return asdict(self)


def probabilities(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """The softmax of (N, C) logits that were divided by ``temperature``."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def calibration(logits: Floats, truth: Ids, temperature: float = 1.0) -> Calibration:
    """Calibration of (N, C) logits against (N,) true class ids, N at least 1."""
    shares = probabilities(logits, temperature)
    best = shares.max(axis=1)  # (N,)
    right = shares.argmax(axis=1) == truth  # (N,) bool
    bins = np.minimum((best * BINS).astype(np.int64), BINS - 1)  # (N,)
    count = np.bincount(bins, minlength=BINS)
    gap = np.bincount(bins, weights=best - right, minlength=BINS)
    wanted = np.zeros_like(shares)
    wanted[np.arange(len(truth)), truth] = 1.0
    return Calibration(
        ece=round(float(np.abs(gap).sum() / count.sum()), DIGITS),
        brier=round(float(((shares - wanted) ** 2).sum(axis=1).mean()), DIGITS),
    )


def fit_temperature(logits: Floats, truth: Ids) -> float:
    """The temperature by which the (N,) true classes are likeliest (Guo et al. 2017).

    A share 1 / (N + 2) of each row is given to the other classes (Platt 1999),
    since N rows without an error do not mean that there is none: without it the
    temperature would fall to nothing. The mean log-likelihood is concave in the
    inverse temperature, so a golden section finds its maximum. Labels never
    change by it.
    """
    return least_temperature(lambda temperature: _loss(logits, truth, temperature))


def least_temperature(loss: Callable[[float], float]) -> float:
    """The temperature of the least loss, of one that has a single minimum in the logarithm."""
    ratio = (math.sqrt(5) - 1) / 2
    low, high = (math.log(limit) for limit in LIMITS)
    for _ in range(STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(math.exp(left)) <= loss(math.exp(right)):
            high = right
        else:
            low = left
    return float(f"{math.exp((low + high) / 2):.{TEMPERATURE_DIGITS}g}")


def _loss(logits: Floats, truth: Ids, temperature: float) -> float:
    """The mean negative log-likelihood, with Platt's share for the other classes."""
    rows, classes = logits.shape
    share = 1 / (rows + 2)
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))  # (N,)
    right = scaled[np.arange(rows), truth]  # (N,)
    others = (scaled.sum(axis=1) - right) / max(1, classes - 1)
    return float((total - (1 - share) * right - share * others).mean())


def precision_threshold(scores: Floats, positive: NDArray[np.bool_], wanted: float) -> float | None:
    """The lowest threshold from which on rows are ``positive`` to the share ``wanted``.

    ``scores`` are (N,), and a row counts where its score reaches the threshold.
    None where no threshold gives that share. The lowest one keeps most rows.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    share = np.cumsum(positive[order]) / np.arange(1, len(order) + 1)
    last = np.append(ordered[1:] != ordered[:-1], True)  # equal scores pass together
    fits = np.flatnonzero(last & (share >= wanted))
    return float(ordered[fits[-1]]) if len(fits) else None


def recall_threshold(scores: Floats, positive: NDArray[np.bool_], wanted: float) -> float | None:
    """The highest threshold that the share ``wanted`` of the positive rows reaches.

    None where no row is positive. The highest one lets the fewest others in.
    """
    ordered = np.sort(scores[positive])[::-1]
    if not len(ordered):
        return None
    return float(ordered[max(1, math.ceil(wanted * len(ordered) - 1e-9)) - 1])
