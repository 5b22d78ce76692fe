"""The sureness below which the next stage is asked: set so that a promise holds. Pure numpy.

A promise is of a mean over texts like those that choose. It is tested at one threshold after the
other, from 1 down, which is an order that no row has a say in; so all that pass hold at once
(``proof.bounds``). Two promises are tested each on its own, at its own confidence: at a threshold
that passed in both sequences either holds as surely as alone, and no correction is due, since for
each it is but one of those that passed.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
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

__all__ = ["PATH", "Judged", "Kind", "Limit", "Reach", "answering", "held_out", "needed", "passing",
           "reach"]  # fmt: skip

Kind = Literal["disagreement", "drop"]
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

# Sureness below which the next stage is asked, from the safest on: evenly in its log odds, and
# none of it taken from any data. The last asks nobody: the first stage answers all.
PATH = (
    *(round(1 / (1 + math.exp(-odds)), 7) for odds in np.linspace(11, -5, 321).tolist()),
    0.0,
)
POWER = 0.8  # of new rows, as many as are told to be needed, prove what they are needed for
SURELY = NormalDist().inv_cdf(POWER)


@dataclass(frozen=True, eq=False)
class Judged:
    """What S stages tell of N rows, the full model last.

    sure: (S - 1, N), 0 to 1, of all but the last. same: (S - 1, N), 1 where their answers are the
    very ones of the full model, else 0. right: (S, N), 1 where the answers are the true ones, else
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
        found: Floats = np.vstack([self._lost(kind), np.zeros(len(self))])
        return found[self.answering(below), np.arange(len(self))]

    def counts(self, kind: Kind) -> tuple[Ids, Ids]:
        """(P,), (P,): how many rows are lost and won at each threshold of PATH."""
        # A stage answers from where the path comes down to its sureness to where it comes down to
        # that of a stage before it.
        begin = np.searchsorted(-np.array(PATH), -self.sure)  # (S - 1, N)
        end = np.vstack([np.full(len(self), len(PATH)), np.minimum.accumulate(begin)])[:-1]
        lost = self._lost(kind)
        return _along(begin, end, lost > 0), _along(begin, end, lost < 0)

    def _lost(self, kind: Kind) -> Floats:
        """(S - 1, N) what is lost where a stage before the last answers."""
        if kind == "disagreement":
            return 1 - self.same
        assert self.right is not None, "a loss of accuracy is seen on labelled rows"
        lost: Floats = self.right[-1] - self.right[:-1]
        return lost


@dataclass(frozen=True)
class Limit:
    """What may be lost on average: a share, 0 to 1, of ``kind``."""

    kind: Kind
    most: float


@dataclass(frozen=True, eq=False)
class Reach:
    """How far down the path a limit is proven.

    ``passed`` thresholds of PATH are; ``needed`` is about how many new rows like these would mostly
    prove the next, None where it is not so. ``fewest`` would prove it of rows without any loss.
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


def passing(judged: Judged, limit: Limit) -> int:
    """How many thresholds of PATH pass, on rows that do nothing else."""
    lost, won = judged.counts(limit.kind)
    some = zip(lost.tolist(), won.tolist(), strict=True)
    return passed(_p(limit.kind, *one, len(judged), limit.most) for one in some)


def reach(judged: Judged, limit: Limit) -> Reach:
    """How far down the path a limit passes, on rows that do nothing else."""
    count = passing(judged, limit)
    failed = judged.losses(limit.kind, PATH[count]) if count < len(PATH) else None
    return Reach(
        limit,
        len(judged),
        count,
        needed(failed, limit) if failed is not None else None,
        needed(np.zeros(1), limit),
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


def needed(losses: Floats, limit: Limit) -> int | None:
    """About how many new rows with such losses prove the limit; None where they cannot.

    Of so many POWER prove it, as often as they are drawn: half of them lose more than the mean, so
    the sum of losses is taken that so large a share of draws does not exceed.
    """
    mean = float(losses.mean())
    if mean >= limit.most:
        return None
    part, spread = float(np.abs(losses).mean()), float(losses.std())

    def p_of(rows: int) -> float:
        total = math.ceil(mean * rows + SURELY * spread * math.sqrt(rows))
        lost = max(total, math.ceil((part * rows + total) / 2))
        return _p(limit.kind, lost, lost - total, rows, limit.most)

    return rows_needed(p_of)


@lru_cache(1 << 14)  # thresholds share counts
def _p(kind: Kind, lost: int, won: int, rows: int, most: float) -> float:
    if kind == "disagreement":
        return binomial_p(lost, rows, most)
    return difference_p(lost, won, rows, most)


def _parted(losses: Floats) -> tuple[int, int]:
    """How many rows are lost and won."""
    return int((losses > 0).sum()), int((losses < 0).sum())


def _along(begin: Ids, end: Ids, its: NDArray[np.bool_]) -> Ids:
    """(P,) how many of the rows that ``its`` names each place of PATH has between two others."""
    its = its & (begin < end)
    size = len(PATH) + 1
    change = np.bincount(begin[its], minlength=size) - np.bincount(end[its], minlength=size)
    found: Ids = np.cumsum(change)[:-1]
    return found
