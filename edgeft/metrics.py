"""How predictions are scored against labels. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassScores", "ClassificationScores", "f1_of", "score_classification"]


@dataclass(frozen=True)
class ClassScores:
    """One class: precision, recall and F1, each 0 to 1, and its number of rows."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ClassificationScores:
    """All scores of one set of predictions.

    Averages go over the classes that occur in the labels or in the
    predictions, as scikit-learn's do. ``confusion[i][j]`` counts the rows of
    class i that were predicted as class j, in the order of ``labels``.
    """

    rows: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_f1: float
    labels: tuple[str, ...]
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]

    def confusions(self, most: int) -> list[tuple[str, str, int]]:
        """The most frequent mistakes as (true label, predicted label, count)."""
        table = np.array(self.confusion)
        np.fill_diagonal(table, 0)
        order = np.argsort(-table, axis=None, kind="stable")[:most]
        pairs = [divmod(int(at), len(self.labels)) for at in order]
        return [
            (self.labels[true], self.labels[predicted], int(table[true, predicted]))
            for true, predicted in pairs
            if table[true, predicted] > 0
        ]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return {
            "rows": self.rows,
            "accuracy": self.accuracy,
            "accuracy_interval_95": [self.accuracy_low, self.accuracy_high],
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "weighted_f1": self.weighted_f1,
            "labels": list(self.labels),
            "per_class": {
                one.label: {
                    "precision": one.precision,
                    "recall": one.recall,
                    "f1": one.f1,
                    "support": one.support,
                }
                for one in self.per_class
            },
            "confusion": [list(row) for row in self.confusion],
        }

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "weighted_f1": self.weighted_f1,
            "rows": self.rows,
        }


def score_classification(
    truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]
) -> ClassificationScores:
    """Score ``predicted`` against ``truth``, two equally long lists of labels.

    ``labels`` gives the order; labels that occur in neither list are left out
    of the averages. Raises ValueError where the lists are empty, differ in
    length or hold a label that is not in ``labels``.
    """
    if len(truth) != len(predicted) or not truth:
        raise ValueError("truth and predicted must have the same length, at least 1")
    index = {label: i for i, label in enumerate(labels)}
    unknown = (set(truth) | set(predicted)) - set(index)
    if unknown:
        raise ValueError(f"labels outside the list: {sorted(unknown)}")
    size = len(labels)
    true_ids = np.array([index[label] for label in truth])  # (N,) int64
    predicted_ids = np.array([index[label] for label in predicted])  # (N,) int64
    confusion = np.bincount(true_ids * size + predicted_ids, minlength=size * size)
    confusion = confusion.reshape(size, size)  # (C, C) int64

    hits = np.diag(confusion).astype(np.float64)
    support, claimed = confusion.sum(axis=1), confusion.sum(axis=0)
    precision = _ratio(hits, claimed)
    recall = _ratio(hits, support)
    f1, present = f1_of(confusion)
    low, high = wilson_interval(int(hits.sum()), len(truth))
    return ClassificationScores(
        rows=len(truth),
        accuracy=float(hits.sum() / len(truth)),
        accuracy_low=low,
        accuracy_high=high,
        macro_precision=float(precision[present].mean()),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        weighted_f1=float((f1 * support).sum() / support.sum()),
        labels=tuple(labels),
        per_class=tuple(
            ClassScores(label, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, label in enumerate(labels)
        ),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def f1_of(confusion: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """From (C, C) counts, true classes in rows, each class's F1 and whether it occurs at all."""
    either = confusion.sum(axis=1) + confusion.sum(axis=0)  # (C,) true rows and claimed ones
    return _ratio(2 * np.diag(confusion).astype(np.float64), either), either > 0


def wilson_interval(hits: int, rows: int, *, z: float = 1.959964) -> tuple[float, float]:
    """The 95% interval of a share, by Wilson's score method (Wilson 1927)."""
    share = hits / rows
    centre = share + z * z / (2 * rows)
    spread = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return float((centre - spread) / scale), float((centre + spread) / scale)


def _ratio(part: NDArray[np.float64], whole: NDArray[Any]) -> NDArray[np.float64]:
    """part / whole, and 0 where whole is 0."""
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratio
