"""How found entities are scored: by span and type, as seqeval's strict mode does. numpy only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.head import Head
from edgeft.tasks.tags import tags_of
from edgeft.tasks.task import Rows
from edgeft.tasks.usual import none_withheld

__all__ = ["EntityScores", "LabelScores", "score_entities", "weighted_f1", "worst_entities"]

MOST_LABELS = 20  # a longer table shows only its worst rows
DIGITS = 6

Spans = tuple[tuple[int, int, int], ...]  # (start, end, label id) each
Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelScores:
    """One label, or all together: entities that there are, that were found, and right ones."""

    label: str
    support: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """The share of found entities that are right, 0 where none was found."""
        return round(self.right / self.found, DIGITS) if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of entities that were found, 0 where there is none."""
        return round(self.right / self.support, DIGITS) if self.support else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both, 0 where there is neither."""
        either = self.found + self.support
        return round(2 * self.right / either, DIGITS) if either else 0.0


@dataclass(frozen=True)
class EntityScores:
    """All scores of entities found in ``rows`` texts.

    An entity is right where its first and last character and its label are. ``overall`` counts all
    labels together (micro). mistakes: what became of entities that were not found, and those
    found where there is none.
    """

    rows: int
    overall: LabelScores
    per_label: tuple[LabelScores, ...]
    mistakes: dict[str, int]

    @property
    def support(self) -> dict[str, int]:
        """The entities of each label."""
        return {one.label: one.support for one in self.per_label}

    def figure(self, metric: str) -> float:
        """The entity F1."""
        return {"entity_f1": self.overall.f1}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {
            "entity_f1": self.overall.f1,
            "entity_precision": self.overall.precision,
            "entity_recall": self.overall.recall,
            "rows": self.rows,
        }

    def summary(self) -> dict[str, str]:
        """All labels together."""
        one = self.overall
        return {
            "entities": f"{one.support:,}",
            "entity precision": f"{one.precision:.4f}",
            "entity recall": f"{one.recall:.4f}",
            "entity F1": f"{one.f1:.4f}",
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return {
            "rows": self.rows,
            "entities": self.overall.support,
            "found": self.overall.found,
            **_shares(self.overall, "entity_"),
            "per_label": {
                one.label: {**_shares(one), "support": one.support, "found": one.found}
                for one in self.per_label
            },
            "mistakes": dict(self.mistakes),
        }

    def outcome(self, head: Head) -> dict[str, float | None]:
        """What is left where entities of a low score are not given; empty where all are."""
        return _shares(self.overall, "entity_") if head.min_score else {}

    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """The labels, and what mistakes are made."""
        labels = [one for one in self.per_label if one.support or one.found]
        heading = f"{title}: entities by label"
        if len(labels) > MOST_LABELS:
            heading = f"{title}: the 10 labels with the lowest F1, of {len(labels)}"
            labels = sorted(labels, key=lambda one: one.f1)[:10]
        rows: list[list[object]] = [
            [one.label, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", one.support]
            for one in labels
        ]
        columns = ["label", "precision", "recall", "F1", "entities"]
        found: list[Grid] = [(heading, columns, rows)]
        if made := [[kind, count] for kind, count in self.mistakes.items() if count]:
            found.append((f"{title}: mistakes", ["", "entities"], [list(one) for one in made]))
        return found


def score_entities(truths: Rows, answers: Rows, labels: Sequence[str]) -> EntityScores:
    """Score N answers against N truths, both tuples of (start, end, label id).

    Raises ValueError where the lists are empty or differ in length.
    """
    if len(truths) != len(answers) or not len(truths):
        raise ValueError("truths and answers must have the same length, at least 1")
    support, found, right = Counter[int](), Counter[int](), Counter[int]()
    mistakes = {"other label": 0, "other span": 0, "missed": 0, "not there": 0}
    for truth, answer in zip(truths, answers, strict=True):
        support.update(label for _, _, label in truth)
        found.update(label for _, _, label in answer)
        common = set(truth) & set(answer)
        right.update(label for _, _, label in common)
        if len(common) < max(len(truth), len(answer)):
            for kind, count in _mistakes(truth, answer).items():
                mistakes[kind] += count
    types = [tag.type for tag in tags_of(labels)]

    def of(label: str, counts: Counter[int]) -> int:
        return sum(count for at, count in counts.items() if types[at] == label)

    by_type = [
        LabelScores(label, of(label, support), of(label, found), of(label, right))
        for label in dict.fromkeys(types)
        if label
    ]
    overall = LabelScores("", support.total(), found.total(), right.total())
    return EntityScores(len(truths), overall, tuple(by_type), mistakes)


def weighted_f1(truths: Rows, answers: Rows, weights: Floats) -> dict[str, Floats]:
    """Entity F1, (D,), of M kinds of rows under (M, D) weights; 0 where there is no entity."""
    common = np.array([len({*a} & {*b}) for a, b in zip(truths, answers, strict=True)], float)
    either = np.array([len(a) + len(b) for a, b in zip(truths, answers, strict=True)], float)
    whole = either @ weights  # (D,)
    hits = 2 * (common @ weights)
    return {"entity_f1": np.divide(hits, whole, out=np.zeros_like(whole), where=whole > 0)}


def worst_entities(truths: Rows) -> tuple[Spans, Spans, Spans] | None:
    """A seen row of typical size, of which only the reference has any entity right.

    As many others are found in their place: of label -1, which is none. Typical is the row in
    which an entity stands on average, sum(n²) / sum(n) of rows with n entities, or the next larger
    one. With the largest instead, one row that is a list of seventy names would hide any proof;
    with this one the interval holds where large rows are lost no more often than others (drawn from
    rows like those: 98% to 100% of the time, where 97.5% is asked; where the chance to be lost grew
    with the size, 82% to 99%). None where no row has an entity.
    """
    sizes = sorted(map(len, truths))
    if not sum(sizes):
        return None
    typical = sum(size * size for size in sizes) / sum(sizes)
    row: Spans = min((one for one in truths if len(one) >= typical), key=len)
    return row, tuple((start, end, -1) for start, end, _ in row), row


def _mistakes(truth: Spans, answer: Spans) -> Counter[str]:
    """What became of the entities of a row that were not found, and what was found for nothing."""
    counts = Counter[str]()
    spans = {(start, end) for start, end, _ in answer}
    for start, end, label in set(truth) - set(answer):
        if (start, end) in spans:
            counts["other label"] += 1
        elif any(a < end and start < b and label == its for a, b, its in answer):
            counts["other span"] += 1
        else:
            counts["missed"] += 1
    for start, end, _ in answer:
        counts["not there"] += not any(a < end and start < b for a, b, _ in truth)
    return counts


def _shares(one: LabelScores, prefix: str = "") -> dict[str, float | None]:
    shares = {"precision": one.precision, "recall": one.recall, "f1": one.f1}
    return {f"{prefix}{name}": share for name, share in shares.items()}
