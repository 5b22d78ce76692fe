"""What training minimizes: weighted, smoothed cross-entropy."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional

__all__ = ["class_weights", "cross_entropy", "loss_function"]


def class_weights(labels: Sequence[int], classes: int) -> NDArray[np.float32]:
    """rows / (classes x rows of the class) for each class, (C,) float32: 1 when balanced."""
    counts = Counter(labels)
    return np.array(
        [len(labels) / (classes * max(counts[label], 1)) for label in range(classes)],
        dtype=np.float32,
    )


def loss_function(weights: Any, label_smoothing: float) -> Callable[..., Any]:
    """Weighted, smoothed cross-entropy as torch defines it, divided by the rows of an update.

    torch's own mean divides by the weights in the batch at hand; dividing by
    the rows of the whole update makes several small batches, on one process or
    many, the same as a large one.
    """

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        logits = outputs.logits.float()  # (B, C) float32
        total = functional.cross_entropy(
            logits,
            labels,
            weight=None if weights is None else weights.to(logits.device),
            label_smoothing=label_smoothing,
            reduction="sum",
        )
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    return loss


def cross_entropy(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """The mean negative log-likelihood of ``truth`` (N,) under ``logits`` (N, C)."""
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)  # (N, C)
    log_sum = np.log(np.exp(shifted).sum(axis=1))  # (N,) float64
    return float((log_sum - shifted[np.arange(len(truth)), truth]).mean())
