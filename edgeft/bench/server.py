"""The server scenario: texts arrive by chance, and answers must come in time.

After MLPerf Inference's load generator (Reddi et al. 2020, "MLPerf Inference
Benchmark", III.C): arrivals are a Poisson process, and what counts is the
highest rate at which the tail of the latencies stays within a bound.
"""

import asyncio
import random
import selectors
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.bench.statistics import percentiles, samples_needed
from edgeft.errors import OverloadError

__all__ = ["TAIL", "Trial", "highest_rate", "poisson_arrivals", "run_trial", "trial_of"]

TAIL = 99  # the percentile that must stay within the bound
LOWEST = 4  # rates, the last a hundredth of what batches give, where texts hardly meet any more
ALONE = 32  # at this part of it half of them meet no other: are those late, all rates are too high
HALVINGS = 4
LEAST_ARRIVALS = samples_needed(TAIL)


@dataclass(frozen=True)
class Trial:
    """What a rate of arrivals came to.

    ``p50_ms`` and ``p99_ms`` count from the moment a text was due, so a late
    start counts, too; None where nothing was answered. ``goodput_texts_per_s``
    are answers within the bound, or all of them where there is none. ``refused``
    texts found the queue full.
    """

    rate_texts_per_s: float
    arrivals: int
    refused: int
    p50_ms: float | None
    p99_ms: float | None
    goodput_texts_per_s: float

    def meets(self, slo_ms: float) -> bool:
        """Whether nothing was refused and the tail stayed within the bound."""
        return not self.refused and self.p99_ms is not None and self.p99_ms <= slo_ms


def poisson_arrivals(rate_texts_per_s: float, count: int, *, seed: int) -> list[float]:
    """The moments, in seconds from the start, of ``count`` arrivals of a Poisson process.

    The gaps between them are independent and exponential with the mean 1 / rate.
    """
    chance, moment, moments = random.Random(seed), 0.0, []
    for _ in range(count):
        moment += chance.expovariate(rate_texts_per_s)
        moments.append(moment)
    return moments


def trial_of(
    rate_texts_per_s: float,
    latencies_ms: Sequence[float | None],
    seconds: float,
    slo_ms: float | None,
) -> Trial:
    """Sum up the latencies of one trial, None being a text that was refused."""
    answered = [one for one in latencies_ms if one is not None]
    good = [one for one in answered if slo_ms is None or one <= slo_ms]
    p50_ms, p99_ms = percentiles(answered, (50, TAIL)) if answered else (None, None)
    return Trial(
        rate_texts_per_s=rate_texts_per_s,
        arrivals=len(latencies_ms),
        refused=len(latencies_ms) - len(answered),
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        goodput_texts_per_s=len(good) / seconds,
    )


def highest_rate(trial: Callable[[float], Trial], slo_ms: float, *, most: float) -> Trial | None:
    """The trial of the highest rate that kept the bound; None where none did.

    ``most``, the throughput of whole batches, cannot be kept up. From half of it the
    rate is divided by four until the bound is kept. A trial takes longer the fewer
    texts arrive, so four rates are tried, and fewer where even at a 32nd half of the
    texts are late. Then the range up to the last rate that did not keep the bound is
    halved four times.
    """
    high, best = most, None
    rate = most / 2
    for _ in range(LOWEST):
        one = trial(rate)
        if one.meets(slo_ms):
            best = one
            break
        if rate <= most / ALONE and (one.p50_ms is None or one.p50_ms > slo_ms):
            break
        high, rate = rate, rate / 4
    if best is None:
        return None
    for _ in range(HALVINGS):
        one = trial((best.rate_texts_per_s + high) / 2)
        if one.meets(slo_ms):
            best = one
        else:
            high = one.rate_texts_per_s
    return best


def run_trial(
    ask: Callable[[Any], Awaitable[object]],
    texts: Sequence[Any],
    rate_texts_per_s: float,
    *,
    seconds: float,
    slo_ms: float | None,
    seed: int,
) -> Trial:
    """Let texts arrive for ``seconds``, and at least 299 of them, and wait for every answer."""
    count = max(LEAST_ARRIVALS, round(rate_texts_per_s * seconds))
    moments = poisson_arrivals(rate_texts_per_s, count, seed=seed)
    latencies_ms: list[float | None] = [None] * count

    async def one(at: int, due: float) -> None:
        try:
            await ask(texts[at % len(texts)])
        except OverloadError:
            return
        latencies_ms[at] = (time.perf_counter() - due) * 1e3

    async def all_of_them() -> float:
        tasks = []
        begin = time.perf_counter()
        for at, moment in enumerate(moments):
            pause_s = begin + moment - time.perf_counter()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            tasks.append(asyncio.create_task(one(at, begin + moment)))
        await asyncio.gather(*tasks)
        return time.perf_counter() - begin

    # epoll, which asyncio takes by itself, wakes up to a millisecond late; select does not.
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
    ) as runner:
        took_s = runner.run(all_of_them())
    return trial_of(rate_texts_per_s, latencies_ms, took_s, slo_ms)
