"""How far a model's outputs and answers are another's, on the same inputs; pure numpy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeft.proof.limits import CLEAR_MARGIN, LEAST_AGREEMENT
from edgeft.tasks.outputs import Outputs
from edgeft.tasks.task import Answers, Task

__all__ = [
    "Agreement",
    "ClearAgreement",
    "agreement_of",
    "clear_agreement",
    "differences",
    "outcome_told",
]

LOGIT_DIGITS = 4  # of a difference between logits: less is float32's rounding
WORDS = {
    "exact_match": "exact match",
    "f1": "F1",
    "macro_f1": "macro F1",
    "right_of_answered": "right of those",
}


@dataclass(frozen=True)
class Agreement:
    """Two models' outputs for the same texts, compared.

    ``label_agreement`` is how far the likeliest answers agree, 0 to 1, as the task's ``alike``
    and ``alike_is`` say: of a classifier the share of texts with the same label. ``different``
    texts get an answer that is not wholly the same.
    Differences are told to four digits behind the point: less changes with the
    number of threads.
    """

    texts: int
    label_agreement: float
    different: int
    max_abs_logit_diff: float
    mean_abs_logit_diff: float


@dataclass(frozen=True)
class ClearAgreement:
    """The texts to which the reference has a clear answer, and how far these agree."""

    texts: int
    label_agreement: float

    @property
    def passed(self) -> bool:
        """Whether the share reaches LEAST_AGREEMENT; it does where no text is clear."""
        return self.texts == 0 or self.label_agreement >= LEAST_AGREEMENT


def agreement_of(
    task: Task, outputs: Outputs, answers: Answers, reference: Outputs, theirs: Answers
) -> Agreement:
    """Compare outputs and the answers to them with a reference's, for at least one input."""
    largest, mean = differences(outputs, reference)
    same = task.same(answers.likeliest, theirs.likeliest)  # (N,)
    return Agreement(
        texts=len(same),
        label_agreement=round(float(same.mean()), 6),
        different=int((same < 1).sum()),
        max_abs_logit_diff=round(largest, LOGIT_DIGITS),
        mean_abs_logit_diff=round(mean, LOGIT_DIGITS),
    )


def differences(outputs: Outputs, reference: Outputs) -> tuple[float, float]:
    """The largest and the mean absolute difference of all numbers, NaN where one is NaN.

    Both are infinite where the shapes differ.
    """
    apart = []
    for name, ours in outputs.items():
        theirs = reference[name]
        ones = ours if isinstance(ours, list) else [ours]
        others = theirs if isinstance(theirs, list) else [theirs]
        if [one.shape for one in ones] != [one.shape for one in others]:
            return np.inf, np.inf
        apart += [np.abs(one - other) for one, other in zip(ones, others, strict=True)]
    apart = [one for one in apart if one.size]
    total = sum(float(one.sum(dtype=np.float64)) for one in apart)
    largest = np.array([one.max() for one in apart], np.float32)
    return float(largest.max(initial=0.0)), total / max(1, sum(one.size for one in apart))


def clear_agreement(task: Task, answers: Answers, reference: Answers) -> ClearAgreement:
    """Compare answers where the reference's likeliest lies CLEAR_MARGIN before the next."""
    clear = reference.margin > CLEAR_MARGIN  # (N,) bool
    same = task.same(answers.likeliest, reference.likeliest)  # (N,)
    share = float(same[clear].mean()) if clear.any() else 1.0
    return ClearAgreement(int(clear.sum()), round(share, 6))


def outcome_told(outcome: Mapping[str, float | None]) -> list[str]:
    """What thresholds come to, in words: "precision 0.9812" …"""
    told = []
    for name, value in outcome.items():
        figure = "-" if value is None else f"{value:,}" if name == "withheld" else f"{value:.4f}"
        told.append(f"{WORDS.get(name, name)} {figure}")
    return told
