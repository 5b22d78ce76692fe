"""How predictions are scored against labels. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.head import Head
from edgeft.tasks.task import Rows

__all__ = ["ClassScores", "ClassificationScores", "ratio", "score_classification"]

MOST_CLASSES = 20  # a longer table shows only its worst rows
MOST_CONFUSED = 10  # a larger confusion matrix is shown as its most frequent mistakes

Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows


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
    """All scores of one set of predictions, to the six digits in which they are told anywhere.

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
        return _told(self.answered / self.rows)

    @property
    def accuracy_of_answered(self) -> float | None:
        """The share of the answers that are right; None where there is none."""
        return _told(_hits(self) / self.answered) if self.answered else None

    def tables(self, title: str) -> list[Grid]:
        """The classes, and the confusion matrix; of many, what matters most of both."""
        classes = [one for one in self.per_class if one.support]
        heading = f"{title}: per class"
        if len(classes) > MOST_CLASSES:
            heading = f"{title}: the 10 classes with the lowest F1, of {len(classes)}"
            classes = sorted(classes, key=lambda one: one.f1)[:10]
        rows: list[list[object]] = [
            [one.label, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", one.support]
            for one in classes
        ]
        found: list[Grid] = [(heading, ["label", "precision", "recall", "F1", "rows"], rows)]
        if len(self.labels) <= MOST_CONFUSED:
            withheld = any(self.withheld)
            rows = [
                [label, *self.confusion[i], *self.withheld[i : i + 1] * withheld]
                for i, label in enumerate(self.labels)
                if self.per_class[i].support
            ]
            columns = ["", *self.labels] + ["(withheld)"] * withheld
            found.append((f"{title}: confusion matrix (rows are true labels)", columns, rows))
        elif mistakes := self.confusions(10):
            columns = ["true label", "predicted as", "times"]
            rows = [list(one) for one in mistakes]
            found.append((f"{title}: the most frequent mistakes", columns, rows))
        return found

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

    def figure(self, metric: str) -> float:
        """Accuracy or macro F1."""
        return {"accuracy": self.accuracy, "macro_f1": self.macro_f1}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "weighted_f1": self.weighted_f1,
            "rows": self.rows,
        }

    def summary(self) -> dict[str, str]:
        """The averages, and the interval of accuracy."""
        return {
            "accuracy": f"{self.accuracy:.4f}",
            "95% interval": f"{self.accuracy_low:.4f} to {self.accuracy_high:.4f}",
            "macro precision": f"{self.macro_precision:.4f}",
            "macro recall": f"{self.macro_recall:.4f}",
            "macro F1": f"{self.macro_f1:.4f}",
            "weighted F1": f"{self.weighted_f1:.4f}",
        }

    @property
    def support(self) -> dict[str, int]:
        """The rows of each label."""
        return {one.label: one.support for one in self.per_class}

    def outcome(self, head: Head) -> dict[str, float | None]:
        """What these answers come to where the thresholds of ``head`` made them.

        Shares from 0 to 1, None where there is nothing to share: "accuracy" and
        "macro_f1" of all rows, a withheld answer being a wrong one; "precision" and
        "recall" of the label with a threshold of its own; where answers may be withheld,
        how many are, the share of rows "answered", and that of the answers which are
        right. Empty without thresholds.
        """
        if not (head.label or head.abstain_below):
            return {}
        found: dict[str, float | None] = {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
        }
        if head.label:
            at = self.labels.index(head.label)
            one = self.per_class[at]
            claimed = sum(row[at] for row in self.confusion)
            found["precision"] = one.precision if claimed else None
            found["recall"] = one.recall if one.support else None
        if head.abstain_below:
            told = self.selective()
            found["withheld"] = told["withheld"]
            found["answered"] = told["coverage"]
            found["right_of_answered"] = told["accuracy_of_answered"]
        return found

    def selective(self) -> dict[str, float | None]:
        """What withholding answers does: how many rows, coverage, accuracy of the answered."""
        return {
            "withheld": sum(self.withheld),
            "coverage": self.coverage,
            "accuracy_of_answered": self.accuracy_of_answered,
        }


def score_classification(
    truths: Rows, answers: Rows, labels: Sequence[str]
) -> ClassificationScores:
    """Score N answers against N truths, both class ids: places in ``labels``.

    An answer of -1 is a withheld one. Labels that occur in neither list are left out of the
    averages. Raises ValueError where the lists are empty, differ in length or hold an id that
    ``labels`` has no place for.
    """
    truth, predicted = np.asarray(truths), np.asarray(answers)  # (N,) int64
    size = len(labels)
    if len(truth) != len(predicted) or not len(truth):
        raise ValueError("truths and answers must have the same length, at least 1")
    if truth.min() < 0 or truth.max() >= size or predicted.min() < -1 or predicted.max() >= size:
        raise ValueError(f"class ids outside the {size} labels")
    # Withheld answers stand in a column of their own, the last.
    predicted = np.where(predicted < 0, size, predicted)
    table = np.bincount(truth * (size + 1) + predicted, minlength=size * (size + 1))
    table = table.reshape(size, size + 1)  # (C, C + 1) int64
    confusion, withheld = table[:, :size], table[:, size]

    hits = np.diag(confusion).astype(np.float64)
    support, claimed = table.sum(axis=1), confusion.sum(axis=0)
    precision = ratio(hits, claimed)
    recall = ratio(hits, support)
    f1, present = ratio(2 * hits, support + claimed), support + claimed > 0
    low, high = map(_told, wilson_interval(int(hits.sum()), len(truth)))
    return ClassificationScores(
        rows=len(truth),
        accuracy=_told(hits.sum() / len(truth)),
        accuracy_low=low,
        accuracy_high=high,
        macro_precision=_told(precision[present].mean()),
        macro_recall=_told(recall[present].mean()),
        macro_f1=_told(f1[present].mean()),
        weighted_f1=_told((f1 * support).sum() / support.sum()),
        labels=tuple(labels),
        per_class=tuple(
            ClassScores(label, _told(precision[i]), _told(recall[i]), _told(f1[i]), int(support[i]))
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
    return round(float(share), 6)


def ratio(part: NDArray[np.float64], whole: NDArray[Any]) -> NDArray[np.float64]:
    """part / whole, and 0 where whole is 0."""
    share: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return share
