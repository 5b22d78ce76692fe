"""Groups, one prepared ahead: in order, bounded, errors in their place."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeft.runtime.ahead import groups, one_ahead


@given(st.lists(st.text(max_size=9), max_size=60), st.integers(1, 7), st.integers(1, 20))
def test_groups_keep_all_texts_in_order_within_their_limits(
    texts: list[str], most: int, characters: int
) -> None:
    found = list(groups(texts, most=most, most_characters=characters))
    assert list(itertools.chain(*found)) == texts
    for group in found:
        assert 1 <= len(group) <= most
        assert len(group) == 1 or sum(map(len, group)) <= characters


@given(st.lists(st.integers(), max_size=20))
def test_everything_is_prepared_in_order(items: list[int]) -> None:
    assert list(one_ahead(lambda item: item * 2, iter(items))) == [item * 2 for item in items]


def test_an_endless_source_is_read_two_ahead_at_most() -> None:
    read = []

    def endless() -> Iterator[int]:
        for item in itertools.count():
            read.append(item)
            yield item

    given_out = one_ahead(str, endless())
    assert [next(given_out) for _ in range(5)] == list("01234")
    assert len(read) <= 7
    given_out.close()


@pytest.mark.parametrize("good", [0, 1, 3])
def test_a_failing_source_first_gives_what_it_had(good: int) -> None:
    def failing() -> Iterator[int]:
        yield from range(good)
        raise OSError("the disk is gone")

    given_out = one_ahead(str, failing())
    assert [next(given_out) for _ in range(good)] == [str(at) for at in range(good)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(given_out)


def test_an_item_that_cannot_be_prepared_fails_in_its_place() -> None:
    given_out = one_ahead(lambda item: 6 // item, iter([1, 2, 0, 3]))
    assert [next(given_out), next(given_out)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(given_out)
