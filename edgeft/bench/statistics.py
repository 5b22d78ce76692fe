"""What samples tell and how surely; pure functions without a distribution assumed."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from statistics import median
from typing import Any

__all__ = [
    "PERCENTILE_METHOD",
    "Interval",
    "Ratio",
    "percentile",
    "percentiles",
    "ratio_of",
    "samples_needed",
    "spread",
]

# Hyndman and Fan 1996, type 1: each percentile is a value that was really measured.
PERCENTILE_METHOD = "nearest rank"
CONFIDENCE = 0.95
FEWEST = 5  # processes below which nothing is said about how sure a figure is


@dataclass(frozen=True)
class Interval:
    """A median, and the bounds that hold the true one with the chance ``confidence``.

    ``low`` and ``high`` are None below five values.
    """

    median: float
    low: float | None
    high: float | None
    confidence: float | None
    values: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {**asdict(self), "values": list(self.values)}


@dataclass(frozen=True)
class Ratio:
    """How many times another's values one's are, with bounds; None where there are too few."""

    ratio: float
    low: float | None
    high: float | None

    @property
    def clear(self) -> bool:
        """Whether the bounds leave no room for "the same"."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def percentiles(values: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """The ``wanted`` percentiles, above 0 to 100, of values; ValueError where there are none.

    By nearest rank: the smallest of the values that at least that share of
    them does not exceed.
    """
    if not values:
        raise ValueError("no values to summarize")
    ordered = sorted(values)
    # Rounded first, since 99.9% of 1,000 is 999.0000000000001 to a float.
    ranks = [math.ceil(round(share * len(ordered) / 100, 6)) for share in wanted]
    return [ordered[rank - 1] for rank in ranks]


def samples_needed(share: float) -> int:
    """Samples from which a percentile can be told: its upper bound exists with 95%.

    The largest of n samples lies above the true percentile p with the chance
    1 - p^n (Hahn and Meeker 1991, 5.2): 5 for p50, 29 for p90, 299 for p99,
    2,995 for p99.9.
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(share / 100))


def percentile(values: Sequence[float], share: float) -> float | None:
    """One percentile, None where there are too few samples to tell it."""
    return percentiles(values, [share])[0] if len(values) >= samples_needed(share) else None


def spread(values: Sequence[float]) -> Interval:
    """The median of one figure a process, and its interval by order statistics.

    The k-th smallest and k-th largest of n values hold the true median with the
    chance 1 - 2 P(Binomial(n, 1/2) < k) (David and Nagaraja 2003, 7.1); the
    narrowest pair with at least 95%, and the whole range of five, with 94%.
    """
    ordered = sorted(values)
    count = len(ordered)
    if count < FEWEST:
        return Interval(median(ordered), None, None, None, tuple(values))
    below = list(accumulate(math.comb(count, k) / 2**count for k in range(count // 2)))
    drop = max((k for k, tail in enumerate(below) if 1 - 2 * tail >= CONFIDENCE), default=0)
    return Interval(
        median(ordered), ordered[drop], ordered[-1 - drop], 1 - 2 * below[drop], tuple(values)
    )


def ratio_of(values: Sequence[float], others: Sequence[float]) -> Ratio:
    """How many times ``others`` the ``values`` are: two groups of processes.

    The median of all quotients of one value and another, and a 95% interval from
    the exact distribution of Mann and Whitney's U (Hollander, Wolfe and
    Chicken 2014, 4.2 and 4.3), taken on the logarithms. No interval
    where either group has fewer than five.
    """
    quotients = sorted(one / other for one in values for other in others)
    middle = median(quotients)
    if min(len(values), len(others)) < FEWEST:
        return Ratio(middle, None, None)
    counts = _rank_sums(len(values), len(others))
    below = list(accumulate(count / sum(counts) for count in counts))
    drop = max((k for k, tail in enumerate(below) if 2 * tail <= 1 - CONFIDENCE))
    return Ratio(middle, quotients[drop], quotients[-1 - drop])


def _rank_sums(m: int, n: int) -> list[int]:
    """How many arrangements of m and n values have each U from 0 to m x n."""
    # The largest of all values is one of the m, and so above all n others, or it is one of the n.
    table = [[[1] for _ in range(n + 1)] for _ in range(m + 1)]
    for a in range(1, m + 1):
        for b in range(1, n + 1):
            sums = [0] * (a * b + 1)
            for u, ways in enumerate(table[a - 1][b]):
                sums[u + b] += ways
            for u, ways in enumerate(table[a][b - 1]):
                sums[u] += ways
            table[a][b] = sums
    return table[m][n]
