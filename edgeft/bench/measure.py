"""How long calls take. This module knows only a callable and a clock."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

__all__ = [
    "PERCENTILE_METHOD",
    "Clock",
    "Latency",
    "WarmUp",
    "latency",
    "percentiles",
    "time_calls",
    "warm_up",
]

Clock = Callable[[], float]  # seconds from any fixed moment
T = TypeVar("T")

# Hyndman and Fan 1996, type 1: each percentile is a time that was really measured.
PERCENTILE_METHOD = "nearest rank"

BLOCK_CALLS = 5
STEADY_WITHIN = 0.1
MOST_CALLS = 100


@dataclass(frozen=True)
class WarmUp:
    """Calls that were made and thrown away, and whether the times had settled by then."""

    calls: int
    steady: bool


@dataclass(frozen=True)
class Latency:
    """Percentiles of the time of one call, in milliseconds, over ``samples`` calls."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    samples: int


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
    call: Callable[[T], object], inputs: Iterable[T], *, clock: Clock = time.perf_counter
) -> list[float]:
    """The time of ``call`` on each input by itself, in milliseconds and in order."""
    times_ms = []
    for one in inputs:
        begin = clock()
        call(one)
        times_ms.append((clock() - begin) * 1e3)
    return times_ms


def latency(times_ms: Sequence[float]) -> Latency:
    """The percentiles of times in milliseconds. Raises ValueError where there are none."""
    p50_ms, p90_ms, p99_ms = percentiles(times_ms, (50, 90, 99))
    return Latency(p50_ms, p90_ms, p99_ms, len(times_ms))


def percentiles(values: Sequence[float], wanted: Sequence[int]) -> list[float]:
    """The ``wanted`` percentiles, 1 to 100, of values; ValueError where there are none.

    By nearest rank: the smallest of the values that at least that share of
    them does not exceed.
    """
    if not values:
        raise ValueError("no values to summarize")
    ordered = sorted(values)
    return [ordered[-(-share * len(ordered) // 100) - 1] for share in wanted]
