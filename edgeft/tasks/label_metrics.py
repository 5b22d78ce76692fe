"""How sets of labels are scored, of rows of any weight, and the row that would cost most.

numpy only.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.entity_metrics import LabelScores
from edgeft.tasks.task import Rows
from edgeft.tasks.usual import no_outcome, none_withheld

__all__ = ["LabelSetScores", "score_label_sets", "weighted_label_f1", "worst_label_set"]

MOST_LABELS = 30  # a longer table shows only its worst rows
DIGITS = 6
NO_LABEL = -1  # an answer's id that is none of a model's labels

LabelSet = tuple[int, ...]  # sorted ids
Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows
Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelSetScores:
    """All scores of the labels given to ``rows`` texts.

    overall: all labels of all texts together (micro). macro_f1: the mean over the labels that a
    text has or was given, as scikit-learn's over ``labels`` of these. samples_f1: the mean over
    texts of the F1 of each one's labels, 1 where it has none and was given none (scikit-learn's
    zero_division=1). subset_accuracy: the share of texts whose labels are all right.
    """

    rows: int
    overall: LabelScores
    per_label: tuple[LabelScores, ...]
    macro_f1: float
    samples_f1: float
    subset_accuracy: float

    @property
    def support(self) -> dict[str, int]:
        """The texts of each label."""
        return {one.label: one.support for one in self.per_label}

    def figure(self, metric: str) -> float:
        """Macro or micro F1."""
        return {"macro_f1": self.macro_f1, "micro_f1": self.overall.f1}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "macro_f1": self.macro_f1,
            "micro_f1": self.overall.f1,
            "samples_f1": self.samples_f1,
            "subset_accuracy": self.subset_accuracy,
            "rows": self.rows,
        }

    def summary(self) -> dict[str, str]:
        """The averages."""
        one = self.overall
        return {
            "macro F1": f"{self.macro_f1:.4f}",
            "micro precision": f"{one.precision:.4f}",
            "micro recall": f"{one.recall:.4f}",
            "micro F1": f"{one.f1:.4f}",
            "samples F1": f"{self.samples_f1:.4f}",
            "all labels right": f"{self.subset_accuracy:.4f}",
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return {
            **self.headline(),
            "micro_precision": self.overall.precision,
            "micro_recall": self.overall.recall,
            "labels": self.overall.support,
            "given": self.overall.found,
            "per_label": {
                one.label: {
                    "precision": one.precision,
                    "recall": one.recall,
                    "f1": one.f1,
                    "support": one.support,
                    "given": one.found,
                }
                for one in self.per_label
            },
        }

    outcome = no_outcome
    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """The labels; of many those with the lowest F1."""
        labels = [one for one in self.per_label if one.support or one.found]
        heading = f"{title}: by label"
        if len(labels) > MOST_LABELS:
            heading = f"{title}: the 10 labels with the lowest F1, of {len(labels)}"
            labels = sorted(labels, key=lambda one: one.f1)[:10]
        rows: list[list[object]] = [
            [one.label, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", one.support]
            for one in labels
        ]
        return [(heading, ["label", "precision", "recall", "F1", "texts"], rows)]


def score_label_sets(truths: Rows, answers: Rows, labels: Sequence[str]) -> LabelSetScores:
    """Score N answers against N truths, both sorted tuples of label ids.

    Raises ValueError where the lists are empty or differ in length.
    """
    if len(truths) != len(answers) or not len(truths):
        raise ValueError("truths and answers must have the same length, at least 1")
    support, found, right = Counter[int](), Counter[int](), Counter[int]()
    shares, exact = 0.0, 0
    for truth, answer in zip(truths, answers, strict=True):
        common = {*truth} & {*answer}
        support.update(truth)
        found.update(answer)
        right.update(common)
        either = len(truth) + len(answer)
        shares += 2 * len(common) / either if either else 1.0
        exact += 2 * len(common) == either
    per_label = tuple(
        LabelScores(label, support[at], found[at], right[at]) for at, label in enumerate(labels)
    )
    f1s = [2 * one.right / (one.support + one.found)
           for one in per_label if one.support or one.found]  # fmt: skip
    return LabelSetScores(
        rows=len(truths),
        overall=LabelScores("", support.total(), found.total(), right.total()),
        per_label=per_label,
        macro_f1=round(sum(f1s) / len(f1s), DIGITS) if f1s else 0.0,
        samples_f1=round(shares / len(truths), DIGITS),
        subset_accuracy=round(exact / len(truths), DIGITS),
    )


def weighted_label_f1(
    truths: Rows, answers: Rows, labels: Sequence[str], weights: Floats
) -> dict[str, Floats]:
    """Macro and micro F1, (D,) each, of M kinds of rows under (M, D) weights; 0 without any label.

    Macro F1 is over the labels that occur, however little their rows weigh.
    """
    common = [tuple({*one} & {*other}) for one, other in zip(truths, answers, strict=True)]
    # Of thousands of labels few occur: K of them, which NO_LABEL may be.
    known = np.unique([at for rows in (truths, answers) for one in rows for at in one])
    known = known.astype(np.int64)
    hits = _by_label(common, weights, known)  # (K, D)
    either = _by_label(truths, weights, known) + _by_label(answers, weights, known)
    occurs = known >= 0  # (K,) bool
    whole = either.sum(axis=0)  # (D,)
    macro = (
        (2 * hits[occurs] / either[occurs]).mean(axis=0) if occurs.any() else np.zeros_like(whole)
    )
    micro = np.divide(2 * hits.sum(axis=0), whole, out=np.zeros_like(whole), where=whole > 0)
    return {"macro_f1": macro, "micro_f1": micro}


def worst_label_set(
    truths: Rows, answers: Rows, references: Rows, labels: Sequence[str], weight: float
) -> tuple[LabelSet, LabelSet, LabelSet] | None:
    """The row of which only the reference has any label right, of the labels that cost most F1.

    Its truth is made of labels that occur, as many as the row has in which a label stands on
    average: sum(n²) / sum(n) of rows with n labels, rounded up. As many others are given in their
    place: such as cost most, or none of a model's (NO_LABEL) where there are too few. None where
    no row has a label.
    """
    sizes = [len(one) for one in truths]
    if not sum(sizes):
        return None
    classes = len(labels)
    support = _counted(truths, classes)  # (C,)
    hits, either = _parts(truths, answers, classes)
    old_hits, old_either = _parts(truths, references, classes)
    as_answer = _f1(hits, either) - _f1(hits, either + weight)  # (C,)
    as_truth = as_answer + (
        _f1(old_hits + weight, old_either + 2 * weight) - _f1(old_hits, old_either)
    )
    size = min(-(-sum(one * one for one in sizes) // sum(sizes)), int(np.count_nonzero(support)))
    truth = np.argsort(np.where(support > 0, -as_truth, np.inf), kind="stable")[:size]
    rest = np.setdiff1d(np.flatnonzero(either), truth)
    given = rest[np.argsort(-as_answer[rest], kind="stable")][:size].tolist()
    given += [NO_LABEL] * (size - len(given))
    held = tuple(sorted(truth.tolist()))
    return held, tuple(sorted(given)), held


def _by_label(sets: Rows, weights: Floats, known: Ids) -> Floats:
    """The (K, D) sums of (M, D) weights over the rows of each known label."""
    sums = np.zeros((len(known), weights.shape[1]))
    rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])  # (L,)
    ids = np.fromiter((at for one in sets for at in one), np.int64, len(rows))  # (L,)
    ids = np.searchsorted(known, ids)
    order = np.argsort(ids, kind="stable")
    ordered, rows = ids[order], rows[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    for begin, end in zip(starts, [*starts[1:], len(ordered)], strict=False):
        sums[ordered[begin]] = weights[rows[begin:end]].sum(axis=0)
    return sums


def _parts(truths: Rows, answers: Rows, classes: int) -> tuple[Floats, Floats]:
    """(C,) rows whose label is right, and rows of a label plus those given it."""
    common = [tuple({*one} & {*other}) for one, other in zip(truths, answers, strict=True)]
    both = _counted(truths, classes) + _counted(answers, classes)
    return _counted(common, classes), both


def _counted(sets: Rows, classes: int) -> Floats:
    """The (C,) number of rows of each label."""
    ids = np.array([at for one in sets for at in one if at >= 0], np.int64)
    return np.bincount(ids, minlength=classes).astype(np.float64)


def _f1(hits: Floats, either: Floats) -> Floats:
    f1: Floats = np.divide(2 * hits, either, out=np.zeros(len(hits)), where=either > 0)
    return f1
