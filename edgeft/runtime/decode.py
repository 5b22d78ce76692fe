"""From logits to predictions; pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Head
from edgeft.errors import RunError
from edgeft.runtime.tokenize import Encoded
from edgeft.tasks.classification import UNKNOWN, Classification

__all__ = [
    "Answers",
    "answers_of",
    "choose_labels",
    "classifications",
    "pool",
    "require_numbers",
    "softmax",
]

PLAIN = Head()


@dataclass(frozen=True)
class Answers:
    """(N, C) ``scores``, the (N,) label ids that they lead to, and which of these are withheld."""

    scores: NDArray[np.float32]
    best: NDArray[np.int64]
    withheld: NDArray[np.bool_]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax of (N, C) logits, shifted by the row's maximum against overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (N, C) float32
    scores: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return scores


def require_numbers(logits: NDArray[np.float32]) -> None:
    """Raise RunError where (N, C) logits are not all numbers, so that no label stands for them."""
    if not np.isfinite(logits).all():
        bad = int((~np.isfinite(logits)).any(axis=1).sum())
        raise RunError(
            f"The graph gave scores that are no numbers for {bad} of {len(logits)} texts.",
            hint="Load another variant, or see what this one does here: edgeft verify BUNDLE",
        )


def pool(logits: NDArray[np.float32], encoded: Sequence[Encoded]) -> NDArray[np.float32]:
    """(R, C) logits of all rows of N encoded texts, in order, to the (N, C) of the texts.

    The logits of a text's windows are averaged, each weighted by the tokens
    that no earlier window has, so that every token of the text counts once.
    """
    if not any(one.windows for one in encoded):
        return logits
    pooled = np.empty((len(encoded), logits.shape[1]), np.float32)  # (N, C)
    begin = 0
    for at, one in enumerate(encoded):
        part = logits[begin : begin + len(one.rows)]  # (W, C)
        weights = [window.fresh for window in one.windows] or [1]
        pooled[at] = np.average(part, axis=0, weights=weights)
        begin += len(part)
    return pooled


def classifications(
    logits: NDArray[np.float32],
    labels: Sequence[str],
    encoded: Sequence[Encoded],
    decision: Head = PLAIN,
) -> list[Classification]:
    """One Classification for each row of (N, C) logits, in order. Raises RunError."""
    found = answers_of(logits, labels, decision)
    rows = zip(
        found.best.tolist(), found.withheld.tolist(), found.scores.tolist(), encoded, strict=True
    )
    return [
        Classification(
            label=UNKNOWN if withheld else labels[at],
            score=scores[at],
            scores=dict(zip(labels, scores, strict=True)),
            truncated=one.truncated,
            unknown_share=one.unknown_share,
            windows=len(one.rows),
            abstained=withheld,
        )
        for at, withheld, scores, one in rows
    ]


def answers_of(
    logits: NDArray[np.float32], labels: Sequence[str], decision: Head = PLAIN
) -> Answers:
    """What the decision makes of (N, C) logits; predictions and their scoring both rest on it.

    Raises RunError where a logit is no number.
    """
    if decision.temperature != 1.0:
        logits = logits / np.float32(decision.temperature)
    require_numbers(logits)
    scores = softmax(logits)  # (N, C)
    best = choose_labels(scores, labels, decision)  # (N,)
    given = scores[np.arange(len(best)), best].astype(np.float64)  # (N,) as predictions show them
    return Answers(scores, best, given < decision.abstain_below)


def choose_labels(
    scores: NDArray[np.floating], labels: Sequence[str], decision: Head
) -> NDArray[np.int64]:
    """The (N,) label of each row of (N, C) scores, before any abstention.

    It is the likeliest, but for a label that has a threshold of its own.
    """
    best: NDArray[np.int64] = scores.argmax(axis=-1)
    if decision.label:
        chosen = labels.index(decision.label)
        rest = scores.copy()
        rest[:, chosen] = -1.0
        given = scores[:, chosen] >= decision.threshold  # (N,) bool
        best = np.where(given, chosen, rest.argmax(axis=-1))
    return best
