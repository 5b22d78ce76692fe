"""From logits to predictions; pure numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.runtime.tokenize import Encoded
from edgeft.tasks import Classification

__all__ = ["classifications", "pool", "softmax"]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax of (N, C) logits, shifted by the row's maximum against overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (N, C) float32
    scores: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return scores


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
    logits: NDArray[np.float32], labels: Sequence[str], encoded: Sequence[Encoded]
) -> list[Classification]:
    """One Classification for each row of (N, C) logits, in order."""
    best = logits.argmax(axis=-1).tolist()  # (N,)
    rows = softmax(logits).tolist()  # (N, C)
    return [
        Classification(
            label=labels[at],
            score=row[at],
            scores=dict(zip(labels, row, strict=True)),
            truncated=one.truncated,
            unknown_share=one.unknown_share,
            windows=len(one.rows),
        )
        for at, row, one in zip(best, rows, encoded, strict=True)
    ]
