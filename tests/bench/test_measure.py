import pytest

from edgeft.bench.measure import time_calls, warm_up


class FakeClock:
    """A clock that a call moves on by as much as it is said to take."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_time_calls_times_each_input_by_itself_in_ms() -> None:
    clock = FakeClock()

    def call(took_s: float) -> None:
        clock.now_s += took_s

    assert time_calls(call, [0.002, 0.5, 0.0], clock=clock) == pytest.approx([2.0, 500.0, 0.0])


def test_time_calls_ends_when_its_time_is_up() -> None:
    clock = FakeClock()

    def call(took_s: float) -> None:
        clock.now_s += took_s

    assert time_calls(call, [1.0] * 100, clock=clock, most_s=2.5) == [1000.0] * 3
    assert time_calls(call, [9.0] * 100, clock=clock, most_s=0.1) == [9000.0]  # one in any case


def test_warm_up_ends_when_two_blocks_agree() -> None:
    clock = FakeClock()
    # Blocks of five: 10 s, then 2 s, then 1.9 s, which is within 10% of the block before.
    takes_s = iter([10.0] * 5 + [2.0] * 5 + [1.9] * 5 + [1.9] * 100)

    def call() -> None:
        clock.now_s += next(takes_s)

    warm = warm_up(call, clock=clock)
    assert (warm.calls, warm.steady) == (15, True)


def test_warm_up_gives_up_on_times_that_never_settle() -> None:
    clock = FakeClock()
    calls = 0

    def call() -> None:
        nonlocal calls
        clock.now_s += 2.0 ** (calls // 5)  # every block takes twice as long as the last
        calls += 1

    warm = warm_up(call, clock=clock)
    assert (warm.calls, warm.steady, calls) == (100, False, 100)


def test_one_slow_call_in_a_block_does_not_spoil_the_warm_up() -> None:
    clock = FakeClock()
    takes_s = iter([1.0] * 4 + [50.0] + [1.0] * 100)

    def call() -> None:
        clock.now_s += next(takes_s)

    assert warm_up(call, clock=clock).calls == 10
