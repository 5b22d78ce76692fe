"""Two sets of predictions for the same rows: what one lost against the other. numpy only."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.proof.limits import CONFIDENCE

__all__ = ["Drop", "Loss", "mcnemar_p", "paired_drop"]

TAIL = (1 - CONFIDENCE) / 2  # of the chance, on either side of an interval
DRAWS = 10_000  # of row weights; fewer where there are many kinds of rows
MOST_WEIGHTS = 4_000_000  # drawn in all, so that the time stays in bounds
CHUNK = 1_000_000  # weights in memory at a time

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """Percentage points lost of one metric, with the interval ``low`` to ``high``."""

    metric: str
    points: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.points:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Drop:
    """What predictions lose against reference predictions on the same ``rows`` labelled rows.

    ``newly_wrong`` rows only the reference has right, ``newly_right`` only the
    other; ``mcnemar_p`` is how often chance alone would part them so far.
    ``labels`` is how many labels there are, ``absent`` how many of them no row
    has, and ``rarest`` the rows of the rarest that occurs.
    """

    accuracy: Loss
    macro_f1: Loss
    rows: int
    newly_wrong: int
    newly_right: int
    mcnemar_p: float
    labels: int
    absent: int
    rarest: int

    @property
    def worst(self) -> Loss:
        """Of accuracy and macro F1 the one that lost more."""
        return max(self.accuracy, self.macro_f1, key=lambda loss: loss.points)

    def rounded_up(self) -> float:
        """The points of the worst to two digits, and never below them."""
        return math.ceil(self.worst.points * 100) / 100

    def proven(self, most: float) -> bool:
        """Whether the rows show that neither accuracy nor macro F1 loses more than ``most`` points.

        Both intervals must end within them. Where one of the two loses more, it
        takes a miss of that one's own interval to say otherwise, so what is
        claimed of both holds with the confidence of each, and needs no correction for two
        (an intersection-union test: Berger 1982, Technometrics 24). Macro F1 is the mean over
        all labels, so nothing is proven while one of them has no row.
        """
        return not self.absent and all(loss.high <= most for loss in (self.accuracy, self.macro_f1))

    def sentence(self, most: float) -> str:
        """What these rows tell of a loss of at most ``most`` points, in plain words."""
        if self.labels < 2:
            return "There is one label alone, so no answer can be lost."
        if self.worst.points > most:
            return f"It loses more than the {most:g} points that are allowed."
        sure = f"with {CONFIDENCE:.0%} confidence"
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        if self.proven(most):
            return (
                f"{rows} show {sure} that it loses no more than {most:g} points of accuracy or "
                "of macro F1."
            )
        wide = [loss for loss in (self.accuracy, self.macro_f1) if loss.high > most]
        if not wide:
            return (
                f"Not proven: {self._without_rows()}, so their part in macro F1 is unknown. Of "
                f"accuracy {rows} show {sure} that it loses no more than {most:g} points."
            )
        names = " or ".join(loss.metric for loss in wide)
        may = " and ".join(f"{loss.high:.2f}" for loss in wide)
        text = (
            f"Not proven: {rows} {'is' if self.rows == 1 else 'are'} too few to tell whether it "
            f"loses more than {most:g} points of {names}; it may be {may}."
        )
        if self.absent:
            text += f" {self._without_rows()}.".replace(" no", " No", 1)
        elif wide == [self.macro_f1]:
            text += f" The rarest label has {self.rarest:,} of them."
        rooms = [(loss.high - loss.points) / (most - loss.points) for loss in wide
                 if loss.points < most]  # fmt: skip
        if len(rooms) == len(wide):  # an interval narrows with the root of the rows
            text += f" About {_round(self.rows * max(rooms) ** 2):,} rows would tell."
        return text

    def _without_rows(self) -> str:
        return f"no row has {self.absent:,} of the {self.labels:,} labels"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary: the worst metric's figures, then all."""
        figures: dict[str, Any] = asdict(self)
        for name in ("accuracy", "macro_f1"):
            del figures[name]["metric"]
        return {**asdict(self.worst), **figures}

    def judged(self, most: float) -> dict[str, Any]:
        """``to_dict``, and what it proves of ``most`` points."""
        return {
            **self.to_dict(),
            "allowed": most,
            "proven": self.proven(most),
            "verdict": self.sentence(most),
        }


def paired_drop(truth: Ids, predicted: Ids, reference: Ids, classes: int, *, seed: int = 0) -> Drop:
    """Compare two predictions of N rows; all three are (N,) class ids below ``classes``.

    An interval is the Bayesian bootstrap over rows (Rubin 1981, Annals of
    Statistics 9), drawn with ``seed``, whose each end is drawn with one row more:
    the one that would move the metric furthest that way. So for a share it is that
    of Clopper and Pearson (1934), for a mean that of Learned-Miller and Thomas
    (2019, arXiv:1905.06208); rows among which nothing changed leave possible that
    about 3.7 in as many do, and for macro F1 these may all be of the rarest class.
    p is McNemar's exact test (McNemar 1947). Raises ValueError where there is no row.
    """
    rows = len(truth)
    if rows == 0:
        raise ValueError("there are no rows to compare")
    table = _Table.of(truth, predicted, reference, classes)
    highs = table.bound(seed)  # of accuracy and of macro F1
    lows = [-one for one in table.turned().bound(seed)]
    losses = [
        Loss(metric, round(100 * points, 4), min(_outward(low, -1), round(100 * points, 4)),
             max(_outward(high, 1), round(100 * points, 4)))
        for metric, points, low, high in zip(
            ("accuracy", "macro F1"), table.lost(), lows, highs, strict=True
        )
    ]  # fmt: skip
    right, before = predicted == truth, reference == truth  # (N,) bool
    newly_wrong, newly_right = int((before & ~right).sum()), int((right & ~before).sum())
    support = np.bincount(truth, minlength=classes)  # (C,)
    return Drop(
        accuracy=losses[0],
        macro_f1=losses[1],
        rows=rows,
        newly_wrong=newly_wrong,
        newly_right=newly_right,
        mcnemar_p=round(mcnemar_p(newly_wrong, newly_right), 6),
        labels=classes,
        absent=int((support == 0).sum()),
        rarest=int(support[support > 0].min()),
    )


def mcnemar_p(one: int, other: int) -> float:
    """The two-sided exact p of ``one`` against ``other`` discordant rows (binomial, 1/2)."""
    total, least = one + other, min(one, other)
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        for k in range(least + 1)
    ]
    tail = sum(math.exp(log - total * math.log(2)) for log in logs)
    return min(1.0, 2 * tail)


@dataclass(frozen=True)
class _Table:
    """M kinds of rows, all of the same true class and predictions: (M,) ids, and (M,) counts."""

    truth: Ids
    predicted: Ids
    reference: Ids
    counts: Floats
    classes: int

    @classmethod
    def of(cls, truth: Ids, predicted: Ids, reference: Ids, classes: int) -> "_Table":
        rows = np.stack([truth, predicted, reference], axis=1)  # (N, 3)
        kinds, counts = np.unique(rows, axis=0, return_counts=True)
        return cls(kinds[:, 0], kinds[:, 1], kinds[:, 2], counts.astype(np.float64), classes)

    def turned(self) -> "_Table":
        """With the parts of the two predictions exchanged."""
        return _Table(self.truth, self.reference, self.predicted, self.counts, self.classes)

    def lost(self) -> tuple[float, float]:
        """What is lost of accuracy and of macro F1, 0 to 1."""
        accuracy, macro = self._lost(self.counts[:, None], self)
        return float(accuracy[0]), float(macro[0])

    def bound(self, seed: int) -> tuple[float, float]:
        """Beyond which each of the two losses lies with the chance TAIL."""
        worst = self._with_worst_row()
        kinds = len(worst.counts)
        draws = min(DRAWS, max(DRAWS // 10, MOST_WEIGHTS // kinds))
        chance, step = np.random.default_rng(seed), max(1, CHUNK // kinds)
        parts = []
        for begin in range(0, draws, step):
            size = (kinds, min(step, draws - begin))
            weights = chance.standard_gamma(worst.counts[:, None], size)  # (M, D)
            parts.append(self._lost(weights, worst))
        accuracy, macro = (np.concatenate(part) for part in zip(*parts, strict=True))
        return float(np.quantile(accuracy, 1 - TAIL)), float(np.quantile(macro, 1 - TAIL))

    def _lost(self, weights: Floats, rows: "_Table") -> tuple[Floats, Floats]:
        """Losses under (M, D) weights of ``rows``; macro F1 over the classes that occur in self."""
        change = (rows.reference == rows.truth).astype(float) - (rows.predicted == rows.truth)
        accuracy = change @ weights / weights.sum(axis=0)  # (D,)
        support = _by_class(weights, rows.truth, self.classes)  # (C, D)
        scores = []
        for ours, theirs in ((self.reference, rows.reference), (self.predicted, rows.predicted)):
            occurs = np.union1d(self.truth, ours)  # classes
            right = theirs == rows.truth  # (M,) bool
            hits = _by_class(weights[right], rows.truth[right], self.classes)
            either = support + _by_class(weights, theirs, self.classes)
            scores.append((2 * hits[occurs] / either[occurs]).mean(axis=0))
        return accuracy, scores[0] - scores[1]

    def _with_worst_row(self) -> "_Table":
        """With one row more that only the reference has right, of the classes that cost most F1."""
        if self.classes < 2:
            return self  # nothing can be lost
        more = -math.log(TAIL)  # its weight at the bound
        support = self._counted(self.truth)  # (C,)
        hits, either = self._f1_parts(self.predicted)
        old_hits, old_either = self._f1_parts(self.reference)
        before = _f1(hits, either)  # (C,) of the new predictions, without that row
        as_truth = before - _f1(hits, either + more)
        as_truth += _f1(old_hits + more, old_either + 2 * more) - _f1(old_hits, old_either)
        as_answer = before - _f1(hits, either + more)
        truths = np.argsort(np.where(support > 0, -as_truth, np.inf), kind="stable")[:2]
        answers = np.argsort(-as_answer, kind="stable")[:2]
        pairs = [(one, other) for one in truths for other in answers
                 if support[one] and one != other]  # fmt: skip
        truth, answer = max(pairs, key=lambda pair: as_truth[pair[0]] + as_answer[pair[1]])
        return _Table(
            np.append(self.truth, truth),
            np.append(self.predicted, answer),
            np.append(self.reference, truth),
            np.append(self.counts, 1.0),
            self.classes,
        )

    def _f1_parts(self, ids: Ids) -> tuple[Floats, Floats]:
        """(C,) rows that predictions have right, and rows of a class plus those called it."""
        return self._counted(ids, ids == self.truth), self._counted(self.truth) + self._counted(ids)

    def _counted(self, ids: Ids, where: bool | NDArray[np.bool_] = True) -> Floats:
        """The (C,) number of rows of each class."""
        return np.bincount(ids, self.counts * where, self.classes).astype(np.float64)


def _by_class(weights: Floats, ids: Ids, classes: int) -> Floats:
    """The (C, D) sums of (M, D) weights over the rows of each class."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    sums = np.zeros((classes, weights.shape[1]))
    if len(starts):
        sums[ordered[starts]] = np.add.reduceat(weights[order], starts, axis=0)
    return sums


def _f1(hits: Floats, either: Floats) -> Floats:
    f1: Floats = np.divide(2 * hits, either, out=np.zeros(len(hits)), where=either > 0)
    return f1


def _outward(share: float, way: int) -> float:
    """A share as points to three digits, never nearer to the middle."""
    return way * math.ceil(way * share * 1e5 - 1e-6) / 1e3


def _round(count: float) -> int:
    """``count`` rounded up to two digits."""
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return int(math.ceil(count / step) * step)
