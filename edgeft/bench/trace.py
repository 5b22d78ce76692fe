"""Where a model's time goes: wrappers around its tokenizer and its engine."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from edgeft.runtime.engine import Engine, Rows
from edgeft.runtime.tokenize import Encoded, TextEncoder

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = ["Trace", "trace_model"]


class Trace:
    """Seconds and batches since ``clear``.

    tokenize_s: of any thread. own_tokenize_s: of the thread that cleared, which is
    kept waiting by it. run_s: in the engine, padding included. batches: the true
    lengths of the texts of each run.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all, and count from here."""
        self.tokenize_s = self.own_tokenize_s = self.run_s = 0.0
        self.batches: list[list[int]] = []
        self._own = threading.get_ident()

    def tokenized(self, seconds: float) -> None:
        """Count a call of the tokenizer."""
        self.tokenize_s += seconds
        if threading.get_ident() == self._own:
            self.own_tokenize_s += seconds

    def ran(self, seconds: float, rows: Rows) -> None:
        """Count a run."""
        self.run_s += seconds
        self.batches.append([len(row) for row in rows])


def trace_model(model: "Model") -> Trace:
    """Have a model's tokenizer and engine timed from now on; some microseconds a call."""
    trace = Trace()
    assert model._engine is not None
    # The runtime has no use for such hooks, and stays without them.
    model._encoder = cast(TextEncoder, _TracedEncoder(model._encoder, trace))
    model._engine = _TracedEngine(model._engine, trace, len(model.labels))
    return trace


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
        self._trace.ran(time.perf_counter() - begin, rows)
        return logits if logits.ndim == 2 and logits.shape[1] == self._width else self._mean(logits)

    def _mean(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """One row of ``width`` values a text, of a model that gives something else."""
        if output.ndim == 2:  # (B, T), such as where an answer starts
            output = output[:, :, None]
        mean: NDArray[np.float32] = output.mean(axis=tuple(range(1, output.ndim - 1)))  # (B, C)
        return mean
