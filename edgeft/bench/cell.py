"""A cell of the matrix, what one process measured of it, and all its processes together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from edgeft.bench.server import Trial
from edgeft.bench.statistics import Interval, percentile, percentiles, spread
from edgeft.tasks.task import Task

__all__ = [
    "BUCKETS",
    "PERCENTILES",
    "Bucket",
    "Cell",
    "Measured",
    "Offline",
    "Run",
    "Singles",
    "agreement",
    "summarize",
]

PERCENTILES = {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99, "p99_9_ms": 99.9}
BUCKETS = (16, 32, 64, 128, 256, 512)  # tokens: single texts are told apart by length


@dataclass(frozen=True)
class Cell:
    """What is measured.

    threads: CPU threads; None for all usable cores. batch_tokens: padded tokens in
    a batch; None for what suits the device. length: every text has so many tokens;
    None for texts as they are.
    """

    device: str
    variant: str
    threads: int | None = None
    batch_tokens: int | None = None
    length: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.variant} on {self.device}"]
        if self.threads is not None:
            parts.append(f"{self.threads} thread{'s' * (self.threads > 1)}")
        if self.batch_tokens is not None:
            parts.append(f"batches of {self.batch_tokens} tokens")
        if self.length is not None:
            parts.append(f"{self.length} tokens each")
        return ", ".join(parts)


@dataclass(frozen=True)
class Singles:
    """Texts one by one (MLPerf's single-stream), tokenization included.

    ``times_ms[i]`` and ``tokens[i]`` belong together; the sums are of all of them. A text in
    windows counts the tokens of all. batches: the true lengths of the parts of each run, in
    order; one text may take several.
    """

    times_ms: Sequence[float]
    tokens: Sequence[int]
    batches: Sequence[Sequence[int]]
    tokenize_s: float
    run_s: float
    decode_s: float


@dataclass(frozen=True)
class Offline:
    """All texts in one call, ``passes`` times over (MLPerf's offline).

    The parts are those of ``trace.Trace``. batches: the true lengths of the parts of
    each run of the first pass, ``tokens`` together; padded_tokens: what that pass
    computed. joules: None where no gauge can be read. stages: how many different texts each stage
    of a cascade answered in that pass.
    """

    texts: int
    tokens: int
    padded_tokens: int
    passes: int
    seconds: float
    cpu_s: float
    tokenize_s: float
    wait_s: float
    run_s: float
    decode_s: float
    batches: Sequence[Sequence[int]]
    joules: float | None
    energy_source: str
    stages: Mapping[str, int] = field(default_factory=dict)

    @property
    def texts_per_s(self) -> float:
        """Texts a second."""
        return self.texts * self.passes / self.seconds


@dataclass(frozen=True)
class Run:
    """What one process measured; a scenario that was not asked for is None or empty.

    load_ms: ``edgeft.load`` with the files' sha256 checked, packages imported.
    first_ms: from the start of the process to its first prediction (cold start).
    highest_rate: texts a second of ``highest``, 0 where no rate that was tried kept
        the bound, None where none was sought. answers: what each text got, in the form in
    which the task compares answers; empty where none were asked for.
    """

    device: str
    threads: int
    load_ms: float
    first_ms: float
    warmup_calls: int
    steady: bool
    singles: Singles | None
    offline: Offline | None
    trials: Sequence[Trial]
    highest: Trial | None
    highest_rate: float | None
    peak_rss_bytes: int | None
    answers: Sequence[Any]


@dataclass(frozen=True)
class Bucket:
    """Single texts of more tokens than the bucket before has, and at most ``tokens``."""

    tokens: int
    samples: int
    p50_ms: float


@dataclass(frozen=True)
class Measured:
    """A cell's figures: medians of its processes with their intervals.

    Percentiles are those of all single texts of all processes, None where there
    are too few to tell (``statistics.samples_needed``); ``single_p50_ms`` and
    ``single_p99_ms`` are each process's own. ``stages`` is the share of the texts that each stage
    of a cascade answered, 0 to 1. ``runs`` hold all that was measured.
    """

    threads: int
    steady: bool
    warmup_calls: int
    load_ms: Interval
    first_ms: Interval
    peak_rss_bytes: Interval | None
    answers: tuple[Any, ...]
    percentiles: Mapping[str, float | None]
    quantiles_ms: tuple[float, ...]
    samples: int
    single_p50_ms: Interval | None
    single_p99_ms: Interval | None
    buckets: tuple[Bucket, ...]
    texts_per_s: Interval | None
    tokens_per_s: Interval | None
    cpu_s_per_1000: Interval | None
    joules_per_1000: Interval | None
    energy_source: str
    padding: float | None
    highest_rate: Interval | None
    trials: tuple[Mapping[str, Any], ...]
    single_split: Mapping[str, float]
    offline_split: Mapping[str, float]
    stages: Mapping[str, float]
    runs: tuple[Run, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of all but the answers and the single runs."""
        left_out = {"answers", "runs", "percentiles", "buckets"}
        rest = {
            name: value.to_dict() if isinstance(value, Interval) else value
            for name, value in vars(self).items()
            if name not in left_out
        }
        return {
            **rest,
            **self.percentiles,
            "buckets": [asdict(one) for one in self.buckets],
            "trials": list(self.trials),
        }


def summarize(runs: Sequence[Run]) -> Measured:
    """Put the processes of one cell together; at least one is needed."""
    singles = [run.singles for run in runs if run.singles is not None]
    offline = [run.offline for run in runs if run.offline is not None]
    times_ms = [one for some in singles for one in some.times_ms]
    metered = [one for one in offline if one.joules is not None]
    p99_ms = [percentile(some.times_ms, 99) for some in singles]
    return Measured(
        threads=runs[0].threads,
        steady=all(run.steady for run in runs),
        warmup_calls=sum(run.warmup_calls for run in runs),
        load_ms=spread([run.load_ms for run in runs]),
        first_ms=spread([run.first_ms for run in runs]),
        peak_rss_bytes=_spread([run.peak_rss_bytes for run in runs]),
        answers=tuple(runs[0].answers),
        percentiles={name: percentile(times_ms, share) for name, share in PERCENTILES.items()},
        quantiles_ms=tuple(percentiles(times_ms, range(1, 101))) if times_ms else (),
        samples=len(times_ms),
        single_p50_ms=_spread([percentiles(some.times_ms, [50])[0] for some in singles]),
        single_p99_ms=_spread(p99_ms),
        buckets=tuple(_buckets(singles)),
        texts_per_s=_spread([one.texts_per_s for one in offline]),
        tokens_per_s=_spread([one.tokens * one.passes / one.seconds for one in offline]),
        cpu_s_per_1000=_spread([1e3 * one.cpu_s / (one.texts * one.passes) for one in offline]),
        joules_per_1000=_spread(
            [1e3 * (one.joules or 0.0) / (one.texts * one.passes) for one in metered]
        ),
        energy_source=metered[0].energy_source if metered else "",
        padding=1 - offline[0].tokens / offline[0].padded_tokens if offline else None,
        highest_rate=_spread([run.highest_rate for run in runs]),
        trials=tuple(_trials(runs)),
        single_split=_shares([_single_split(one) for one in singles]),
        offline_split=_shares([_offline_split(one) for one in offline]),
        stages=_stages(offline[0].stages) if offline else {},
        runs=tuple(runs),
    )


def agreement(task: Task, answers: Sequence[Any], reference: Sequence[Any]) -> float:
    """How far answers agree with the reference's, 0 to 1: the mean of what ``task.same`` says."""
    return float(task.same(answers, reference).mean())


def _spread(values: Sequence[float | None]) -> Interval | None:
    told = [one for one in values if one is not None]
    return spread(told) if told and len(told) == len(values) else None


def _buckets(singles: Sequence[Singles]) -> list[Bucket]:
    found: dict[int, list[float]] = {}
    for some in singles:
        for time_ms, tokens in zip(some.times_ms, some.tokens, strict=True):
            bucket = next((most for most in BUCKETS if tokens <= most), tokens)
            found.setdefault(bucket, []).append(time_ms)
    return [Bucket(most, len(times), median(times)) for most, times in sorted(found.items())]


def _trials(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The trials of each given rate, and those of the highest, in medians of the processes."""
    groups = [list(same) for same in zip(*(run.trials for run in runs), strict=True)]
    if highest := [run.highest for run in runs if run.highest is not None]:
        groups.append(highest)
    return [_together(group) for group in groups]


def _together(trials: Sequence[Trial]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "arrivals": sum(one.arrivals for one in trials),
        "refused": sum(one.refused for one in trials),
    }
    for name in ("rate_texts_per_s", "goodput_texts_per_s", "p50_ms", "p99_ms"):
        told = [value for one in trials if (value := getattr(one, name)) is not None]
        row[name] = median(told) if told else None
    return row


def _stages(answered: Mapping[str, int]) -> dict[str, float]:
    whole = sum(answered.values())
    return {name: count / whole for name, count in answered.items()}


def _single_split(one: Singles) -> dict[str, float]:
    parts = {"tokenize": one.tokenize_s, "run": one.run_s, "decode": one.decode_s}
    return _split(parts, sum(one.times_ms) / 1e3)


def _offline_split(one: Offline) -> dict[str, float]:
    parts = {"tokenize": one.tokenize_s, "wait": one.wait_s, "run": one.run_s,
             "decode": one.decode_s}  # fmt: skip
    return _split(parts, one.seconds)


def _split(parts: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Shares of the calling thread's time; "other" is what no timer saw, such as planning."""
    shares = {name: part / seconds for name, part in parts.items()}
    return {**shares, "other": 1 - sum(shares.values())}


def _shares(splits: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in splits) for name in (splits[0] if splits else ())}
