"""How numbers are scored: two correlations that gates hold, and errors that tables show. numpy.

A correlation is from -1 to 1, and is left so: a model that orders texts the wrong way round is
worse than one that knows nothing, and what it lost says so. Where all truths or all answers are one
number there is no correlation, and 0 stands for it.

Pearson's is that of the numbers, Spearman's that of their mid-ranks: equal numbers share the mean
of the places that they take (Kendall 1945, Biometrika 33). A row of weight w counts as w equal
rows: its mid-rank is the weight of all below it and half the weight of its equals.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.task import Rows
from edgeft.tasks.usual import no_outcome, none_withheld

__all__ = ["NumberScores", "beside", "by_size", "correlations", "once_each", "score_numbers",
           "worst_number"]  # fmt: skip

DIGITS = 6
SHOWN = 5  # digits of an error in a table; its unit is the user's
PARTS = 4  # of the rows, by size of their truths, that a table shows
TRIED = 32  # rows that are tried for the one that would cost most
ROUNDING = 1e-24  # of a sum of squares: what rounding may leave of equal numbers

Floats = NDArray[np.float64]
Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows


@dataclass(frozen=True)
class NumberScores:
    """All scores of one set of answers.

    ``spearman`` and ``pearson`` are from -1 to 1. ``r2`` is the share of the truths' variance that
    the answers explain, below 0 where the truths' mean would do better, None where all truths are
    one number. ``mse`` and ``mae`` are the mean squared and the mean absolute error, in the units
    of the truths. ``lowest`` and ``highest`` are the ends of the answers' range. ``parts`` are
    (lowest truth, highest, rows, mean absolute error, mean error) of quarters of the
    rows, from the lowest truths on.
    """

    rows: int
    spearman: float
    pearson: float
    r2: float | None
    mse: float
    mae: float
    lowest: float
    highest: float
    parts: tuple[tuple[float, float, int, float, float], ...]

    @property
    def support(self) -> dict[str, int]:
        """Empty: there are no labels."""
        return {}

    def figure(self, metric: str) -> float:
        """Spearman's or Pearson's correlation."""
        return {"spearman": self.spearman, "pearson": self.pearson}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        found = {"spearman": self.spearman, "pearson": self.pearson, "mse": self.mse,
                 "mae": self.mae}  # fmt: skip
        return {**found, **({} if self.r2 is None else {"r2": self.r2}), "rows": self.rows}

    def summary(self) -> dict[str, str]:
        """Correlations and errors."""
        return {
            "Spearman": f"{self.spearman:.4f}",
            "Pearson": f"{self.pearson:.4f}",
            "R2": "-" if self.r2 is None else f"{self.r2:.4f}",
            "mean squared error": f"{self.mse:.{SHOWN}g}",
            "mean absolute error": f"{self.mae:.{SHOWN}g}",
            "answers": f"{self.lowest:.{SHOWN}g} to {self.highest:.{SHOWN}g}",
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        names = ("lowest", "highest", "rows", "mae", "mean_error")
        return {
            "rows": self.rows,
            "spearman": self.spearman,
            "pearson": self.pearson,
            "r2": self.r2,
            "mse": self.mse,
            "mae": self.mae,
            "lowest": self.lowest,
            "highest": self.highest,
            "parts": [dict(zip(names, part, strict=True)) for part in self.parts],
        }

    outcome = no_outcome
    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """Where in the range of the truths answers are how far off."""
        rows: list[list[object]] = [
            [f"{low:g} to {high:g}", f"{mae:.{SHOWN}g}", f"{mean:+.{SHOWN}g}", count]
            for low, high, count, mae, mean in self.parts
        ]
        columns = ["truths", "mean absolute error", "mean error", "rows"]
        return [(f"{title}: by size of the truths", columns, rows)]


def score_numbers(truths: Rows, answers: Rows) -> NumberScores:
    """Score N answers against N truths.

    Raises ValueError where the lists are empty or differ in length.
    """
    truth, answer = beside(truths, answers)
    errors = answer - truth
    mse, spread = float((errors**2).mean()), float(truth.var())
    parts = [
        (low, high, rows, _told(mean_absolute), _told(mean))
        for low, high, rows, (mean_absolute, mean) in by_size(truth, np.abs(errors), errors)
    ]
    return NumberScores(
        rows=len(truth),
        **once_each(truth, answer),
        r2=round(1 - mse / spread, DIGITS) if np.ptp(truth) else None,
        mse=_told(mse),
        mae=_told(float(np.abs(errors).mean())),
        lowest=_told(float(answer.min())),
        highest=_told(float(answer.max())),
        parts=tuple(parts),
    )


def beside(truths: Rows, answers: Rows) -> tuple[Floats, Floats]:
    """N truths and N answers, (N,) each.

    Raises ValueError where the lists are empty or differ in length.
    """
    truth, answer = np.asarray(truths, np.float64), np.asarray(answers, np.float64)
    if len(truth) != len(answer) or not len(truth):
        raise ValueError("truths and answers must have the same length, at least 1")
    return truth, answer


def once_each(truth: Floats, answer: Floats) -> dict[str, float]:
    """Both correlations where every row counts once, to the digits that are told."""
    found = correlations(truth, answer, np.ones((len(truth), 1)))
    return {name: round(float(one[0]), DIGITS) for name, one in found.items()}


def by_size(truth: Floats, *values: Floats) -> list[tuple[float, float, int, list[float]]]:
    """Quarters of the rows, from the lowest of the (N,) truths on.

    Of each: the lowest truth, the highest, the rows, and the mean of each of the (N,) ``values``.
    """
    order = np.argsort(truth, kind="stable")
    return [
        (
            float(truth[some].min()),
            float(truth[some].max()),
            len(some),
            [float(one[some].mean()) for one in values],
        )
        for some in np.array_split(order, min(PARTS, len(order)))
    ]


def correlations(truths: Rows, answers: Rows, weights: Floats) -> dict[str, Floats]:
    """Spearman's and Pearson's correlation, (D,) each, of M rows under (M, D) weights."""
    truth, answer = np.asarray(truths, np.float64), np.asarray(answers, np.float64)  # (M,)
    one, other = _mid_ranks(truth, weights), _mid_ranks(answer, weights)  # (M, D)
    return {
        "spearman": _correlation(one, other, weights),
        "pearson": _correlation(truth[:, None], answer[:, None], weights),
    }


def worst_number(
    truths: Rows, answers: Rows, references: Rows, weight: float
) -> tuple[float, float, float] | None:
    """The row whose answer lies as far from the reference's as any does here, where that costs
    most: at an end of the truths, or at one of TRIED rows between.

    Answers may lie anywhere, so nothing bounds what a row to come may cost but how far answers move
    here. None where none does: then nothing is lost.
    """
    truth, answer, reference = (
        np.asarray(one, np.float64) for one in (truths, answers, references)
    )
    move = float(np.abs(answer - reference).max(initial=0.0))
    if not move:
        return None
    weights = np.append(np.ones(len(truth)), weight)[:, None]  # (N + 1, 1)

    def cost(row: tuple[float, float, float]) -> float:
        ours = correlations(np.append(truth, row[0]), np.append(answer, row[1]), weights)
        theirs = correlations(np.append(truth, row[0]), np.append(reference, row[2]), weights)
        return sum(float((theirs[name] - ours[name])[0]) for name in ours)

    order = np.argsort(truth, kind="stable")
    some = order[np.unique(np.linspace(0, len(order) - 1, TRIED).astype(np.int64))]
    places = [(float(truth[at]), float(reference[at])) for at in some]
    places += [(float(end(truth)), float(end(reference))) for end in (np.min, np.max)]
    rows = [(true, its + way * move, its) for true, its in places for way in (-1, 1)]
    return max(rows, key=cost)


def _mid_ranks(values: Floats, weights: Floats) -> Floats:
    """(M, D): of each of (M,) values the weight of those below, and half that of its equals."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))  # (K,) of equal values
    sums = np.add.reduceat(weights[order], starts, axis=0)  # (K, D)
    ranks = np.cumsum(sums, axis=0) - sums / 2
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ordered))))  # (M,)
    found = np.empty(weights.shape)
    found[order] = ranks[group]
    return found


def _correlation(one: Floats, other: Floats, weights: Floats) -> Floats:
    """(D,) of (M, D) or (M, 1) values; 0 where either is one number."""
    whole = weights.sum(axis=0)  # (D,)
    means = [(weights * some).sum(axis=0) / whole for some in (one, other)]
    ones, others = one - means[0], other - means[1]  # (M, D)
    shared = (weights * ones * others).sum(axis=0)
    spreads = [(weights * some**2).sum(axis=0) for some in (ones, others)]
    sizes = [(weights * some**2).sum(axis=0) for some in (one, other)]
    varied = np.logical_and(
        *(
            spread > ROUNDING * np.maximum(size, np.finfo(np.float64).tiny)
            for spread, size in zip(spreads, sizes, strict=True)
        )
    )
    product = np.sqrt(spreads[0]) * np.sqrt(spreads[1])
    found: Floats = np.divide(shared, product, out=np.zeros(len(whole)), where=varied)
    return np.clip(found, -1.0, 1.0)


def _told(number: float) -> float:
    """A number in the user's units, to the digits that sums in another order leave alone."""
    return float(f"{number:.{DIGITS}g}")
