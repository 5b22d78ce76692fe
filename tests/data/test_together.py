"""Pairs that share a text stand on one side of a split, where that is possible."""

import pytest

from edgeft.data import split_pairs, text_shared
from edgeft.inputs import Input, Pair, columns_of


def apart(inputs: list[Input], strata: list[str], fraction: float = 0.5, seed: int = 0) -> str:
    """What is told, once every row stands somewhere and every stratum on both sides."""
    kept, held, told = split_pairs(inputs, range(len(inputs)), strata, fraction, seed=seed)
    assert sorted([*kept, *held]) == list(range(len(inputs)))
    assert kept
    assert held
    assert {strata[at] for at in kept} == {strata[at] for at in held} == set(strata)
    if not told:
        one, other = ([inputs[at] for at in side] for side in (kept, held))
        assert not text_shared(one, other)
    return told


def linked(groups: int) -> list[Input]:
    """Groups of three pairs that hang together by other texts, and by other white space."""
    return [
        pair
        for at in range(groups)
        for pair in (
            Pair(f"狗 {at} 🐕", f"a {at}"),
            Pair(f"b {at}", f"狗  {at} 🐕"),
            Pair(f"b {at}", f"c {at}"),
        )
    ]


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_pairs_with_a_common_text_stay_together(fraction: float) -> None:
    some = linked(40)
    strata = ["yes" if at % 4 < 2 else "no" for at in range(len(some))]
    for seed in range(3):
        assert apart(some, strata, fraction, seed) == ""


def test_where_all_hang_together_one_of_the_texts_does() -> None:
    # Each query with the same passages.
    some: list[Input] = [Pair(f"q{at // 5}", f"p{at % 5}") for at in range(100)]
    strata = ["yes" if at % 5 else "no" for at in range(100)]
    told = apart(some, strata)
    assert "only those with the same second text" in told or "same first text" in told
    kept, held, _ = split_pairs(some, range(100), strata, 0.5, seed=0)
    sides = [{columns_of(some[at])[0] for at in side} for side in (kept, held)]
    assert not sides[0] & sides[1]


def test_where_nothing_can_be_kept_together_that_is_told() -> None:
    some: list[Input] = [Pair("q", f"p{at}") for at in range(20)]
    told = apart(some, ["yes", "no"] * 10)
    assert "some of them stand on both sides" in told


def test_a_label_that_hangs_together_is_parted_all_the_same() -> None:
    some: list[Input] = [Pair(f"q{at}", f"p{at}") for at in range(18)]
    some += [Pair("one", f"r{at}") for at in range(2)]
    assert "both sides" in apart(some, ["no"] * 18 + ["yes"] * 2)


def test_pairs_without_a_common_text_and_texts_are_split_as_ever() -> None:
    strata = ["yes", "no"] * 10
    pairs: list[Input] = [Pair(f"q{at}", f"p{at}") for at in range(20)]
    texts: list[Input] = [f"q{at}" for at in range(20)]
    found = split_pairs(pairs, range(20), strata, 0.2, seed=1)
    assert found == split_pairs(texts, range(20), strata, 0.2, seed=1)
    assert split_pairs([], range(20), strata, 0.2, seed=1) == found
    assert found[2] == ""


def test_a_text_in_the_other_place_counts_as_well() -> None:
    assert text_shared([Pair("a", "b"), Pair("c", "d")], [Pair("x", "a "), Pair("y", "z")]) == 1
    assert text_shared([], [Pair("x", "a")]) == text_shared([Pair("x", "a")], []) == 0
