"""What logits are worth, against labels and against other logits; pure numpy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Head
from edgeft.data import Examples
from edgeft.proof.limits import CLEAR_MARGIN, LEAST_AGREEMENT
from edgeft.proof.paired import Drop, paired_drop
from edgeft.runtime.decode import answers_of, softmax
from edgeft.tasks.metrics import ClassificationScores, score_classification

__all__ = [
    "Agreement",
    "ClearAgreement",
    "answer_scores",
    "clear_agreement",
    "compare_logits",
    "decides",
    "drop",
    "label_ids",
    "outcome",
    "outcome_told",
    "rounded_up",
    "score_logits",
]

LOGIT_DIGITS = 4  # of a difference between logits: less is float32's rounding
WORDS = {"macro_f1": "macro F1", "right_of_answered": "right of those"}


@dataclass(frozen=True)
class Agreement:
    """Two sets of logits for the same texts, compared.

    ``label_agreement`` is the share, 0 to 1, of texts with the same best label.
    Differences are told to four digits behind the point: less changes with the
    number of threads.
    """

    texts: int
    label_agreement: float
    max_abs_logit_diff: float
    mean_abs_logit_diff: float


@dataclass(frozen=True)
class ClearAgreement:
    """The texts to which the reference has a clear answer, and the share with the same label."""

    texts: int
    label_agreement: float

    @property
    def passed(self) -> bool:
        """Whether the share reaches LEAST_AGREEMENT; it does where no text is clear."""
        return self.texts == 0 or self.label_agreement >= LEAST_AGREEMENT


def score_logits(
    logits: NDArray[np.float32], examples: Examples, labels: Sequence[str]
) -> ClassificationScores:
    """Score the likeliest of (N, C) logits against N examples; ``labels`` are the C columns."""
    predicted = [labels[at] for at in logits.argmax(axis=1)]
    return score_classification(examples.named(), predicted, labels)


def answer_scores(
    logits: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str], decision: Head
) -> ClassificationScores:
    """Score what the runtime answers to rows of (N,) true label ids, whose logits are (N, C).

    An answer that it withholds is a wrong one.
    """
    found = answers_of(logits, labels, decision)
    answers = [
        None if withheld else labels[at]
        for at, withheld in zip(found.best.tolist(), found.withheld.tolist(), strict=True)
    ]
    return score_classification([labels[at] for at in truth], answers, labels)


def decides(decision: Head) -> bool:
    """Whether it can change an answer; a temperature alone changes only scores."""
    return bool(decision.label or decision.abstain_below)


def drop(
    logits: NDArray[np.float32],
    reference: NDArray[np.float32],
    examples: Examples,
    labels: Sequence[str],
) -> Drop:
    """What (N, C) logits lose against others, for the same N labelled rows."""
    return paired_drop(
        label_ids(examples), logits.argmax(axis=1), reference.argmax(axis=1), len(labels)
    )


def outcome(
    logits: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str], decision: Head
) -> dict[str, float | None]:
    """What the runtime answers to rows of (N,) true label ids, by a decision with thresholds.

    Shares from 0 to 1, None where there is nothing to share: "accuracy" and
    "macro_f1" of all rows, a withheld answer being a wrong one; "precision" and
    "recall" of the label with a threshold of its own; where answers may be withheld,
    how many are, the share of rows "answered", and that of the answers which are
    right. Empty without thresholds.
    """
    if not decides(decision):
        return {}
    scores = answer_scores(logits, truth, labels, decision)
    found: dict[str, float | None] = {
        name: one for name, one in scores.headline().items() if name in ("accuracy", "macro_f1")
    }
    if decision.label:
        one = scores.per_class[labels.index(decision.label)]
        claimed = sum(row[labels.index(decision.label)] for row in scores.confusion)
        found["precision"] = round(one.precision, 6) if claimed else None
        found["recall"] = round(one.recall, 6) if one.support else None
    if decision.abstain_below:
        told = scores.selective()
        found["withheld"] = told["withheld"]
        found["answered"] = told["coverage"]
        found["right_of_answered"] = told["accuracy_of_answered"]
    return found


def outcome_told(outcome: Mapping[str, float | None]) -> list[str]:
    """What ``outcome`` found, in words: "precision 0.9812" …"""
    told = []
    for name, value in outcome.items():
        figure = "-" if value is None else f"{value:,}" if name == "withheld" else f"{value:.4f}"
        told.append(f"{WORDS.get(name, name)} {figure}")
    return told


def label_ids(examples: Examples) -> NDArray[np.int64]:
    """The (N,) column of the logits that each example's label has, once they are aligned."""
    return np.array(examples.truths, np.int64)


def compare_logits(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> Agreement:
    """Compare two arrays of (N, C) logits, N at least 1."""
    difference = np.abs(logits - reference)  # (N, C) float32
    same = logits.argmax(axis=1) == reference.argmax(axis=1)  # (N,) bool
    return Agreement(
        texts=len(logits),
        label_agreement=round(float(same.mean()), 6),
        max_abs_logit_diff=round(float(difference.max()), LOGIT_DIGITS),
        mean_abs_logit_diff=round(float(difference.mean(dtype=np.float64)), LOGIT_DIGITS),
    )


def rounded_up(number: float, digits: int) -> float:
    """``number`` to so many digits, and never below it; NaN and infinity stay what they are."""
    if not math.isfinite(number):
        return number
    scale = 10.0**digits
    return round(math.ceil(number * scale - 1e-6) / scale, digits)


def clear_agreement(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> ClearAgreement:
    """Compare labels on the texts whose best two labels lie CLEAR_MARGIN apart in reference."""
    best = np.sort(softmax(reference), axis=1)  # (N, C) probabilities, the best last
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN  # (N,) bool
    same = logits.argmax(axis=1) == reference.argmax(axis=1)  # (N,) bool
    share = float(same[clear].mean()) if clear.any() else 1.0
    return ClearAgreement(int(clear.sum()), round(share, 6))
