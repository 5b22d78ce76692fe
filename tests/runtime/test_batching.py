"""The plan of batches: whole, within its limits, little padding."""

from hypothesis import given
from hypothesis import strategies as st

from edgeft.runtime.batching import plan_batches

lengths = st.lists(st.integers(2, 512), max_size=300)


@given(lengths)
def test_every_text_is_in_one_batch_within_the_limits(lengths: list[int]) -> None:
    plan = plan_batches(lengths, budget=1024, max_padding=0.1)
    assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
    for batch in plan:
        area = len(batch) * max(lengths[i] for i in batch)
        padding = area - sum(lengths[i] for i in batch)
        assert len(batch) == 1 or area <= 1024
        assert padding <= 0.1 * area + 16  # what one more run would cost


def test_equal_lengths_fill_the_budget() -> None:
    assert [len(batch) for batch in plan_batches([8] * 300, budget=1024)] == [128, 128, 44]


def test_a_text_beyond_the_budget_is_its_own_batch() -> None:
    assert plan_batches([4, 2000, 4], budget=1024) == [[1], [0, 2]]


def test_no_more_texts_than_allowed() -> None:
    assert [len(batch) for batch in plan_batches([8] * 10, budget=1024, most=4)] == [4, 4, 2]


def test_longest_first() -> None:
    assert plan_batches([3, 60, 30], budget=64) == [[1], [2], [0]]


def test_nothing_gives_nothing() -> None:
    assert plan_batches([], budget=8) == []
