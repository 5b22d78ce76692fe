"""How far a model's outputs and answers are another's, on the same inputs; pure numpy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeft.proof.limits import CLEAR_MARGIN, LEAST_AGREEMENT
from edgeft.tasks.outputs import Outputs
from edgeft.tasks.task import Answers, Noun, Task

__all__ = [
    "Agreement",
    "ClearAgreement",
    "agreement_of",
    "clear_agreement",
    "differences",
    "outcome_told",
]

LOGIT_DIGITS = 4  # of a difference between logits: less is float32's rounding
WORDS = {"right_of_answered": "right of those"}


@dataclass(frozen=True)
class Agreement:
    """Two models' outputs for the same texts, compared.

    ``agreement`` is how far the likeliest answers agree, 0 to 1, as the task's ``alike``
    and ``alike_is`` say: of a classifier the share of texts with the same label. ``different``
    texts get an answer that is not wholly the same.
    Differences are told to four digits behind the point: less changes with the
    number of threads.
    """

    texts: int
    agreement: float
    different: int
    max_abs_logit_diff: float
    mean_abs_logit_diff: float


@dataclass(frozen=True)
class ClearAgreement:
    """How far answers agree where the reference's are clear.

    ``clear`` are so, ``of`` so many that could be judged: inputs, or the words that either takes
    for a part of an entity; ``noun`` says which. ``agreement`` is from 0 to 1, None where none is
    clear: then nothing tells. ``near``: it is no share of equal answers, but how near all are.
    """

    noun: Noun
    clear: int
    of: int
    agreement: float | None
    near: bool = False

    @property
    def failed(self) -> bool:
        """Whether they agree less than LEAST_AGREEMENT."""
        return self.agreement is not None and self.agreement < LEAST_AGREEMENT

    def sentence(self, against: str) -> str:
        """What was judged and what it tells, in plain words."""
        whole = self.noun.of(self.of)
        if self.agreement is None:
            return (
                f"Not proven: none of {whole} is clear in the answers of {against}, so nothing "
                "tells whether it gives the same."
                if self.of
                else f"Not proven: there is no {self.noun.one} in its answers or in those of "
                f"{against}, so nothing tells whether they are the same."
            )
        if self.near:
            return f"Its answers to {whole} are {self.agreement:.1%} near those of {against}."
        return (
            f"{self.clear:,} of {whole} {'is' if self.clear == 1 else 'are'} clear in the answers "
            f"of {against}, and {self.agreement:.1%} of these are the same."
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "judged": self.noun.many,
            "of": self.of,
            "clear": self.clear,
            "agreement": self.agreement,
        }


def agreement_of(
    task: Task, outputs: Outputs, answers: Answers, reference: Outputs, theirs: Answers
) -> Agreement:
    """Compare outputs and the answers to them with a reference's, for at least one input."""
    largest, mean = differences(outputs, reference)
    same = task.same(answers.likeliest, theirs.likeliest)  # (N,)
    return Agreement(
        texts=len(same),
        agreement=round(float(same.mean()), 6),
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
    """Compare answers where the reference's likeliest lies CLEAR_MARGIN before the next.

    Of parts, as the words of a text, those count that either of the two labels: what both leave
    out, as most words are, would hide how the rest agrees.
    """
    if reference.parts is None or answers.parts is None:
        same = task.same(answers.likeliest, reference.likeliest)  # (N,)
        counted = np.ones(len(same), np.bool_)
    else:
        same = (answers.parts == reference.parts).astype(np.float64)  # (K,)
        counted = np.maximum(answers.parts, reference.parts) >= 0
    clear = counted & (reference.margin > CLEAR_MARGIN)
    share = round(float(same[clear].mean()), 6) if clear.any() else None
    return ClearAgreement(
        task.judged, int(clear.sum()), int(counted.sum()), share, near=task.embeds
    )


def outcome_told(outcome: Mapping[str, float | None], metrics: Mapping[str, str]) -> list[str]:
    """What thresholds come to, in words, of which the task has ``metrics``: "precision 0.9812" …"""
    words, told = {**WORDS, **metrics}, []
    for name, value in outcome.items():
        figure = "-" if value is None else f"{value:,}" if name == "withheld" else f"{value:.4f}"
        told.append(f"{words.get(name, name.replace('_', ' '))} {figure}")
    return told
