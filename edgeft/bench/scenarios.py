"""The scenarios of one process, after MLPerf's load generator: single texts, all, arrivals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgeft.bench.cell import Offline, Singles
from edgeft.bench.energy import EnergyMeter
from edgeft.bench.measure import WarmUp, time_calls, warm_up
from edgeft.bench.server import Trial, highest_rate, run_trial
from edgeft.bench.trace import Trace
from edgeft.inputs import Input

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = ["Load", "all_texts", "answers_to", "arrivals", "single_texts", "warm"]

WARM_TEXTS = 256  # predicted once and thrown away, so that no shape is met for the first time
WARM_S = 2.0  # of those one by one, at most
SEARCH_S = 2.0  # of arrivals in a trial of the search; they are 299 in any case
LEAST_S = 1.0  # all texts are predicted again until so many seconds have gone by


@dataclass(frozen=True)
class Load:
    """The server scenario: arrivals a second, the bound on p99, seconds a rate, a seed.

    Each rate is tried; where there is a bound, the highest rate is searched as well, in
    shorter trials: it is the processes together that say how sure it is.
    """

    rates: Sequence[float]
    slo_ms: float | None
    seconds: float
    seed: int = 0


def warm(model: "Model", typical: Input, texts: Sequence[Input]) -> WarmUp:
    """Call with a typical text until that is steady; then meet other lengths, and batches."""
    found = warm_up(lambda: model.predict(typical))
    time_calls(model.predict, texts[:WARM_TEXTS], most_s=WARM_S)
    model.predict(list(texts[:WARM_TEXTS]))
    return found


def single_texts(model: "Model", trace: Trace, texts: Sequence[Input], most_s: float) -> Singles:
    """Each text alone, for at most ``most_s`` seconds."""
    trace.clear()
    runs = [0]

    def ask(text: Input) -> None:
        model.predict(text)
        runs.append(len(trace.batches))  # one in windows may take several

    times_ms = time_calls(ask, texts, most_s=most_s)
    tokens = [sum(map(sum, trace.batches[begin:end])) for begin, end in pairwise(runs)]
    return Singles(times_ms, tokens, trace.batches, trace.tokenize_s, trace.run_s, trace.decode_s)


def all_texts(
    model: "Model",
    trace: Trace,
    texts: Sequence[Input],
    meter: EnergyMeter,
    least_s: float = LEAST_S,
) -> Offline:
    """All texts in one call, again and again for ``least_s`` seconds."""
    trace.clear()
    meter.start()
    cpu_s, begin = time.process_time(), time.perf_counter()
    model.predict(list(texts))
    batches, padded_tokens, stages = list(trace.batches), trace.padded_tokens, dict(trace.stages)
    passes, seconds = 1, time.perf_counter() - begin
    while seconds < least_s:
        model.predict(list(texts))
        passes, seconds = passes + 1, time.perf_counter() - begin
    return Offline(
        texts=len(texts),
        tokens=sum(map(sum, batches)),
        padded_tokens=padded_tokens,
        passes=passes,
        seconds=seconds,
        cpu_s=time.process_time() - cpu_s,
        tokenize_s=trace.tokenize_s,
        wait_s=trace.wait_s,
        run_s=trace.run_s,
        decode_s=trace.decode_s,
        batches=batches,
        joules=meter.joules(seconds),
        energy_source=meter.source,
        stages=stages,
    )


def answers_to(model: "Model", inputs: Sequence[Input]) -> list[Any]:
    """What each input gets, thresholds and all, in the form in which the task compares answers."""
    from edgeft.runtime.runner import GROUP

    found: list[Any] = []
    for at in range(0, len(inputs), GROUP):
        some = inputs[at : at + GROUP]
        encoded, outputs = model.outputs(some)
        given = model.task.answer(outputs, encoded, some, model.labels, model.head).given
        found += given.tolist() if hasattr(given, "tolist") else list(given)
    return found


def arrivals(
    model: "Model", texts: Sequence[Input], load: Load, most: Callable[[], float]
) -> tuple[list[Trial], Trial | None]:
    """Trials of the given rates; and with a bound, that of the highest rate that keeps it.

    ``most`` gives a rate that cannot be kept up, in texts a second.
    """
    seeds = iter(range(load.seed << 16, (load.seed + 1) << 16))

    def trial(rate: float, seconds: float) -> Trial:
        return run_trial(
            model.apredict, texts, rate, seconds=seconds, slo_ms=load.slo_ms, seed=next(seeds)
        )

    trials = [trial(rate, load.seconds) for rate in load.rates]
    if load.slo_ms is None:
        return trials, None
    search_s = min(SEARCH_S, load.seconds)
    return trials, highest_rate(lambda rate: trial(rate, search_s), load.slo_ms, most=most())
