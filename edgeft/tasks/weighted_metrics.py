"""Accuracy and macro F1 of weighted rows, and the row that would cost most: for intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.metrics import ratio
from edgeft.tasks.task import Rows

__all__ = ["weighted_figures", "worst_class"]

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


def weighted_figures(
    truths: Rows, answers: Rows, labels: Sequence[str], weights: Floats
) -> dict[str, Floats]:
    """Accuracy and macro F1, (D,) each, of M kinds of rows under (M, D) weights.

    Macro F1 is over the classes that occur, however little their rows weigh.
    """
    truth, answer = np.asarray(truths, np.int64), np.asarray(answers, np.int64)  # (M,)
    right = truth == answer  # (M,) bool
    hits = _by_class(weights[right], truth[right], len(labels))  # (C, D)
    either = _by_class(weights, truth, len(labels)) + _by_class(weights, answer, len(labels))
    occurs = np.setdiff1d(np.union1d(truth, answer), [-1])
    return {
        "accuracy": right @ weights / weights.sum(axis=0),
        "macro_f1": (2 * hits[occurs] / either[occurs]).mean(axis=0),
    }


def worst_class(
    truths: Rows,
    answers: Rows,
    references: Rows,
    labels: Sequence[str],
    weight: float,
) -> tuple[int, int, int] | None:
    """The row that only the reference has right, of the classes that cost most F1.

    Its true class is one that occurs. Where its answer is a class that does not, it claims none
    (-1), since that class is no part of the mean. None where there is one label alone, so that
    nothing can be lost.
    """
    classes = len(labels)
    if classes < 2:
        return None
    truth, answer = np.asarray(truths, np.int64), np.asarray(answers, np.int64)  # (N,)
    support = _counted(truth, classes)  # (C,)
    hits, either = _f1_parts(truth, answer, classes)
    old_hits, old_either = _f1_parts(truth, np.asarray(references, np.int64), classes)
    before = _f1(hits, either)  # (C,) of the new answers, without that row
    as_answer = before - _f1(hits, either + weight)
    as_truth = as_answer + (
        _f1(old_hits + weight, old_either + 2 * weight) - _f1(old_hits, old_either)
    )
    seen = np.argsort(np.where(support > 0, -as_truth, np.inf), kind="stable")[:2]
    given = np.argsort(-as_answer, kind="stable")[:2]
    pairs = [(one, other) for one in seen for other in given if support[one] and one != other]
    worst, its = max(pairs, key=lambda pair: as_truth[pair[0]] + as_answer[pair[1]])
    return int(worst), int(its) if either[its] else -1, int(worst)


def _by_class(weights: Floats, ids: Ids, classes: int) -> Floats:
    """The (C, D) sums of (M, D) weights over the rows of each class; -1 is none."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    sums = np.zeros((classes + 1, weights.shape[1]))  # the last, which is also place -1, goes
    if len(starts):
        sums[ordered[starts]] = np.add.reduceat(weights[order], starts, axis=0)
    return sums[:classes]


def _f1_parts(truth: Ids, answer: Ids, classes: int) -> tuple[Floats, Floats]:
    """(C,) rows that answers have right, and rows of a class plus those called it."""
    right = truth == answer  # (N,) bool
    return _counted(truth[right], classes), _counted(truth, classes) + _counted(answer, classes)


def _counted(ids: Ids, classes: int) -> Floats:
    """The (C,) number of rows of each class; -1 is none."""
    return np.bincount(ids[ids >= 0], minlength=classes).astype(np.float64)


def _f1(hits: Floats, either: Floats) -> Floats:
    return ratio(2 * hits, either)
