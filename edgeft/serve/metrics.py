"""What Prometheus is told: in seconds, bytes and totals, from the runtime's own observer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from edgeft import __version__
from edgeft.serve.admission import Admission
from edgeft.tasks.encoded import Part

__all__ = ["CONTENT_TYPE", "Metrics", "ModelMetrics", "ModelState"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STEP_SECONDS = (0.0001, 0.00025, 0.0005, *SECONDS[:12])
PARTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class ModelState:
    """What a scrape reads of a model: whether it is ready, what runs it, and what waits.

    waiting: inputs that are in no batch yet. inside: those admitted and not answered.
    """

    name: str
    ready: bool
    waiting: int
    inside: int
    runs: Mapping[str, str]


class Metrics:
    """All series of a server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"edgeft_{name}", help, labels, registry=self.registry)

        def histogram(name: str, help: str, buckets: Sequence[float], *labels: str) -> Histogram:
            name = f"edgeft_{name}"
            return Histogram(name, help, labels, buckets=buckets, registry=self.registry)

        self.requests = counter("requests", "Requests by route and status.", "route", "status")
        self.request_seconds = histogram(
            "request_seconds", "From a request's head to its answer.", SECONDS, "route"
        )
        self.errors = counter("request_errors", "Requests without an answer.", "reason")
        self.inputs = counter("inputs", "Inputs answered.", "model")
        self.truncated = counter("truncated_inputs", "Inputs of which the end was cut.", "model")
        self.abstained = counter("abstentions", "Inputs without a sure answer.", "model")
        self.unknown = histogram(
            "unknown_share", "Share of an input's tokens that the model does not know.", SHARES,
            "model",
        )  # fmt: skip
        self.stages = counter(
            "stage_inputs", "Inputs answered by a stage of a cascade.", "model", "stage"
        )
        self.predict_seconds = histogram(
            "predict_seconds", "From admission to the answer of a request, its wait included.",
            SECONDS, "model",
        )  # fmt: skip
        self.queue_seconds = histogram(
            "queue_seconds", "An input's wait for its batch, at each stage.", STEP_SECONDS, "model"
        )
        self.step_seconds = histogram(
            "step_seconds", "A step for one batch: tokenize, run, decode.", STEP_SECONDS,
            "model", "step",
        )  # fmt: skip
        self.batch_parts = histogram("batch_parts", "Texts or windows in a batch.", PARTS, "model")
        self.tokens = counter("tokens", "Tokens run, without padding.", "model")
        self.padding = counter("padding_tokens", "Tokens run that were padding.", "model")
        self.checks = counter("checks", "Inferences that test a model.", "model", "result")
        self.restarts = counter("restarts", "Engines started anew.", "model")
        self.reloads = counter("reloads", "Bundles loaded anew.", "model", "result")

    def watch(
        self,
        admission: Admission,
        states: "Callable[[], Iterable[ModelState]]",
        dropped: Callable[[], int],
    ) -> None:
        """Read at each scrape what is inside now, rather than note every change."""
        self.registry.register(_Now(admission, states, dropped))

    def text(self) -> bytes:
        """All series, in Prometheus' text format."""
        return generate_latest(self.registry)


class ModelMetrics:
    """An Observer that notes a model's steps under its name. ``runs`` counts its batches."""

    def __init__(self, metrics: Metrics, model: str) -> None:
        self.runs = 0
        self._tokenize = metrics.step_seconds.labels(model, "tokenize")
        self._run = metrics.step_seconds.labels(model, "run")
        self._decode = metrics.step_seconds.labels(model, "decode")
        self._queued = metrics.queue_seconds.labels(model)
        self._parts = metrics.batch_parts.labels(model)
        self._tokens, self._padding = metrics.tokens.labels(model), metrics.padding.labels(model)
        self._stage: Callable[[str], Any] = lambda stage: metrics.stages.labels(model, stage)
        self._inputs, self._truncated = (
            metrics.inputs.labels(model),
            metrics.truncated.labels(model),
        )
        self._abstained, self._unknown = (
            metrics.abstained.labels(model),
            metrics.unknown.labels(model),
        )
        self.seconds = metrics.predict_seconds.labels(model)

    def tokenized(self, seconds: float, inputs: int) -> None:
        """Inputs became parts."""
        self._tokenize.observe(seconds)

    def waited(self, seconds: float) -> None:
        """Only calls of lists wait, and a server makes none."""

    def queued(self, seconds: float) -> None:
        """An input waited for its batch."""
        self._queued.observe(seconds)

    def ran(self, seconds: float, parts: Sequence[Part], padded_tokens: int) -> None:
        """A batch was run."""
        self.runs += 1
        self._run.observe(seconds)
        self._parts.observe(len(parts))
        tokens = sum(len(part.ids) for part in parts)
        self._tokens.inc(tokens)
        self._padding.inc(max(0, padded_tokens - tokens))

    def decoded(self, seconds: float, inputs: int) -> None:
        """Outputs became predictions."""
        self._decode.observe(seconds)

    def answered(self, stage: str, inputs: int) -> None:
        """Inputs were left to one stage of a cascade."""
        self._stage(stage).inc(inputs)

    def predicted(self, predictions: Iterable[Any]) -> None:
        """A request's predictions, whatever their task."""
        for one in predictions:
            self._inputs.inc()
            self._unknown.observe(getattr(one, "unknown_share", 0.0))
            if getattr(one, "truncated", False):
                self._truncated.inc()
            if getattr(one, "abstained", False):
                self._abstained.inc()


class _Now(Collector):
    """Gauges of what is at the moment of a scrape."""

    def __init__(
        self,
        admission: Admission,
        states: Callable[[], Iterable[ModelState]],
        dropped: Callable[[], int],
    ) -> None:
        self._admission, self._states, self._dropped = admission, states, dropped

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: what is loaded may not be known yet."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges."""
        version = GaugeMetricFamily("edgeft_info", "The server's version.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        for name in ("requests", "inputs", "characters", "bytes"):
            yield GaugeMetricFamily(
                f"edgeft_admitted_{name}",
                f"{name.capitalize()} being read or answered.",
                value=getattr(self._admission.inside, name),
            )
            yield GaugeMetricFamily(
                f"edgeft_admitted_{name}_limit",
                f"{name.capitalize()} at a time, at most.",
                value=getattr(self._admission.most, name),
            )
        yield CounterMetricFamily(
            "edgeft_log_lines_dropped", "Lines that the log could not take.", value=self._dropped()
        )
        ready = GaugeMetricFamily("edgeft_model_ready", "1 where it answers.", labels=["model"])
        waiting = GaugeMetricFamily(
            "edgeft_queue_inputs", "Inputs that are in no batch yet.", labels=["model"]
        )
        inside = GaugeMetricFamily(
            "edgeft_model_inputs", "Inputs admitted and not answered.", labels=["model"]
        )
        names = ["model", "task", "variant", "device", "provider", "digest"]
        info = GaugeMetricFamily("edgeft_model_info", "What runs.", labels=names)
        for one in self._states():
            ready.add_metric([one.name], float(one.ready))
            waiting.add_metric([one.name], one.waiting)
            inside.add_metric([one.name], one.inside)
            if one.runs:
                info.add_metric([one.name, *(one.runs[name] for name in names[1:])], 1)
        yield from (ready, waiting, inside, info)
