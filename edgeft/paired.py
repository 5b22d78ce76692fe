"""Two sets of predictions for the same rows: what one lost against the other. numpy only."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.metrics import f1_of

__all__ = ["Drop", "mcnemar_p", "paired_drop"]

RESAMPLES = 1000
TAIL = 0.025  # of the chance, on either side of an interval

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Drop:
    """What predictions lose against reference predictions on the same ``rows`` labelled rows.

    ``points``: percentage points of ``metric``, which is "accuracy" or
    "macro F1", whichever lost more; ``low`` and ``high`` are their 95% interval.
    ``newly_wrong`` rows only the reference has right, ``newly_right`` only the
    other; ``mcnemar_p`` is how often chance alone would part them so far.
    """

    metric: str
    points: float
    low: float
    high: float
    rows: int
    newly_wrong: int
    newly_right: int
    mcnemar_p: float

    def rounded_up(self) -> float:
        """``points`` to two digits, and never below them."""
        return math.ceil(self.points * 100) / 100

    def proven(self, most: float) -> bool:
        """Whether even the far end of the interval is within ``most`` points."""
        return self.high <= most

    def sentence(self, most: float) -> str:
        """What these rows tell of a loss of at most ``most`` points, in plain words."""
        if self.points > most:
            return f"It loses more than the {most:g} points that are allowed."
        if self.proven(most):
            return f"{self.rows:,} rows show that it loses no more than {most:g} points."
        room = most - self.points
        text = (
            f"Not proven: {self.rows:,} rows are too few to tell whether it loses more than "
            f"{most:g} points; it may be {self.high:.2f}."
        )
        if room > 0:  # an interval narrows with the root of the rows
            needed = self.rows * ((self.high - self.points) / room) ** 2
            text += f" About {_round(needed):,} rows would tell."
        return text

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


def paired_drop(truth: Ids, predicted: Ids, reference: Ids, classes: int, *, seed: int = 0) -> Drop:
    """Compare two predictions of N rows; all three are (N,) class ids below ``classes``.

    The interval is the percentile bootstrap over rows, drawn in pairs (Efron
    and Tibshirani 1993, chapter 13), with ``seed``; where no row became wrong, or
    none right, it is wider by the share of such rows that N rows without one
    leave possible (Clopper and Pearson 1934). p is McNemar's exact test
    (McNemar 1947). Raises ValueError where there is no row.
    """
    rows = len(truth)
    if rows == 0:
        raise ValueError("there are no rows to compare")
    right, before = predicted == truth, reference == truth  # (N,) bool
    lost = before.astype(np.float64) - right  # (N,) of -1, 0, 1
    # Only rows on which the two differ, or which count in F1, matter; weights stand for draws.
    cells = (truth * classes + predicted, truth * classes + reference)
    accuracy = float(lost.mean())
    macro = _macro_f1(cells[1], None, classes) - _macro_f1(cells[0], None, classes)
    by_accuracy = accuracy >= macro
    chance = np.random.default_rng(seed)
    drops = np.empty(RESAMPLES)
    for at in range(RESAMPLES):
        weights = np.bincount(chance.integers(0, rows, rows), minlength=rows)  # (N,) draws
        if by_accuracy:
            drops[at] = lost @ weights / rows
        else:
            new, old = (_macro_f1(one, weights, classes) for one in cells)
            drops[at] = old - new
    low, high = np.quantile(drops, (TAIL, 1 - TAIL))
    newly_wrong, newly_right = int((before & ~right).sum()), int((right & ~before).sum())
    # Draws from rows of which none changed show none either, which a few rows cannot mean.
    unseen = 1 - TAIL ** (1 / rows)
    high += 0 if newly_wrong else unseen
    low -= 0 if newly_right else unseen
    return Drop(
        metric="accuracy" if by_accuracy else "macro F1",
        points=round(100 * max(accuracy, macro), 4),
        low=round(100 * float(low), 4),
        high=round(100 * float(high), 4),
        rows=rows,
        newly_wrong=newly_wrong,
        newly_right=newly_right,
        mcnemar_p=round(mcnemar_p(newly_wrong, newly_right), 6),
    )


def mcnemar_p(one: int, other: int) -> float:
    """The two-sided exact p of ``one`` against ``other`` discordant rows (binomial, 1/2)."""
    total, least = one + other, min(one, other)
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        for k in range(least + 1)
    ]
    tail = sum(math.exp(log - total * math.log(2)) for log in logs)
    return min(1.0, 2 * tail)


def _macro_f1(cells: Ids, weights: Ids | None, classes: int) -> float:
    counts = np.bincount(cells, weights=weights, minlength=classes * classes)
    f1, present = f1_of(counts.reshape(classes, classes).astype(np.int64))
    return float(f1[present].mean())


def _round(count: float) -> int:
    """``count`` rounded up to two digits."""
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return int(math.ceil(count / step) * step)
