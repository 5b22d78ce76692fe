import asyncio
from dataclasses import replace
from statistics import mean

import pytest

from edgeft.bench.server import Trial, highest_rate, poisson_arrivals, run_trial, trial_of
from edgeft.errors import OverloadError


def trial(rate: float, p99_ms: float, refused: int = 0) -> Trial:
    return Trial(rate, 300, refused, p99_ms / 2, p99_ms, rate)


def test_arrivals_are_a_poisson_process() -> None:
    moments = poisson_arrivals(50.0, 20_000, seed=0)
    gaps = [after - before for before, after in zip([0.0, *moments], moments, strict=False)]
    assert min(gaps) >= 0
    assert mean(gaps) == pytest.approx(1 / 50, rel=0.03)
    # An exponential gap is longer than its mean with the chance 1/e, and than twice it 1/e^2.
    assert sum(gap > 0.02 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.015)
    assert sum(gap > 0.04 for gap in gaps) / len(gaps) == pytest.approx(0.1353, abs=0.012)
    assert poisson_arrivals(50.0, 5, seed=1) == poisson_arrivals(50.0, 5, seed=1)
    assert poisson_arrivals(50.0, 5, seed=1) != poisson_arrivals(50.0, 5, seed=2)


def test_goodput_counts_what_was_in_time_and_nothing_that_was_refused() -> None:
    one = trial_of(10.0, [5.0, 20.0, None, 40.0], seconds=2.0, slo_ms=20.0)
    assert (one.arrivals, one.refused, one.goodput_texts_per_s) == (4, 1, 1.0)
    assert (one.p50_ms, one.p99_ms) == (20.0, 40.0)
    assert not one.meets(100.0)  # one was refused
    assert trial_of(10.0, [5.0, 20.0], 2.0, None).goodput_texts_per_s == 1.0
    none = trial_of(10.0, [None, None], 2.0, 20.0)
    assert (none.p50_ms, none.p99_ms, none.goodput_texts_per_s) == (None, None, 0.0)
    assert not none.meets(1e9)


def test_the_highest_rate_is_found_by_halving() -> None:
    # A single server of 100 texts a second: the queue, and so p99, grows as 1 / (100 - rate).
    asked = []

    def queue(rate: float) -> Trial:
        asked.append(rate)
        return trial(rate, 1000.0 / (100.0 - rate))

    best = highest_rate(queue, slo_ms=50.0, most=100.0)
    assert asked == [50.0, 75.0, 87.5, 81.25, 78.125]
    assert best is not None
    assert best.rate_texts_per_s == 78.125  # 80 texts a second have a p99 of 50 ms


def test_a_rate_far_below_the_throughput_is_found_too() -> None:
    asked = []

    def slow(rate: float) -> Trial:
        asked.append(rate)
        return trial(rate, 10.0 if rate <= 40 else 1000.0)

    best = highest_rate(slow, slo_ms=50.0, most=1000.0)
    assert asked[:3] == [500.0, 125.0, 31.25]
    assert best is not None
    assert 31.25 < best.rate_texts_per_s <= 40


def test_a_bound_that_no_rate_keeps_has_none() -> None:
    assert highest_rate(lambda rate: trial(rate, 1e6), slo_ms=50.0, most=100.0) is None
    assert highest_rate(lambda rate: trial(rate, 1.0, refused=1), slo_ms=50.0, most=100.0) is None


def test_a_hopeless_bound_is_given_up_before_trials_take_minutes() -> None:
    asked = []

    def late(rate: float) -> Trial:  # even the text that meets no other
        asked.append(rate)
        return replace(trial(rate, 80.0), p50_ms=60.0)

    assert highest_rate(late, slo_ms=50.0, most=1000.0) is None
    assert asked == [500.0, 125.0, 31.25]
    asked.clear()
    assert highest_rate(late, slo_ms=70.0, most=1000.0) is None  # a few may be in time
    assert asked == [500.0, 125.0, 31.25, 7.8125]


def test_a_trial_asks_every_text_in_turn_and_waits_for_all_answers() -> None:
    asked: list[str] = []

    async def ask(text: str) -> str:
        asked.append(text)
        if len(asked) % 100 == 0:
            raise OverloadError("full")
        await asyncio.sleep(0.002)
        return text

    one = run_trial(ask, ["a", "b", "c"], 3000.0, seconds=0.01, slo_ms=None, seed=0)
    assert one.arrivals == len(asked) == 299  # p99 needs so many, however short the time
    assert asked[:4] == ["a", "b", "c", "a"]
    assert one.refused == 2
    assert one.p50_ms is not None
    assert one.p50_ms >= 2.0


def test_a_text_that_was_due_while_others_blocked_counts_from_when_it_was_due() -> None:
    import time

    async def ask(text: str) -> None:
        time.sleep(0.005)  # blocks the loop, as a busy machine would

    one = run_trial(ask, ["a"], 10_000.0, seconds=0.001, slo_ms=None, seed=0)
    # 299 texts arrive within 30 ms and are served one after the other in 1.5 s.
    assert one.p99_ms is not None
    assert one.p99_ms > 1000
