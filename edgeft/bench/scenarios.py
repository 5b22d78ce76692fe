"""The scenarios of one process, after MLPerf's load generator: single texts, all, arrivals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgeft.bench.cell import Offline, Singles
from edgeft.bench.energy import EnergyMeter
from edgeft.bench.measure import time_calls
from edgeft.bench.server import Trial, highest_rate, run_trial
from edgeft.bench.trace import Trace
from edgeft.runtime.decode import classifications

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = ["Load", "all_texts", "arrivals", "single_texts"]

WARM_TEXTS = 256  # predicted once and thrown away before all texts are timed
LEAST_S = 1.0  # all texts are predicted again until so much time has gone by


@dataclass(frozen=True)
class Load:
    """The server scenario: arrivals a second (none to search), the bound, seconds a trial."""

    rates: Sequence[float]
    slo_ms: float | None
    seconds: float


def single_texts(model: "Model", trace: Trace, texts: Sequence[str], most_s: float) -> Singles:
    """Each text alone, for at most ``most_s`` seconds."""
    trace.clear()
    times_ms = time_calls(model.predict, texts, most_s=most_s)
    tokens = [sum(batch) for batch in trace.batches]
    return Singles(times_ms, tokens, trace.tokenize_s, trace.run_s)


def all_texts(
    model: "Model", trace: Trace, texts: Sequence[str], meter: EnergyMeter
) -> tuple[Offline, list[str]]:
    """All texts in one call, again and again for a second; and their labels."""
    model.predict(list(texts[:WARM_TEXTS]))
    trace.clear()
    meter.start()
    cpu_s, begin = time.process_time(), time.perf_counter()
    predictions = model.predict(list(texts))
    batches = list(trace.batches)
    passes, seconds = 1, time.perf_counter() - begin
    while seconds < LEAST_S:
        model.predict(list(texts))
        passes, seconds = passes + 1, time.perf_counter() - begin
    cpu_s = time.process_time() - cpu_s
    joules = meter.joules()
    tokenize_s, run_s = trace.own_tokenize_s, trace.run_s
    decode_s = passes * _decode_s(model, texts)
    measured = Offline(
        texts=len(texts),
        tokens=sum(map(sum, batches)),
        passes=passes,
        seconds=seconds,
        cpu_s=cpu_s,
        tokenize_s=tokenize_s,
        wait_s=max(0.0, seconds - tokenize_s - run_s - decode_s),
        run_s=run_s,
        decode_s=decode_s,
        batches=batches,
        joules=joules,
        energy_source=meter.source,
    )
    return measured, [one.label for one in predictions]


def arrivals(
    model: "Model", texts: Sequence[str], load: Load, most: Callable[[], float]
) -> tuple[list[Trial], float | None]:
    """Trials of the given rates; without any, the highest rate that keeps the bound.

    ``most`` gives a rate that cannot be kept up, in texts a second.
    """
    count = iter(range(1 << 30))

    def trial(rate: float) -> Trial:
        return run_trial(
            model.apredict, texts, rate, seconds=load.seconds, slo_ms=load.slo_ms, seed=next(count)
        )

    if load.rates or load.slo_ms is None:
        return [trial(rate) for rate in load.rates], None
    best, trials = highest_rate(trial, load.slo_ms, most=most())
    return trials, best


def _decode_s(model: "Model", texts: Sequence[str]) -> float:
    """How long it takes to make predictions of all texts' logits."""
    encoded = model._encoder.encode(texts)
    logits = np.zeros((len(texts), len(model.labels)), np.float32)  # (N, C)
    begin = time.perf_counter()
    classifications(logits, model.labels, encoded)
    return time.perf_counter() - begin
