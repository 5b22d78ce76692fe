"""Where sureness misleads: what a mean over all texts hides. Pure numpy.

None of it chooses anything; it is seen on rows that report, and told beside the promise.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeft.cascade.choose import Judged, Kind, Limit
from edgeft.proof.bounds import binomial_lower, binomial_upper
from edgeft.proof.limits import CONFIDENCE

__all__ = ["Band", "LabelLoss", "StageShare", "bands", "label_losses", "misleads", "shares"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)  # from which on bands of sureness begin
OVERSURE = 0.02  # a mean sureness above the share of right answers by more is told
UNLIKE = 0.001  # how rarely chance alone may set two sets of texts so far apart
MOST_LABELS = 5  # that are named


@dataclass(frozen=True)
class StageShare:
    """What one stage answers: the share of all texts, and of these how many are right.

    ``full`` is the share of the same texts that the full model has right, ``sure`` the mean
    sureness. All are None where nothing tells them.
    """

    stage: str
    rows: int
    share: float
    right: float | None
    full: float | None
    same: float | None
    sure: float | None


@dataclass(frozen=True)
class Band:
    """Texts of which the first stage's sureness is ``least`` or more, up to the next band's."""

    least: float
    rows: int
    sure: float
    same: float
    right: float | None
    full: float | None


@dataclass(frozen=True)
class LabelLoss:
    """What one label's rows lose: ``lost`` of them the full model alone has right, ``won`` not."""

    label: str
    rows: int
    cheap: int
    lost: int
    won: int
    beyond: bool


def shares(judged: Judged, names: Sequence[str], below: float) -> list[StageShare]:
    """What each stage answers."""
    at = judged.answering(below)
    found = []
    for stage, name in enumerate(names):
        its = at == stage  # (N,) bool
        cheap = stage < judged.last
        found.append(
            StageShare(
                name,
                int(its.sum()),
                round(float(its.mean()), 6),
                _mean(judged.right[stage], its) if judged.right is not None else None,
                _mean(judged.right[-1], its) if judged.right is not None else None,
                _mean(judged.same[stage], its) if cheap else None,
                _mean(judged.sure[stage], its) if cheap else None,
            )
        )
    return found


def bands(judged: Judged) -> list[Band]:
    """The first stage, by how sure it is; bands without a row are left out."""
    sure = judged.sure[0]
    at = np.searchsorted(EDGES, sure, side="right") - 1  # (N,)
    found = []
    for band, least in enumerate(EDGES):
        its = at == band
        if its.any():
            found.append(
                Band(
                    least,
                    int(its.sum()),
                    _rounded(sure[its]),
                    _rounded(judged.same[0][its]),
                    _mean(judged.right[0], its) if judged.right is not None else None,
                    _mean(judged.right[-1], its) if judged.right is not None else None,
                )
            )
    return found


def label_losses(
    judged: Judged, of: Ids, labels: Sequence[str], below: float, most: float
) -> list[LabelLoss]:
    """What is lost of each label that ``of``, (N,) ids, holds; without truths by disagreement.

    ``beyond`` says that more than ``most`` of the label is lost, what is won taken off, and that
    this is no chance: both are bounded, each so that none of all labels' bounds fails
    (Bonferroni).
    """
    kind: Kind = "drop" if judged.right is not None else "disagreement"
    losses, at = judged.losses(kind, below), judged.answering(below)
    held = np.unique(of).tolist()
    sure = 1 - (1 - CONFIDENCE) / (2 * max(1, len(held)))
    found = []
    for label in held:
        its = of == label
        lost, won = int((losses[its] > 0).sum()), int((losses[its] < 0).sum())
        rows = int(its.sum())
        net = binomial_lower(lost, rows, sure)
        if kind == "drop":
            net -= binomial_upper(won, rows, sure)
        cheap = int((at[its] < judged.last).sum())
        found.append(LabelLoss(labels[label], rows, cheap, lost, won, net > most))
    return sorted(found, key=lambda one: (one.won - one.lost, one.label))


def misleads(
    judged: Judged,
    chosen_on: Judged,
    names: Sequence[str],
    below: float,
    limits: Sequence[Limit],
    losses: Sequence[LabelLoss],
) -> list[str]:
    """In words, what rows that report, ``judged``, show to be otherwise than the promise lets hope.

    ``chosen_on`` are the rows on which ``below`` was set.
    """
    return [
        *_broken(judged, below, limits),
        *_unlike(judged, chosen_on, names, below),
        *_by_label(losses, labelled=judged.right is not None),
        *_oversure(judged, names, below),
    ]


def _broken(judged: Judged, below: float, limits: Sequence[Limit]) -> Iterator[str]:
    for limit in limits:
        if limit.kind == "drop" and judged.right is None:
            continue
        losses = judged.losses(limit.kind, below)
        seen, rows = float(losses.mean()), len(losses)
        if limit.kind == "disagreement":
            sure = binomial_lower(int(losses.sum()), rows) > limit.most
        else:
            sure = seen - 1.645 * float(losses.std()) / math.sqrt(rows) > limit.most
        if not sure:
            continue
        what = (
            f"{seen:.2%} of the answers differ from the full model's"
            if limit.kind == "disagreement"
            else f"{100 * seen:.2f} points of accuracy are lost"
        )
        yield (
            f"Broken on the {rows:,} rows that report: {what}, where the rows that choose "
            f"promised at most {100 * limit.most:g}. They are not like each other; set thresholds "
            "on texts like those to come."
        )


def _unlike(judged: Judged, chosen_on: Judged, names: Sequence[str], below: float) -> Iterator[str]:
    """Whether the first stage is surer of one set of texts than of the other.

    By the largest difference of the two distributions (Smirnov 1948, Annals of Mathematical
    Statistics 19).
    """
    ours, theirs = np.sort(judged.sure[0]), np.sort(chosen_on.sure[0])
    every = np.concatenate([ours, theirs])
    below_ours = np.searchsorted(ours, every, side="right") / len(ours)
    below_theirs = np.searchsorted(theirs, every, side="right") / len(theirs)
    apart = float(np.abs(below_ours - below_theirs).max())
    size = len(ours) * len(theirs) / (len(ours) + len(theirs))
    if 2 * math.exp(-2 * size * apart**2) > UNLIKE:
        return
    stays = [float((one.answering(below) == 0).mean()) for one in (judged, chosen_on)]
    yield (
        f"The texts that report are not like those that choose: {names[0]} answers {stays[0]:.1%} "
        f"of the one and {stays[1]:.1%} of the other. The promise is of texts like the latter."
    )


def _by_label(losses: Sequence[LabelLoss], *, labelled: bool) -> Iterator[str]:
    beyond = [one for one in losses if one.beyond]
    if not beyond:
        return
    told = ", ".join(
        f"{one.label!r} ({one.lost} of {one.rows:,} rows lost, {one.won} won)"
        if labelled
        else f"{one.label!r} ({one.lost} of {one.rows:,} differ)"
        for one in beyond[:MOST_LABELS]
    )
    more = f" and {len(beyond) - MOST_LABELS} more" if len(beyond) > MOST_LABELS else ""
    yield (
        f"Sureness misleads on {told}{more}: what is promised of all texts together does not hold "
        "of these labels."
    )


def _oversure(judged: Judged, names: Sequence[str], below: float) -> Iterator[str]:
    if judged.right is None:
        return
    at = judged.answering(below)
    for stage, name in enumerate(names[:-1]):
        its = at == stage
        rows = int(its.sum())
        if not rows:
            continue
        right, sure = float(judged.right[stage][its].sum()), float(judged.sure[stage][its].mean())
        if sure - OVERSURE > binomial_upper(math.ceil(right), rows):
            yield (
                f"{name} is surer than it is right: of the {rows:,} texts that it answers, with a "
                f"mean sureness of {sure:.3f}, {right / rows:.1%} are right by their labels, and "
                f"{float(judged.right[-1][its].mean()):.1%} of the full model's. Labels may be "
                "wrong, or the texts unlike those it was trained on."
            )


def _mean(values: Floats, its: NDArray[np.bool_]) -> float | None:
    return _rounded(values[its]) if its.any() else None


def _rounded(values: Floats) -> float:
    return round(float(values.mean()), 6)
