"""From logits to predictions; pure numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.runtime.tokenize import Encoded
from edgeft.tasks import Classification

__all__ = ["classifications", "softmax"]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax of (N, C) logits, shifted by the row's maximum against overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (N, C) float32
    scores: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return scores


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
        )
        for at, row, one in zip(best, rows, encoded, strict=True)
    ]
