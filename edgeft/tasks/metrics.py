"""How predictions are scored against labels. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassScores", "ClassificationScores", "score_classification"]


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

    A row whose answer was withheld is a wrong one in every figure but
    ``accuracy_of_answered``, and claims no class; ``withheld[i]`` counts those of class i.
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
    withheld: tuple[int, ...] = ()

    @property
    def answered(self) -> int:
        """Rows that got an answer."""
        return self.rows - sum(self.withheld)

    @property
    def coverage(self) -> float:
        """The share of rows that got an answer, 0 to 1."""
        return self.answered / self.rows

    @property
    def accuracy_of_answered(self) -> float | None:
        """The share of the answers that are right; None where there is none."""
        return _hits(self) / self.answered if self.answered else None

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
        interval = [_told(self.accuracy_low), _told(self.accuracy_high)]
        return {
            "rows": self.rows,
            "accuracy": _told(self.accuracy),
            "accuracy_interval_95": interval,
            "macro_precision": _told(self.macro_precision),
            "macro_recall": _told(self.macro_recall),
            "macro_f1": _told(self.macro_f1),
            "weighted_f1": _told(self.weighted_f1),
            "labels": list(self.labels),
            "per_class": {
                one.label: {
                    "precision": _told(one.precision),
                    "recall": _told(one.recall),
                    "f1": _told(one.f1),
                    "support": one.support,
                }
                for one in self.per_class
            },
            "confusion": [list(row) for row in self.confusion],
        }

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "accuracy": _told(self.accuracy),
            "macro_f1": _told(self.macro_f1),
            "weighted_f1": _told(self.weighted_f1),
            "rows": self.rows,
        }

    def selective(self) -> dict[str, float | None]:
        """What withholding answers does: how many rows, coverage, accuracy of the answered."""
        right = self.accuracy_of_answered
        return {
            "withheld": sum(self.withheld),
            "coverage": _told(self.coverage),
            "accuracy_of_answered": None if right is None else _told(right),
        }


def score_classification(
    truth: Sequence[str], predicted: Sequence[str | None], labels: Sequence[str]
) -> ClassificationScores:
    """Score ``predicted`` against ``truth``, two equally long lists of labels.

    A prediction of None is a withheld one. ``labels`` gives the order; labels that
    occur in neither list are left out of the averages. Raises ValueError where the
    lists are empty, differ in length or hold a label that is not in ``labels``.
    """
    if len(truth) != len(predicted) or not truth:
        raise ValueError("truth and predicted must have the same length, at least 1")
    index = {label: i for i, label in enumerate(labels)}
    unknown = ({*truth, *predicted} - {None}) - set(index)
    if unknown:
        raise ValueError(f"labels outside the list: {sorted(map(str, unknown))}")
    size = len(labels)
    true_ids = np.array([index[label] for label in truth])  # (N,) int64
    # Withheld answers stand in a column of their own, the last.
    predicted_ids = np.array([size if one is None else index[one] for one in predicted])  # (N,)
    table = np.bincount(true_ids * (size + 1) + predicted_ids, minlength=size * (size + 1))
    table = table.reshape(size, size + 1)  # (C, C + 1) int64
    confusion, withheld = table[:, :size], table[:, size]

    hits = np.diag(confusion).astype(np.float64)
    support, claimed = table.sum(axis=1), confusion.sum(axis=0)
    precision = _ratio(hits, claimed)
    recall = _ratio(hits, support)
    f1, present = _ratio(2 * hits, support + claimed), support + claimed > 0
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
        withheld=tuple(int(count) for count in withheld),
    )


def wilson_interval(hits: int, rows: int, *, z: float = 1.959964) -> tuple[float, float]:
    """The 95% interval of a share, by Wilson's score method (Wilson 1927)."""
    share = hits / rows
    centre = share + z * z / (2 * rows)
    spread = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return float((centre - spread) / scale), float((centre + spread) / scale)


def _hits(scores: ClassificationScores) -> int:
    return sum(row[at] for at, row in enumerate(scores.confusion))


def _told(share: float) -> float:
    """A share to the digits that rows can tell, and that sums in another order leave alone."""
    return round(share, 6)


def _ratio(part: NDArray[np.float64], whole: NDArray[Any]) -> NDArray[np.float64]:
    """part / whole, and 0 where whole is 0."""
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratio
