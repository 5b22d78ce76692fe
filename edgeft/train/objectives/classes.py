"""How classes are learned: weights, and smoothed cross-entropy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional

__all__ = ["IGNORED", "class_loss", "class_weights", "soft_loss"]

IGNORED = -100  # the class id of that of which nothing is asked
# A class's weight at most: about the rows of a batch. A row that counted for more than all others
# beside it would make single updates of its own, at a learning rate that is none for these.
MOST_WEIGHT = 32.0


def class_weights(counts: Mapping[int, int], classes: int) -> NDArray[np.float32]:
    """(C,) how often an example counts, by its class: examples / (classes x those of the class).

    1 when balanced, MOST_WEIGHT at most. A class without an example has 0, and is not counted.
    """
    shown = np.array([counts.get(at, 0) for at in range(classes)], np.float64)
    even = shown.sum() / max(1, np.count_nonzero(shown))
    weights: NDArray[np.float32] = np.zeros(classes, np.float32)
    has = shown > 0
    weights[has] = np.minimum(even / shown[has], MOST_WEIGHT)
    return weights


def class_loss(logits: Any, classes: Any, weights: Any, label_smoothing: float) -> Any:
    """Smoothed cross-entropy of (N, C) logits, each row times its class's weight; their sum.

    torch's own weights also weigh what smoothing gives each class: there a rare one is taught in
    every row, more than the row's own. Its mean divides by the weights in the batch at hand;
    dividing by the rows of the whole update makes several small batches, on one process or
    many, the same as a large one.
    """
    losses = functional.cross_entropy(
        logits.float(),
        classes,
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
        reduction="sum" if weights is None else "none",
    )
    if weights is None:
        return losses
    # (N,) float32 losses, 0 where nothing is asked
    return (losses * weights.to(losses.device)[classes.clamp(min=0)]).sum()


def soft_loss(logits: Any, taught: Any, temperature: float) -> Any:
    """T² KL(teacher / T ‖ student / T) of each row of (…, C) logits, (…,) float32.

    Hinton, Vinyals and Dean 2015, arXiv:1503.02531; T² keeps its slope's size whatever T is.
    """
    told = functional.log_softmax(taught.float() / temperature, dim=-1)
    said = functional.log_softmax(logits.float() / temperature, dim=-1)
    return temperature**2 * functional.kl_div(said, told, reduction="none", log_target=True).sum(-1)
