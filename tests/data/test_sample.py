import tracemalloc
from itertools import pairwise

import pytest

from edgeft.data import distinct, evenly, sample_evenly


def test_evenly_takes_from_first_to_last() -> None:
    assert evenly("abcdefghij", 3) == ["a", "d", "g"]
    assert evenly("ab", 3) == ["a", "b"]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 15, 16, 17, 100, 1000, 33, 12_345])
def test_a_sample_is_spread_over_all(count: int) -> None:
    found, counted = sample_evenly(iter(range(count)), 8)
    assert counted == count
    assert len(found) == min(count, 8)
    if count <= 32:
        assert found == evenly(range(count), 8)
    else:
        gaps = [after - before for before, after in pairwise([*found, count])]
        assert found[0] == 0
        assert max(gaps) <= 1.5 * count / 8


def test_a_sample_of_many_holds_few() -> None:
    tracemalloc.start()
    try:
        found, counted = sample_evenly((f"text {at} " * 20 for at in range(50_000)), 100)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20  # all of them are some 12 MB
    finally:
        tracemalloc.stop()
    assert (len(found), counted) == (100, 50_000)


def test_distinct_keeps_the_first_of_each() -> None:
    assert list(distinct("abracadabra")) == list("abrcd")
