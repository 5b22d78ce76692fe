"""How long calls take. This module knows only a callable and a clock."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

__all__ = ["Clock", "WarmUp", "time_calls", "warm_up"]

Clock = Callable[[], float]  # seconds from any fixed moment
T = TypeVar("T")

BLOCK_CALLS = 5
STEADY_WITHIN = 0.1
MOST_CALLS = 100


@dataclass(frozen=True)
class WarmUp:
    """Calls that were made and thrown away, and whether the times had settled by then."""

    calls: int
    steady: bool


def warm_up(call: Callable[[], object], *, clock: Clock = time.perf_counter) -> WarmUp:
    """Call until the times are steady, which is a rule and not a guess.

    Calls are made in blocks of 5. They are steady when the medians of two
    successive blocks differ by at most 10% of the earlier one; after 100 calls
    the wait is given up.
    """
    before: float | None = None
    for calls in range(BLOCK_CALLS, MOST_CALLS + 1, BLOCK_CALLS):
        now = median(time_calls(lambda _: call(), range(BLOCK_CALLS), clock=clock))
        if before is not None and abs(now - before) <= STEADY_WITHIN * before:
            return WarmUp(calls, steady=True)
        before = now
    return WarmUp(MOST_CALLS, steady=False)


def time_calls(
    call: Callable[[T], object],
    inputs: Iterable[T],
    *,
    clock: Clock = time.perf_counter,
    most_s: float = float("inf"),
) -> list[float]:
    """The time of ``call`` on each input by itself, in milliseconds and in order.

    The first call that ends after ``most_s`` seconds is the last.
    """
    times_ms = []
    start = clock()
    for one in inputs:
        begin = clock()
        call(one)
        end = clock()
        times_ms.append((end - begin) * 1e3)
        if end - start > most_s:
            break
    return times_ms
