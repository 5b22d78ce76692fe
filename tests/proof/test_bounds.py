"""Bounds: answers that are known, and that no promise is broken more often than is said."""

import math
from functools import cache
from math import comb

import numpy as np
import pytest

from edgeft.proof.bounds import (
    binomial_lower,
    binomial_p,
    binomial_upper,
    difference_p,
    difference_upper,
    passed,
    rows_needed,
)

DRAWS, ALLOWED = 1000, 0.05
MOST = 0.02  # what is promised in the simulations
PATH = 40  # thresholds, from the safest on


@pytest.mark.parametrize(("failures", "rows", "most"), [(0, 20, 0.1), (3, 50, 0.1), (9, 30, 0.3)])
def test_a_binomial_tail_by_hand(failures: int, rows: int, most: float) -> None:
    tail = sum(comb(rows, k) * most**k * (1 - most) ** (rows - k) for k in range(failures + 1))
    assert binomial_p(failures, rows, most) == pytest.approx(tail)


def test_tails_at_their_ends() -> None:
    assert binomial_p(5, 5, 0.3) == 1
    assert binomial_p(2, 5, 0.0) == 1
    assert binomial_p(2, 5, 1.0) == 0
    assert binomial_p(900, 100_000, 0.01) == pytest.approx(0.000660841, rel=1e-5)  # scipy
    assert difference_p(3, 5, 0, 0.01) == 1


def test_bounds_of_shares_are_those_of_clopper_and_pearson() -> None:
    assert binomial_upper(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))
    assert (binomial_upper(0, 298) > 0.01, binomial_upper(0, 299) < 0.01) == (True, True)
    assert binomial_upper(10, 100) == pytest.approx(0.163716, abs=1e-5)  # R: binom.test
    assert binomial_lower(10, 100) == pytest.approx(0.055263, abs=1e-5)
    assert binomial_upper(7, 7) == 1
    assert binomial_lower(0, 7) == pytest.approx(0, abs=1e-12)


def test_a_difference_by_hand() -> None:
    # At the bound of the share of rows that part, all sums up to the one that was seen.
    rows, most, wary = 40, 0.15, 0.005
    share = binomial_upper(1, rows, 1 - wary)
    one, minus = (share + most) / 2, (share - most) / 2
    tail = sum(
        math.factorial(rows)
        / (math.factorial(k) * math.factorial(j) * math.factorial(rows - k - j))
        * one**k * minus**j * (1 - share) ** (rows - k - j)
        for k in range(rows + 1) for j in range(rows + 1 - k) if k - j <= 1
    )  # fmt: skip
    assert difference_p(1, 0, rows, most) == pytest.approx(wary + tail, rel=1e-9)


def test_of_differences_nothing_is_proven_where_they_are_too_many_or_too_large() -> None:
    assert difference_p(300, 300, 1000, 0.01) == 1  # more than half of the rows part
    assert difference_p(30, 10, 1000, 0.01) == 1
    assert difference_p(0, 0, 1000, 0.0) == 1
    assert difference_p(0, 0, 10_000, 0.01) == pytest.approx(0.005)  # means are below shares


def test_a_gain_proves_a_small_loss_sooner() -> None:
    bounds = [difference_upper(10, won, 2000) for won in (0, 10, 20, 30)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] < binomial_upper(10, 2000) * 1.15
    assert bounds[1] < 0.0055  # the normal distribution, if the variance were known: 0.0037
    assert bounds[3] < 1e-9  # it answers better: no loss at all


def test_a_small_loss_is_proven_more_often_than_by_two_shares() -> None:
    rng, rows, most, share = np.random.default_rng(0), 2000, 0.01, 0.1  # no loss in truth
    proven = np.zeros(2)
    for _ in range(200):
        losses = rng.choice([1, -1, 0], rows, p=[share / 2, share / 2, 1 - share])
        lost, won = int((losses == 1).sum()), int((losses == -1).sum())
        both = binomial_upper(lost, rows, 0.975) - binomial_lower(won, rows, 0.975)
        proven += [difference_p(lost, won, rows, most) <= ALLOWED, both <= most]
    exact, shares = proven / 200
    assert exact > shares + 0.1
    assert exact > 0.3  # the normal distribution, if the variance were known: 0.41


def test_a_sequence_ends_at_its_first_failure() -> None:
    taken = []

    def told(p: float) -> float:
        taken.append(p)
        return p

    assert passed(map(told, [0.01, 0.05, 0.06, 0.0001])) == 2
    assert taken == [0.01, 0.05, 0.06]
    assert passed([0.2, 0.0]) == 0
    assert passed([0.04, 0.06], confidence=0.9) == 2
    assert passed([math.nan, 0.0]) == 0


def test_how_many_rows_would_do() -> None:
    assert rows_needed(lambda rows: binomial_p(0, rows, 0.01)) == 300  # 299, to two digits
    assert rows_needed(lambda rows: binomial_p(math.ceil(0.005 * rows), rows, 0.01)) == 1500
    assert rows_needed(lambda rows: binomial_p(math.ceil(0.02 * rows), rows, 0.01)) is None


# --- promises, broken how often? -------------------------------------------------------


def held(broken: int) -> bool:
    """Whether so many of DRAWS do not refute that a share of ALLOWED at most is broken."""
    return binomial_lower(broken, DRAWS, 0.975) <= ALLOWED


# The true mean loss at each threshold, from the safest on.
RISKS = {
    "grows through the limit": np.linspace(0.0, 2 * MOST, PATH),
    "just above it from the first on": np.full(PATH, MOST * 1.0001),
    "jumps just above it": np.where(np.arange(PATH) < 10, 0.002, MOST * 1.0001),
    "surest where it is wrong": np.linspace(MOST * 1.0001, 0.0, PATH),
    "far above it": np.full(PATH, 3 * MOST),
}
DISCORDANT = {"all lost": None, "some won": 0.06, "many won": 0.25}  # shares of rows that part


@cache
def most_failures(rows: int) -> int:
    return max((k for k in range(rows) if binomial_p(k, rows, MOST) <= ALLOWED), default=-1)


@pytest.mark.parametrize("rows", [150, 500, 2000])
@pytest.mark.parametrize("risk", RISKS.values(), ids=RISKS)
def test_disagreement_is_promised_rightly(risk: np.ndarray, rows: int) -> None:
    # A row fails from its own threshold on, as where ever less sure answers are taken.
    rng = np.random.default_rng(rows)
    broken = 0
    for _ in range(DRAWS):
        if (np.diff(risk) >= 0).all():
            first = np.searchsorted(risk, rng.random(rows), side="right")  # (N,)
            failures = np.cumsum(np.bincount(first, minlength=PATH + 1))[:PATH]
        else:
            failures = rng.binomial(rows, risk)
        safe = passed(0.0 if k <= most_failures(rows) else 1.0 for k in failures)
        broken += safe > 0 and bool(risk[safe - 1] > MOST)
    assert held(broken)


@pytest.mark.parametrize("rows", [300, 1000])
@pytest.mark.parametrize("discordant", DISCORDANT.values(), ids=DISCORDANT)
@pytest.mark.parametrize("risk", RISKS.values(), ids=RISKS)
def test_a_loss_is_promised_rightly(risk: np.ndarray, discordant: float | None, rows: int) -> None:
    rng = np.random.default_rng(rows)
    part = np.abs(risk) if discordant is None else np.maximum(discordant, risk)  # (K,)
    one, minus = (part + risk) / 2, (part - risk) / 2
    p = cache(difference_p)
    broken = 0
    for _ in range(DRAWS):
        # (N,) numbers say at which thresholds a row is lost, and at which won.
        where = rng.random(rows)
        lost = np.searchsorted(np.sort(where), one)
        won = rows - np.searchsorted(np.sort(where), 1 - minus)
        safe = passed(p(int(k), int(j), rows, MOST) for k, j in zip(lost, won, strict=True))
        broken += safe > 0 and bool(risk[safe - 1] > MOST)
    assert held(broken)


def test_the_size_of_the_test_of_differences_is_exact() -> None:
    # All that can be seen of 80 rows, under truths on the limit: no draws, no chance.
    rows, most = 80, 0.08
    counts = [(k, j) for k in range(rows + 1) for j in range(rows + 1 - k)]
    rejected = [(k, j) for k, j in counts if difference_p(k, j, rows, most) <= ALLOWED]
    logs = np.cumsum([0.0, *map(math.log, range(1, rows + 1))])
    k, j = np.array(rejected).T
    ways = np.exp(logs[rows] - logs[k] - logs[j] - logs[rows - k - j])
    sizes = []
    for share in np.linspace(most, 1, 200):
        one, minus = (share + most) / 2, (share - most) / 2
        sizes.append(float((ways * one**k * minus**j * (1 - share) ** (rows - k - j)).sum()))
    assert 0.01 < max(sizes) <= ALLOWED
