"""From rows of token ids to logits: padding, and how arrays reach the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import RunError
from edgeft.runtime.batching import bucket_length
from edgeft.runtime.native import native_call
from edgeft.runtime.providers import import_onnxruntime

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["BoundEngine", "CheckedEngine", "Engine", "Inputs", "PlainEngine", "pad"]

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Inputs:
    """What the graph takes: the names of its inputs, and what fills each behind a text's end."""

    names: tuple[str, ...]
    fill: Mapping[str, int]


class Engine(Protocol):
    """Runs rows of token ids; safe to use from many threads."""

    def run(self, rows: Rows) -> NDArray[np.float32]:
        """The (B, C) float32 logits of B rows of ids. Raises RunError."""
        ...

    def padded_length(self, longest: int) -> int:
        """The tokens to which the rows of a batch are padded, given those of the longest."""
        ...


def pad(rows: Rows, inputs: Inputs, length: int = 0) -> dict[str, NDArray[np.int64]]:
    """The graph's inputs for B rows, each (B, T) int64, T being the longest row or ``length``."""
    length = max(length, max(map(len, rows)))
    feed = {
        name: np.full((len(rows), length), inputs.fill.get(name, 0), np.int64)
        for name in inputs.names
    }
    for at, ids in enumerate(rows):
        feed["input_ids"][at, : len(ids)] = ids
        if "attention_mask" in feed:
            feed["attention_mask"][at, : len(ids)] = 1
        if "token_type_ids" in feed:
            feed["token_type_ids"][at, : len(ids)] = 0
    return feed


class PlainEngine:
    """Hands numpy arrays to the session: right for the CPU, where nothing has to be copied."""

    def __init__(self, session: "onnxruntime.InferenceSession", inputs: Inputs) -> None:
        self._session = session
        self._inputs = inputs

    def run(self, rows: Rows) -> NDArray[np.float32]:
        """The (B, C) float32 logits of B rows of ids. Raises RunError."""
        feed = pad(rows, self._inputs)
        try:
            logits: NDArray[np.float32] = self._session.run(None, feed)[0]
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise _failed(feed, error) from error
        return logits

    def padded_length(self, longest: int) -> int:
        """The longest row's own length."""
        return longest


class BoundEngine:
    """Binds inputs and outputs to buffers on the device (onnxruntime, "I/O Binding").

    Lengths are rounded up to few buckets, which ``attention_mask`` hides. With
    ``graphs`` a single row runs in buffers that stay where they are, one set
    for each bucket, so that CUDA can record its kernels once and replay them
    (onnxruntime, CUDA execution provider, "Using CUDA Graphs"); the number of
    recordings is that of the buckets. Batches are never recorded.
    """

    def __init__(
        self,
        session: "onnxruntime.InferenceSession",
        inputs: Inputs,
        *,
        device: tuple[str, int],
        max_length: int,
        graphs: bool = False,
    ) -> None:
        self._ort = import_onnxruntime()
        self._session = session
        self._inputs = inputs
        self._device = device  # ("cuda", 0)
        self._most = max_length
        self._graphs = graphs
        self._output = session.get_outputs()[0].name
        self._recorded: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._lock = Lock()  # a session that records serves one call at a time

    def run(self, rows: Rows) -> NDArray[np.float32]:
        """The (B, C) float32 logits of B rows of ids. Raises RunError."""
        length = self.padded_length(max(map(len, rows)))
        feed = pad(rows, self._inputs, length)
        try:
            if not self._graphs:
                return self._once(feed)
            with self._lock:
                return self._replay(feed, length) if len(rows) == 1 else self._once(feed)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise _failed(feed, error) from error

    def padded_length(self, longest: int) -> int:
        """The longest row's length, rounded up to its bucket."""
        return bucket_length(longest, self._most)

    def _once(self, feed: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        binding.bind_output(self._output, *self._device)
        self._session.run_with_iobinding(binding, self._options("-1"))
        logits: NDArray[np.float32] = binding.copy_outputs_to_cpu()[0]
        return logits

    def _replay(self, feed: Mapping[str, NDArray[np.int64]], length: int) -> NDArray[np.float32]:
        if length not in self._recorded:
            self._recorded[length] = self._bind(feed)
        binding, buffers = self._recorded[length]
        for name, array in feed.items():
            buffers[name].update_inplace(array)
        self._session.run_with_iobinding(binding, self._options(str(length)))
        logits: NDArray[np.float32] = buffers[self._output].numpy().copy()
        return logits

    def _bind(self, feed: Mapping[str, NDArray[np.int64]]) -> tuple[Any, dict[str, Any]]:
        """Fixed buffers on the device for one shape; the output's is found by a first run."""
        value, binding = self._ort.OrtValue, self._session.io_binding()
        buffers = {
            name: value.ortvalue_from_numpy(array, *self._device) for name, array in feed.items()
        }
        buffers[self._output] = value.ortvalue_from_numpy(self._once(feed), *self._device)
        for name in feed:
            binding.bind_ortvalue_input(name, buffers[name])
        binding.bind_ortvalue_output(self._output, buffers[self._output])
        return binding, buffers

    def _options(self, graph: str) -> Any:
        """Run options that name the recording; "-1" records nothing."""
        if not self._graphs:
            return None
        options = self._ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", graph)
        return options


class CheckedEngine:
    """Another engine, held to (B, C) float32 for B rows, whatever its graph gives."""

    def __init__(self, inner: Engine, columns: int) -> None:
        self.inner = inner
        self._columns = columns

    def run(self, rows: Rows) -> NDArray[np.float32]:
        """The (B, C) float32 logits of B rows of ids. Raises RunError."""
        with native_call():
            logits = self.inner.run(rows)
        if logits.shape != (len(rows), self._columns):
            raise RunError(
                f"The graph gave values of shape {logits.shape} for {len(rows)} texts and "
                f"{self._columns} labels.",
                hint="Export the model again with: edgeft export",
            )
        return logits.astype(np.float32, copy=False)

    def padded_length(self, longest: int) -> int:
        """That of the other engine."""
        return self.inner.padded_length(longest)


def _failed(feed: Mapping[str, NDArray[np.int64]], error: Exception) -> RunError:
    texts, tokens = feed["input_ids"].shape
    return RunError(
        f"onnxruntime failed on a batch of {texts} texts of {tokens} tokens: {error}",
        hint="Where memory ran out, free some; else see: edgeft doctor",
    )
