"""Stages that are only numbers: rows whose sureness, agreement and truth are known."""

import numpy as np

from edgeft.cascade.choose import Judged

__all__ = ["drawn", "taken"]


def drawn(
    rows: int,
    *,
    seed: int = 0,
    wrong_where_unsure: float = 0.5,
    wrong_where_sure: float = 0.0,
    unsure: float = 0.3,
    noise: float = 0.0,
    full_right: float = 1.0,
) -> tuple[Judged, np.ndarray]:
    """Two stages, 4 labels, and the (N,) ids of the truths.

    A share ``unsure`` of the rows has a sureness evenly from 0.25 to 0.9, and there the first stage
    is wrong with the given chance; the others have one from 0.9 to 1. The full model is right with
    a chance of its own; then a share ``noise`` of the truths is drawn anew.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, rows)
    low = rng.random(rows) < unsure
    sure = np.where(low, rng.uniform(0.25, 0.9, rows), rng.uniform(0.9, 1.0, rows))
    wrong = rng.random(rows) < np.where(low, wrong_where_unsure, wrong_where_sure)
    other = (truth + rng.integers(1, 4, rows)) % 4
    first = np.where(wrong, other, truth)
    full = np.where(rng.random(rows) < full_right, truth, (truth + 1) % 4)
    told = np.where(rng.random(rows) < noise, rng.integers(0, 4, rows), truth)
    right = np.stack([first == told, full == told]).astype(np.float64)
    same = (first == full)[None].astype(np.float64)
    return Judged(sure[None], same, right), told


def taken(judged: Judged, at: np.ndarray) -> Judged:
    """Some of the rows, as often as they are named."""
    right = judged.right[:, at] if judged.right is not None else None
    return Judged(judged.sure[:, at], judged.same[:, at], right)
