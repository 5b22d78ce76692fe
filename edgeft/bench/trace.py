"""Where a model's time goes: timers around the steps of its prediction."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from edgeft.runtime import model as runtime
from edgeft.runtime.ahead import one_ahead
from edgeft.runtime.engine import CheckedEngine, Engine, Rows
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import Encoded

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = ["Trace", "trace_model"]


def _nothing() -> None:
    pass


class Trace:
    """Seconds and batches since ``clear``.

    tokenize_s: of the thread that cleared, which is kept waiting by it; what another
    thread tokenizes meanwhile costs it nothing. wait_s: of waiting for that other
    thread. run_s: in the engine, padding included. decode_s: from logits to
    predictions. batches: the true lengths of the texts of each run.
    padded_tokens: what those runs computed. ``on_run`` is called after each run.
    """

    def __init__(self, on_run: Callable[[], None] = _nothing) -> None:
        self._on_run = on_run
        self.clear()

    def clear(self) -> None:
        """Forget all, and count from here."""
        self.tokenize_s = self.wait_s = self.run_s = self.decode_s = 0.0
        self.batches: list[list[int]] = []
        self.padded_tokens = 0
        self._own = threading.get_ident()

    def tokenized(self, seconds: float) -> None:
        """Count a call of the tokenizer."""
        if threading.get_ident() == self._own:
            self.tokenize_s += seconds

    def ran(self, seconds: float, rows: Rows, padded_tokens: int) -> None:
        """Count a run."""
        self.run_s += seconds
        self.batches.append([len(row) for row in rows])
        self.padded_tokens += padded_tokens
        self._on_run()


def trace_model(model: "Model", on_run: Callable[[], None] = _nothing) -> Trace:
    """Time a model's steps from now on, at some microseconds a call.

    Only for a process that does nothing else: the runtime has no hooks for this and
    stays quick without them, so its own functions are replaced.
    """
    trace = Trace(on_run)
    engine = model._engine
    assert engine is not None
    if isinstance(engine, CheckedEngine):  # a foreign graph may give something else than scores
        engine = engine.inner
    model._encoder = cast(TextEncoder, _TracedEncoder(model._encoder, trace))
    model._engine = _TracedEngine(engine, trace, len(model.labels))
    model.task = replace(model.task, decode=_timed(model.task.decode, trace))
    vars(runtime).update(one_ahead=_timed_windows(one_ahead, trace))
    return trace


def _timed(decode: Callable[..., Any], trace: Trace) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        begin = time.perf_counter()
        found = decode(*arguments)
        trace.decode_s += time.perf_counter() - begin
        return found

    return timed


def _timed_windows(ahead: Callable[..., Iterator[Any]], trace: Trace) -> Callable[..., Any]:
    """Count what the caller waits for the next window, but for what it tokenizes itself."""

    def timed(*arguments: Any) -> Iterator[Any]:
        windows = ahead(*arguments)
        while True:
            begin, tokenized_s = time.perf_counter(), trace.tokenize_s
            try:
                window = next(windows)
            except StopIteration:
                return
            own_s = trace.tokenize_s - tokenized_s
            trace.wait_s += max(0.0, time.perf_counter() - begin - own_s)
            yield window

    return timed


class _TracedEncoder:
    def __init__(self, inner: TextEncoder, trace: Trace) -> None:
        self._inner, self._trace = inner, trace

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        begin = time.perf_counter()
        encoded = self._inner.encode(texts)
        self._trace.tokenized(time.perf_counter() - begin)
        return encoded

    def encode_one(self, text: str) -> Encoded:
        begin = time.perf_counter()
        encoded = self._inner.encode_one(text)
        self._trace.tokenized(time.perf_counter() - begin)
        return encoded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _TracedEngine:
    def __init__(self, inner: Engine, trace: Trace, width: int) -> None:
        self._inner, self._trace, self._width = inner, trace, width

    def run(self, rows: Rows) -> NDArray[np.float32]:
        begin = time.perf_counter()
        logits = self._inner.run(rows)
        seconds = time.perf_counter() - begin
        self._trace.ran(seconds, rows, len(rows) * self.padded_length(max(map(len, rows))))
        return logits if logits.ndim == 2 and logits.shape[1] == self._width else self._mean(logits)

    def padded_length(self, longest: int) -> int:
        return self._inner.padded_length(longest)

    def _mean(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """One row of ``width`` values a text, of a model that gives something else."""
        if output.ndim == 2:  # (B, T), such as where an answer starts
            output = output[:, :, None]
        mean: NDArray[np.float32] = output.mean(axis=tuple(range(1, output.ndim - 1)))  # (B, C)
        return mean
