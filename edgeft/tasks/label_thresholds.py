"""From which score on each label is given, and what scores of many labels mean. numpy only."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.calibration import BINS, DIGITS, Calibration, least_temperature

__all__ = [
    "HALF",
    "PRIOR",
    "best_thresholds",
    "fit_temperature_of_labels",
    "label_calibration",
    "ranking_precision",
    "under_temperature",
]

HALF = 0.5  # the threshold of a label of which nothing is known
PRIOR = 10.0  # rows with a label that weigh as much as what all labels have in common
GRID = 200  # common thresholds that are tried, evenly in log odds
LEAST, MOST = 0.001, 0.99  # of these
THRESHOLD_DIGITS = 6  # that count
MOST_CELLS = 1 << 20  # (text, label) by which a temperature is set

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def best_thresholds(logits: NDArray[np.floating], truth: Flags) -> tuple[float, ...]:
    """For each label the score from which on to give it, so that its F1 is best on these rows.

    ``logits`` (N, C) become scores by a sigmoid; ``truth`` (N, C) tells which labels hold. Of the
    cuts between two scores the one of highest F1 (Yang 2001, SIGIR: "SCut"; Lipton, Elkan and
    Naryanaswamy 2014, ECML: the best one is half of the F1 that it gives), in the middle of both.
    Few rows with a label say little of it, and the best of many cuts is the luckiest: so it is
    drawn, in log odds, towards the one threshold that gives all labels the best macro F1, which
    weighs as PRIOR rows with the label would. A label that no row has is given from 0.5 on; where
    no row has any, there are no thresholds.
    """
    shown = truth.sum(axis=0)  # (C,)
    if not shown.any():
        return ()
    odds = logits.astype(np.float64)  # (N, C)
    common = _common(odds, truth)
    own = [_cut(odds[:, at], truth[:, at]) if shown[at] else 0.0 for at in range(len(shown))]
    weight = shown / (shown + PRIOR)  # (C,)
    drawn = _share(weight * np.array(own) + (1 - weight) * common)
    return tuple(_apart(one) if has else HALF for one, has in zip(drawn, shown > 0, strict=True))


def under_temperature(thresholds: Sequence[float], temperature: float) -> tuple[float, ...]:
    """Thresholds of scores whose logits were divided by a temperature: they part the same texts."""
    odds = np.array([_log_odds(one) / temperature for one in thresholds])
    scores = zip(thresholds, _share(odds), strict=True)
    return tuple(HALF if before == HALF else _apart(one) for before, one in scores)


def _apart(score: float) -> float:
    """A threshold to the digits that count; never HALF, which says that none was chosen."""
    found = float(f"{score:.{THRESHOLD_DIGITS}g}")
    return HALF + 10.0**-THRESHOLD_DIGITS if found == HALF else found


def _cut(odds: Floats, truth: Flags) -> float:
    """The cut of (N,) log odds with the best F1; the highest where several are."""
    order = np.argsort(-odds, kind="stable")
    ordered, hits = odds[order], np.cumsum(truth[order])  # (N,)
    below = np.append(ordered[1:], ordered[-1] - 2.0)  # what the next lower has
    f1 = 2 * hits / (np.arange(1, len(odds) + 1) + truth.sum())
    at = int(np.where(ordered > below, f1, -1.0).argmax())  # equal ones are given together
    return float((ordered[at] + below[at]) / 2)


def _common(odds: Floats, truth: Flags) -> float:
    """The one cut for all labels that gives the best macro F1; the middle of several."""
    grid = np.linspace(_log_odds(LEAST), _log_odds(MOST), GRID)
    labels = odds.shape[1]
    # How many of the grid each of the log odds reaches, counted by label.
    reached = np.searchsorted(grid, odds, side="right") + np.arange(labels) * (GRID + 1)

    def given(which: NDArray[np.int64]) -> Floats:
        """(C, GRID) how many of these are given from each cut on."""
        counts = np.bincount(which, minlength=labels * (GRID + 1)).reshape(labels, GRID + 1)
        return counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].astype(np.float64)

    hits, claimed, shown = given(reached[truth]), given(reached.ravel()), truth.sum(axis=0)
    f1 = (2 * hits / np.maximum(claimed + shown[:, None], 1))[shown > 0].mean(axis=0)  # (GRID,)
    best = np.flatnonzero(f1 == f1.max())
    return float(grid[best[len(best) // 2]])


def fit_temperature_of_labels(logits: NDArray[np.floating], truth: Flags) -> float:
    """The temperature by which what (N, C) ``truth`` says of every label is likeliest.

    As ``calibration.fit_temperature``, but each label's score is a sigmoid of its own, so that
    text and label together make a row. A share of the rows that hold counts as if they did not,
    and the reverse (Platt 1999), since rows without an error do not mean that there is none.
    """
    step = -(-logits.size // MOST_CELLS)
    odds, holds = logits[::step].astype(np.float64), truth[::step]
    yes, no = odds[holds], odds[~holds]
    sure, doubt = (len(yes) + 1) / (len(yes) + 2), 1 / (len(no) + 2)
    claimed = sure * yes.sum() + doubt * no.sum()

    def loss(temperature: float) -> float:
        return float(np.logaddexp(0.0, odds / temperature).sum() - claimed / temperature)

    return least_temperature(loss)


def label_calibration(
    logits: NDArray[np.floating], truth: Flags, temperature: float = 1.0
) -> Calibration:
    """Calibration of (N, C) logits whose sigmoids are scores: every text with every label counts.

    ece: over 15 bins of equal width of the scores. brier: the mean squared error, 0 to 1.
    """
    scores = _share(logits.astype(np.float64) / temperature)
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1).ravel()
    gap = np.bincount(bins, weights=(scores - truth).ravel(), minlength=BINS)
    return Calibration(
        ece=round(float(np.abs(gap).sum() / scores.size), DIGITS),
        brier=round(float(((scores - truth) ** 2).mean()), DIGITS),
    )


def ranking_precision(logits: NDArray[np.floating], truth: Flags) -> float:
    """Label ranking average precision, 0 to 1, of (N, C) logits, N at least 1.

    Of each label that holds: the share of those that hold among the labels ranked no lower; their
    mean, and the mean of that over texts, 1 for one where none or all hold (Schapire and Singer
    2000; as scikit-learn's label_ranking_average_precision_score).
    """
    total = 0.0
    for row, holds in zip(logits, truth, strict=True):
        right = int(holds.sum())
        if right in (0, len(row)):
            total += 1.0
            continue
        ordered, held = np.sort(row), np.sort(row[holds])
        rank = len(row) - np.searchsorted(ordered, held, side="left")  # (R,) no lower ones
        among = right - np.searchsorted(held, held, side="left")  # (R,) of these that hold
        total += float((among / rank).mean())
    return total / len(logits)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _share(odds: Floats) -> Floats:
    """The sigmoid, without overflow."""
    shares: Floats = np.exp(-np.logaddexp(0.0, -odds))
    return shares
