"""Two sets of predictions for the same rows: what one lost against the other. numpy only."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.proof.limits import CONFIDENCE
from edgeft.tasks.task import LabelNames, Rows, Task

__all__ = ["Drop", "Loss", "mcnemar_p", "paired_drop", "told_loss"]

TAIL = (1 - CONFIDENCE) / 2  # of the chance, on either side of an interval
DRAWS = 10_000  # of row weights; fewer where there are many kinds of rows
MOST_WEIGHTS = 4_000_000  # drawn in all, so that the time stays in bounds
CHUNK = 1_000_000  # weights in memory at a time

Kind = tuple[Any, Any, Any]  # truth, answer, reference answer
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """Percentage points lost of one metric, with the interval ``low`` to ``high``.

    ``name`` is that of the task, ``metric`` the same in words.
    """

    name: str
    metric: str
    points: float
    low: float
    high: float

    def figures(self) -> dict[str, float]:
        """Points and interval, as JSON values."""
        return {"points": self.points, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return told_loss(self.figures())


def told_loss(loss: Mapping[str, float]) -> str:
    """Points and interval as ``Loss.figures`` has them, for a person to read."""
    return f"{loss['points']:z.2f} ({loss['low']:z.2f} to {loss['high']:z.2f})"


@dataclass(frozen=True)
class Drop:
    """What predictions lose against reference predictions on the same ``rows`` labelled rows.

    ``newly_wrong`` rows only the reference has right, ``newly_right`` only the
    other; ``mcnemar_p`` is how often chance alone would part them so far.
    ``losses`` are of the task's metrics; ``by_label`` names the one that weighs labels alike, ""
    where none does. ``labels`` is how many labels truths may hold, 0 where a task has none,
    ``absent`` how many of them no row has, and ``rarest`` the rows of the rarest that occurs, 0
    where no metric weighs it as much as others. The intervals hold if ``provided`` does, "" where
    that asks for nothing.
    """

    losses: tuple[Loss, ...]
    rows: int
    newly_wrong: int
    newly_right: int
    mcnemar_p: float
    labels: int
    absent: int
    rarest: int
    by_label: str = ""
    provided: str = ""

    @property
    def worst(self) -> Loss:
        """Of the metrics the one that lost most."""
        return max(self.losses, key=lambda loss: loss.points)

    def rounded_up(self) -> float:
        """The points of the worst to two digits, and never below them."""
        return math.ceil(self.worst.points * 100) / 100

    def proven(self, most: float) -> bool:
        """Whether the rows show that no metric loses more than ``most`` points.

        All intervals must end within them. Where one of the metrics loses more, it
        takes a miss of that one's own interval to say otherwise, so what is
        claimed of all holds with the confidence of each, and needs no correction for many
        (an intersection-union test: Berger 1982, Technometrics 24). What is lost of a label
        without a row is unknown, so nothing is proven while there is one.
        """
        return not self.absent and all(loss.high <= most for loss in self.losses)

    def sentence(self, most: float) -> str:
        """What these rows tell of a loss of at most ``most`` points, in plain words."""
        if self.labels == 1 and not any(loss.high for loss in self.losses):
            return "There is one label alone, so no answer can be lost."
        if self.worst.points > most:
            return f"It loses more than the {most:g} points that are allowed."
        sure = f"with {CONFIDENCE:.0%} confidence"
        rests = f", if {self.provided}" if self.provided else ""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        if self.proven(most):
            return (
                f"{rows} show {sure} that it loses no more than {most:g} points of "
                f"{' or of '.join(loss.metric for loss in self.losses)}{rests}."
            )
        wide = [loss for loss in self.losses if loss.high > most]
        if not wide:
            told = f"{rows} show {sure} that it loses no more than {most:g} points{rests}."
            part = " and ".join(loss.metric for loss in self.losses if self._by_labels(loss))
            part = f"their part in {part} is unknown."
            others = [loss for loss in self.losses if not self._by_labels(loss)]
            known = "".join(f" Of {loss.metric} {told}" for loss in others)
            return f"Not proven: {self._without_rows()}, so {part}{known}"
        names = " or ".join(loss.metric for loss in wide)
        may = " and ".join(f"{loss.high:.2f}" for loss in wide)
        text = (
            f"Not proven: {rows} {'is' if self.rows == 1 else 'are'} too few to tell whether it "
            f"loses more than {most:g} points of {names}; it may be {may}."
        )
        if self.absent:
            text += f" {self._without_rows()}.".replace(" no", " No", 1)
        elif [loss.name for loss in wide] == [self.by_label]:
            text += f" The rarest label has {self.rarest:,} of them."
        rooms = [(loss.high - loss.points) / (most - loss.points) for loss in wide
                 if loss.points < most]  # fmt: skip
        if len(rooms) == len(wide):  # an interval narrows with the root of the rows
            text += f" About {_round(self.rows * max(rooms) ** 2):,} rows would tell."
        return text

    def _by_labels(self, loss: Loss) -> bool:
        """Whether a metric counts what is lost of a label beyond the rows that have it."""
        return self.by_label in ("", loss.name)

    def _without_rows(self) -> str:
        return f"no row has {self.absent:,} of the {self.labels:,} labels"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary: the worst metric's figures, then all."""
        figures: dict[str, Any] = asdict(self)
        for name in ("losses", "by_label", "provided"):
            del figures[name]
        return {
            "metric": self.worst.metric,
            **self.worst.figures(),
            **{loss.name: loss.figures() for loss in self.losses},
            **figures,
        }

    def judged(self, most: float) -> dict[str, Any]:
        """``to_dict``, and what it proves of ``most`` points."""
        return {
            **self.to_dict(),
            "allowed": most,
            "proven": self.proven(most),
            "verdict": self.sentence(most),
        }


def paired_drop(
    task: Task,
    truths: Rows,
    answers: Rows,
    references: Rows,
    labels: LabelNames,
    *,
    seed: int = 0,
) -> Drop:
    """Compare N answers with N reference answers to the same rows, as the task scores them.

    An interval is the Bayesian bootstrap over rows (Rubin 1981, Annals of
    Statistics 9), drawn with ``seed``, whose each end is drawn with one row more:
    the task's worst, which would move the metric furthest that way. So for a share it is that
    of Clopper and Pearson (1934), for a mean that of Learned-Miller and Thomas
    (2019, arXiv:1905.06208); rows among which nothing changed leave possible that
    about 3.7 in as many do, and for macro F1 these may all be of the rarest class.
    p is McNemar's exact test (McNemar 1947). Raises ValueError where there is no row.
    """
    if not len(truths):
        raise ValueError("there are no rows to compare")
    table = _Table.of(task, labels, truths, answers, references)
    lost, highs, lows = table.lost(), table.bound(seed), table.turned().bound(seed)
    losses = []
    for name, metric in task.metrics.items():
        points = round(100 * lost[name], 4)
        low, high = _outward(-lows[name], -1), _outward(highs[name], 1)
        losses.append(Loss(name, metric, points, min(low, points), max(high, points)))
    right, before = (np.asarray(task.same(one, truths)) == 1 for one in (answers, references))
    newly_wrong, newly_right = int((before & ~right).sum()), int((right & ~before).sum())
    support = task.score(truths, answers, labels).support
    return Drop(
        losses=tuple(losses),
        rows=len(truths),
        newly_wrong=newly_wrong,
        newly_right=newly_right,
        mcnemar_p=round(mcnemar_p(newly_wrong, newly_right), 6),
        labels=len(support),
        absent=sum(not rows for rows in support.values()),
        rarest=min((rows for rows in support.values() if rows), default=0) if task.by_label else 0,
        by_label=task.by_label,
        provided=task.provided,
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
    """The rows to compare, and their M kinds: all of the same truth and answers, and (M,) counts.

    A row is (truth, answer, reference answer). Kinds are in their own order, not the rows', since
    the weights are drawn in it.
    """

    task: Task
    labels: LabelNames
    rows: Sequence[Kind]
    kinds: Sequence[Kind]
    counts: Floats

    @classmethod
    def of(cls, task: Task, labels: LabelNames, *columns: Rows) -> "_Table":
        rows = list(zip(*map(_plain, columns), strict=True))
        kinds = sorted(Counter(rows).items())
        counts = np.array([count for _, count in kinds], np.float64)
        return cls(task, labels, rows, [kind for kind, _ in kinds], counts)

    def turned(self) -> "_Table":
        """With the parts of the two answers exchanged; the kinds stay in their places."""
        rows, kinds = ([(t, r, a) for t, a, r in some] for some in (self.rows, self.kinds))
        return _Table(self.task, self.labels, rows, kinds, self.counts)

    def lost(self) -> dict[str, float]:
        """What is lost of each metric, 0 to 1."""
        lost = self._lost(self.kinds, self.counts[:, None])
        return {name: float(one[0]) for name, one in lost.items()}

    def bound(self, seed: int) -> dict[str, float]:
        """Beyond which each loss lies with the chance TAIL."""
        kinds, counts = self.kinds, self.counts
        more = -math.log(TAIL)  # the weight of a row more, at the bound
        truths, answers, references = zip(*self.rows, strict=True)
        worst = self.task.worst(truths, answers, references, self.labels, more)
        if worst is not None:
            kinds, counts = [*kinds, worst], np.append(counts, 1.0)
        draws = min(DRAWS, max(DRAWS // 10, MOST_WEIGHTS // len(kinds)))
        chance, step = np.random.default_rng(seed), max(1, CHUNK // len(kinds))
        parts = []
        for begin in range(0, draws, step):
            size = (len(kinds), min(step, draws - begin))
            weights = chance.standard_gamma(counts[:, None], size)  # (M, D)
            parts.append(self._lost(kinds, weights))
        return {
            name: float(np.quantile(np.concatenate([part[name] for part in parts]), 1 - TAIL))
            for name in self.task.metrics
        }

    def _lost(self, kinds: Sequence[Kind], weights: Floats) -> dict[str, Floats]:
        """(D,) losses of each metric under (M, D) weights of kinds."""
        truths, answers, references = zip(*kinds, strict=True)
        ours = self.task.figures(truths, answers, self.labels, weights)
        theirs = self.task.figures(truths, references, self.labels, weights)
        return {name: theirs[name] - ours[name] for name in self.task.metrics}


def _plain(column: Rows) -> Rows:
    """A column whose values hash and sort quickly."""
    return column.tolist() if isinstance(column, np.ndarray) else column


def _outward(share: float, way: int) -> float:
    """A share as points to three digits, never nearer to the middle."""
    return way * math.ceil(way * share * 1e5 - 1e-6) / 1e3


def _round(count: float) -> int:
    """``count`` rounded up to two digits."""
    step = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return int(math.ceil(count / step) * step)
