import math
import random
from itertools import permutations
from statistics import median

import pytest

from edgeft.bench.statistics import (
    percentile,
    percentiles,
    ratio_of,
    samples_needed,
    spread,
)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentiles(range(1, 101), (50, 90, 99, 100)) == [50, 90, 99, 100]
    assert percentiles([3.0, 1.0, 2.0], (1, 50, 99)) == [1.0, 2.0, 3.0]
    assert percentiles([7.0], (1, 50, 99)) == [7.0] * 3
    assert percentiles([1.0, 2.0, 3.0, 10.0], (50, 75, 76)) == [2.0, 3.0, 10.0]
    assert percentiles(range(1, 1001), (99.9, 99.91)) == [999, 1000]
    with pytest.raises(ValueError, match="no values"):
        percentiles([], (50,))


def test_a_percentile_needs_samples_enough() -> None:
    assert [samples_needed(share) for share in (50, 90, 99, 99.9)] == [5, 29, 299, 2995]
    for share in (50, 90, 99, 99.9):  # the chance that the largest of them lies above it
        needed = samples_needed(share)
        assert 1 - (share / 100) ** needed >= 0.95 > 1 - (share / 100) ** (needed - 1)
    assert percentile([1.0] * 298, 99) is None
    assert percentile([1.0] * 299, 99) == 1.0


def test_the_interval_of_a_median_by_order_statistics() -> None:
    # The tables of the sign test: n = 6 the whole range, n = 9 without one at each end, n = 15
    # without three (Conover 1999, table A3: 0.9688, 0.9609, 0.9648).
    for count, drop, chance in ((6, 0, 0.96875), (9, 1, 0.9609375), (15, 3, 0.96484375)):
        values = list(range(count))
        random.Random(0).shuffle(values)
        one = spread(values)
        assert (one.low, one.high) == (drop, count - 1 - drop)
        assert one.confidence == pytest.approx(chance)
        assert one.median == median(values)
        assert list(one.values) == values  # as they came
    five = spread([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (five.low, five.high, five.confidence) == (1.0, 5.0, 0.9375)
    four = spread([1.0, 2.0, 3.0, 4.0])
    assert (four.median, four.low, four.high, four.confidence) == (2.5, None, None, None)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    chance = random.Random(1)
    trials = 4000
    hits = 0
    for _ in range(trials):
        one = spread([chance.lognormvariate(0, 1) for _ in range(9)])  # whose median is 1
        assert one.low is not None
        assert one.high is not None
        hits += one.low <= 1 <= one.high
    assert abs(hits / trials - 0.961) < 0.012  # four standard errors


def test_a_ratio_and_its_interval() -> None:
    slow, quick = [2.0, 2.1, 1.9, 2.05, 1.95, 2.0], [1.0, 1.05, 0.95, 1.0, 1.02, 0.98]
    ratio = ratio_of(slow, quick)
    assert ratio.ratio == pytest.approx(2.0, abs=0.05)
    assert ratio.clear
    assert ratio.low is not None
    assert ratio.high is not None
    assert 1.8 < ratio.low < ratio.ratio < ratio.high < 2.2
    assert not ratio_of(slow, slow).clear
    assert not ratio_of(slow[:4], quick).clear  # too few to say anything
    assert ratio_of(slow[:4], quick).low is None
    back = ratio_of(quick, slow)
    assert back.low == pytest.approx(1 / ratio.high)
    assert back.ratio == pytest.approx(1 / ratio.ratio)


def test_the_bounds_of_a_ratio_are_those_of_mann_and_whitney() -> None:
    # Critical values of U, two-sided 5%: 2 of 5 x 5, 5 of 6 x 6 (Hollander et al. 2014, A.6), so
    # the bounds are the 3rd and the 6th smallest and largest quotients.
    for count, at in ((5, 3), (6, 6)):
        values = [1.1**k for k in range(count)]
        others = [1.07**k for k in range(count)]
        quotients = sorted(one / other for one in values for other in others)
        ratio = ratio_of(values, others)
        assert (ratio.low, ratio.high) == (quotients[at - 1], quotients[-at])


def test_groups_without_overlap_are_told_apart_and_others_are_not() -> None:
    # Of all ways to deal ten values to two groups of five, 5% or less may look different.
    values = [math.exp(0.01 * k) for k in range(10)]
    clear = ways = 0
    for chosen in {tuple(sorted(one[:5])) for one in permutations(range(10), 5)}:
        ones = [values[at] for at in chosen]
        rest = [values[at] for at in range(10) if at not in chosen]
        clear += ratio_of(ones, rest).clear
        ways += 1
    assert ways == 252
    assert 0 < clear / ways <= 0.05
