"""Promises that hold with finite samples: p-values, bounds, and thresholds tested in a row.

Every p-value here is of the hypothesis that a mean is larger than ``most``; where that is so, p is
at most u with a chance of at most u, for any number of rows. Assumed is that rows are drawn
independently from what the promise is about. numpy and the standard library only.
"""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgeft.proof.limits import CONFIDENCE

__all__ = [
    "binomial_lower",
    "binomial_p",
    "binomial_upper",
    "difference_p",
    "difference_upper",
    "passed",
    "rows_needed",
]

WARY = 0.1  # of the allowed chance of error, spent on how often two answers part at all
HALVINGS = 50  # of an interval that holds a bound
MOST_ROWS = 1 << 18  # that are ever told to be needed

Floats = NDArray[np.float64]


# --- shares: losses that are 0 or 1 ----------------------------------------------------


def binomial_p(failures: int, rows: int, most: float) -> float:
    """How often so few of ``rows`` fail where the share of failures is ``most`` or more.

    The lower tail of the binomial distribution, exact. Rows of several strata, each with its own
    share, may stand in for those of a mixture: fewer failures than expected are no likelier then
    (Hoeffding 1956, Annals of Mathematical Statistics 27).
    """
    if failures >= rows or most <= 0:
        return 1.0
    if most >= 1:
        return 0.0
    at = np.arange(1, failures + 1)  # (F,)
    chance = math.log(most) - math.log1p(-most)
    logs = np.cumsum(np.log((rows - at + 1) / at) + chance)  # (F,) against no failure
    return min(1.0, math.exp(rows * math.log1p(-most) + _log_sum(np.append(logs, 0.0))))


def binomial_upper(failures: int, rows: int, confidence: float = CONFIDENCE) -> float:
    """The share of failures is no more, one-sided (Clopper & Pearson 1934, Biometrika 26)."""
    return _least(
        lambda most: binomial_p(failures, rows, most), failures / max(1, rows), confidence
    )


def binomial_lower(failures: int, rows: int, confidence: float = CONFIDENCE) -> float:
    """The share of failures is no less, one-sided."""
    return 1 - binomial_upper(rows - failures, rows, confidence)


# --- differences: -1, 0 or 1 a row -----------------------------------------------------


def difference_p(
    lost: int, won: int, rows: int, most: float, wary: float = WARY * (1 - CONFIDENCE)
) -> float:
    """p of the hypothesis that a mean of differences is above ``most``, for ``most`` from 0 on.

    Of ``rows`` differences ``lost`` are 1, ``won`` are -1 and the rest 0. How many of them are not
    0 is unknown beforehand, so the share of those is first bounded from above, which fails with
    the chance ``wary``; what is left is the exact chance of so small a sum, at that bound, which
    ``wary`` is added to (Berger & Boos 1994, Journal of the American Statistical Association 89).

    No share q below the bound makes so small a sum likelier. With p(1), p(0) and p(-1) the chances
    of a difference, of mean m and q = p(1) + p(-1), the chance of a sum of at most s grows with q
    by rows / 2 times what s + 1 is likelier than s, as a sum of one row less. Where q is up to
    1/2, p(0)² is at least 4 p(1) p(-1), so the sum is, but for a shift, one of independent
    events, and gets likelier up to the integer below its mean (Darroch 1964, Annals of Mathematical
    Statistics 35). So p is 1 where s is above (rows - 1) m - 1, or the bound above 1/2.
    """
    total = lost - won
    share = _upper_share(lost + won, rows, wary)
    if share < most:
        return wary  # as means are no larger than shares
    if share > 0.5 or total > (rows - 1) * most - 1:
        return 1.0
    return min(1.0, wary + _sum_at_most(total, rows, (share + most) / 2, (share - most) / 2))


def difference_upper(lost: int, won: int, rows: int, confidence: float = CONFIDENCE) -> float:
    """The mean difference is no more, one-sided, from 0 to 1."""
    wary = WARY * (1 - confidence)
    return _least(lambda most: difference_p(lost, won, rows, most, wary), 0.0, confidence)


@lru_cache(4096)
def _upper_share(count: int, rows: int, chance: float) -> float:
    return binomial_upper(count, rows, 1 - chance)


def _sum_at_most(total: int, rows: int, one: float, minus: float) -> float:
    """The chance that a sum of ``rows`` differences is at most ``total``, by its transform."""
    size = 1 << (2 * rows + 1).bit_length()  # so that no two sums stand in one place
    angle = 2 * np.pi * np.arange(size // 2 + 1) / size
    turn = np.exp(-1j * angle)
    chances = np.fft.irfft((1 - one - minus + one * turn + minus * turn.conj()) ** rows, size)
    return float(np.roll(chances, rows)[: rows + total + 1].clip(0).sum())


# --- many hypotheses -------------------------------------------------------------------


def passed(ps: Iterable[float], confidence: float = CONFIDENCE) -> int:
    """How many hypotheses of a sequence are rejected before the first that is not.

    The order must not depend on the rows; then all that passed hold at once with ``confidence``,
    however many there are, and any of them may be chosen (fixed sequence testing in Learn then
    Test: Angelopoulos, Bates, Candès, Jordan & Lei 2025, Annals of Applied Statistics 19).
    """
    count = 0
    for p in ps:
        if not p <= 1 - confidence:
            break
        count += 1
    return count


def rows_needed(p_of: Callable[[int], float], confidence: float = CONFIDENCE) -> int | None:
    """About how many rows would make p small enough, to two digits; None where none would.

    ``p_of`` tells p for so many rows, by what is expected of these.
    """
    high = 16
    while p_of(high) > 1 - confidence:
        high *= 2
        if high > MOST_ROWS:
            return None
    low = high // 2
    while high - low > max(1, high // 256):
        middle = (low + high) // 2
        low, high = (low, middle) if p_of(middle) <= 1 - confidence else (middle, high)
    step: int = 10 ** max(0, math.floor(math.log10(high)) - 1)
    return math.ceil(high / step) * step


def _least(p_of: Callable[[float], float], low: float, confidence: float) -> float:
    """The least mean, from ``low`` to 1, that is rejected, as are all above it."""
    high = 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if p_of(middle) <= 1 - confidence else (middle, high)
    return high


def _log_sum(logs: Floats) -> float:
    largest = float(logs.max())
    return largest + math.log(float(np.exp(logs - largest).sum()))
