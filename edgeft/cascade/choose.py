"""The sureness below which the next stage is asked: set so that a promise holds. Pure numpy.

A promise is of a mean over texts like those that choose. It is tested at one threshold after the
other, from 1 down, which is an order that no row has a say in; so all that pass hold at once
(``proof.bounds``). Two promises are tested each on its own, at its own confidence: at a threshold
that passed in both sequences either holds as surely as alone, and no correction is due, since for
each it is but one of those that passed.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeft.proof.bounds import (
    binomial_p,
    binomial_upper,
    difference_p,
    difference_upper,
    passed,
    rows_needed,
)
from edgeft.proof.limits import CONFIDENCE

__all__ = ["PATH", "Judged", "Kind", "Limit", "Reach", "answering", "held_out", "reach"]

Kind = Literal["disagreement", "drop"]
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

# Sureness below which the next stage is asked, from the safest on: evenly in its log odds, and
# none of it taken from any data. The last asks nobody: the first stage answers all.
PATH = (
    *(round(1 / (1 + math.exp(-odds)), 7) for odds in np.linspace(11, -5, 321).tolist()),
    0.0,
)


@dataclass(frozen=True, eq=False)
class Judged:
    """What S stages tell of N rows, the full model last.

    sure: (S - 1, N), 0 to 1, of all but the last. same: (S - 1, N), 1 where their answers are the
    very ones of the last stage, else 0. right: (S, N), 1 where the answers are the true ones, else
    0; None without labels.
    """

    sure: Floats
    same: Floats
    right: Floats | None

    def __len__(self) -> int:
        return int(self.sure.shape[1])

    @property
    def last(self) -> int:
        """The place of the full model."""
        return len(self.sure)

    def answering(self, below: float) -> Ids:
        """(N,) the stage that answers each row."""
        return answering(self.sure, below)

    def losses(self, kind: Kind, below: float) -> Floats:
        """(N,) what a row loses against the full model's answer: 0 or 1, or with labels -1."""
        at, rows = self.answering(below), np.arange(len(self))
        if kind == "disagreement":
            return 1 - np.vstack([self.same, np.ones(len(self))])[at, rows]
        assert self.right is not None, "a loss of accuracy is seen on labelled rows"
        lost: Floats = self.right[-1] - self.right[at, rows]
        return lost


@dataclass(frozen=True)
class Limit:
    """What may be lost on average: a share, 0 to 1, of ``kind``."""

    kind: Kind
    most: float


@dataclass(frozen=True, eq=False)
class Reach:
    """How far down the path a limit is proven.

    ``passed`` thresholds of PATH are; ``needed`` is about how many rows like these would prove
    the next, None where it is not so. ``fewest`` would prove it of rows without any loss.
    """

    limit: Limit
    rows: int
    passed: int
    needed: int | None
    fewest: int | None

    @property
    def too_few(self) -> bool:
        """Whether so few rows prove nothing, even if none of them loses anything."""
        return self.fewest is not None and self.rows < self.fewest and not self.passed

    def promise(self, judged: Judged, below: float) -> dict[str, Any]:
        """What is proven at a threshold that passed, and seen there on the rows that prove it."""
        return {
            "most": self.limit.most,
            "confidence": CONFIDENCE,
            "rows": self.rows,
            "seen": round(float(judged.losses(self.limit.kind, below).mean()), 6),
        }


def answering(sure: Floats, below: float) -> Ids:
    """(N,) the first of S - 1 stages, by its (S - 1, N) sureness, that need not ask the next.

    S - 1, which is the last one's place, where each must; where ``below`` is 1 each must.
    """
    stays = sure >= below if below < 1 else np.zeros(sure.shape, np.bool_)
    found: Ids = np.where(stays.any(axis=0), stays.argmax(axis=0), len(sure))
    return found


def reach(judged: Judged, limit: Limit) -> Reach:
    """How far down the path a limit passes, on rows that do nothing else."""
    rows, kind, most = len(judged), limit.kind, limit.most
    p_of = cache(lambda lost, won: _p(kind, lost, won, rows, most))  # thresholds share counts
    count = passed(p_of(*_parted(judged.losses(kind, below))) for below in PATH)
    failed = judged.losses(kind, PATH[count]) if count < len(PATH) else None
    return Reach(
        limit,
        rows,
        count,
        _needed(failed, kind, most) if failed is not None else None,
        _needed(np.zeros(1), kind, most),
    )


def held_out(judged: Judged, kind: Kind, below: float) -> dict[str, Any]:
    """What rows that had no say in ``below`` show: the mean loss and what it is at most."""
    losses = judged.losses(kind, below)
    if kind == "disagreement":
        upper = binomial_upper(int(losses.sum()), len(losses))
    else:
        upper = difference_upper(*_parted(losses), len(losses))
    return {
        "seen": round(float(losses.mean()), 6),
        "at_most": round(min(1.0, upper + 5e-7), 6),
        "confidence": CONFIDENCE,
        "rows": len(losses),
    }


def _p(kind: Kind, lost: int, won: int, rows: int, most: float) -> float:
    if kind == "disagreement":
        return binomial_p(lost, rows, most)
    return difference_p(lost, won, rows, most)


def _parted(losses: Floats) -> tuple[int, int]:
    """How many rows are lost and won."""
    return int((losses > 0).sum()), int((losses < 0).sum())


def _needed(losses: Floats, kind: Kind, most: float) -> int | None:
    """About how many rows with such losses prove the limit; None where they cannot."""
    if losses.mean() >= most:
        return None
    lost, won = (count / len(losses) for count in _parted(losses))
    return rows_needed(
        lambda rows: _p(kind, math.ceil(lost * rows), math.floor(won * rows), rows, most)
    )
