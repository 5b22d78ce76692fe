"""From parts of token ids to named outputs: padding, and how arrays reach the device."""

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
from edgeft.tasks.encoded import Part
from edgeft.tasks.outputs import Array, Axes

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["BoundEngine", "CheckedEngine", "Ends", "Engine", "PlainEngine", "pad"]

Feed = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Ends:
    """What the graph takes and gives.

    inputs: their names. fill: what stands behind a part's end in each; 0 where nothing is said.
    outputs: those that the task wants, with their axes; with none the graph is run all the same.
    """

    inputs: tuple[str, ...]
    fill: Mapping[str, int]
    outputs: Mapping[str, Axes]


class Engine(Protocol):
    """Runs parts; safe to use from many threads."""

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The outputs of B parts by name: each (B, …), an axis along tokens padded. RunError."""
        ...

    def padded_length(self, longest: int) -> int:
        """The tokens to which the parts of a batch are padded, given those of the longest."""
        ...


def pad(parts: Sequence[Part], ends: Ends, length: int = 0) -> Feed:
    """The graph's inputs for B parts, each (B, T) int64, T the longest part or ``length``."""
    length = max(length, max(len(part.ids) for part in parts))
    feed = {
        name: np.full((len(parts), length), ends.fill.get(name, 0), np.int64)
        for name in ends.inputs
    }
    ids = feed["input_ids"]
    mask, types = feed.get("attention_mask"), feed.get("token_type_ids")
    for at, part in enumerate(parts):
        size = len(part.ids)
        ids[at, :size] = part.ids
        if mask is not None:
            mask[at, :size] = 1
        if types is not None:
            types[at, :size] = part.types or 0
    return feed


class PlainEngine:
    """Hands numpy arrays to the session: right for the CPU, where nothing has to be copied."""

    def __init__(self, session: "onnxruntime.InferenceSession", ends: Ends) -> None:
        self._session = session
        self._ends = ends
        self._names = list(ends.outputs) or None  # None: all of the graph's

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The outputs of B parts by name, as the graph gives them. Raises RunError."""
        feed = pad(parts, self._ends)
        try:
            found = self._session.run(self._names, feed)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise _failed(feed, error) from error
        return dict(zip(self._ends.outputs, found, strict=False))

    def padded_length(self, longest: int) -> int:
        """The longest part's own length."""
        return longest


class BoundEngine:
    """Binds inputs and outputs to buffers on the device (onnxruntime, "I/O Binding").

    Lengths are rounded up to few buckets, which ``attention_mask`` hides. With
    ``graphs`` a single part runs in buffers that stay where they are, one set
    for each bucket, so that CUDA can record its kernels once and replay them
    (onnxruntime, CUDA execution provider, "Using CUDA Graphs"); the number of
    recordings is that of the buckets. Batches are never recorded.
    """

    def __init__(
        self,
        session: "onnxruntime.InferenceSession",
        ends: Ends,
        *,
        device: tuple[str, int],
        max_length: int,
        graphs: bool = False,
    ) -> None:
        self._ort = import_onnxruntime()
        self._session = session
        self._ends = ends
        self._device = device  # ("cuda", 0)
        self._most = max_length
        self._graphs = graphs
        self._outputs = list(ends.outputs) or [one.name for one in session.get_outputs()]
        self._recorded: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._lock = Lock()  # a session that records serves one call at a time

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The outputs of B parts by name, as the graph gives them. Raises RunError."""
        length = self.padded_length(max(len(part.ids) for part in parts))
        feed = pad(parts, self._ends, length)
        try:
            if not self._graphs:
                found = self._once(feed)
            else:
                with self._lock:
                    found = self._replay(feed, length) if len(parts) == 1 else self._once(feed)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise _failed(feed, error) from error
        return {name: found[name] for name in self._ends.outputs}

    def padded_length(self, longest: int) -> int:
        """The longest part's length, rounded up to its bucket."""
        return bucket_length(longest, self._most)

    def _once(self, feed: Feed) -> dict[str, Array]:
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        for name in self._outputs:
            binding.bind_output(name, *self._device)
        self._session.run_with_iobinding(binding, self._options("-1"))
        return dict(zip(self._outputs, binding.copy_outputs_to_cpu(), strict=True))

    def _replay(self, feed: Feed, length: int) -> dict[str, Array]:
        if length not in self._recorded:
            self._recorded[length] = self._bind(feed)
        binding, buffers = self._recorded[length]
        for name, array in feed.items():
            buffers[name].update_inplace(array)
        self._session.run_with_iobinding(binding, self._options(str(length)))
        return {name: buffers[name].numpy().copy() for name in self._outputs}

    def _bind(self, feed: Feed) -> tuple[Any, dict[str, Any]]:
        """Fixed buffers on the device for one shape; the outputs' are found by a first run."""
        binding = self._session.io_binding()
        buffers = {
            name: self._ort.OrtValue.ortvalue_from_numpy(array, *self._device)
            for name, array in (*feed.items(), *self._once(feed).items())
        }
        for name in feed:
            binding.bind_ortvalue_input(name, buffers[name])
        for name in self._outputs:
            binding.bind_ortvalue_output(name, buffers[name])
        return binding, buffers

    def _options(self, graph: str) -> Any:
        """Run options that name the recording; "-1" records nothing."""
        if not self._graphs:
            return None
        options = self._ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", graph)
        return options


class CheckedEngine:
    """Another engine, held to what its task wants: float32, each axis of the size it stands for.

    The axis "inputs" has a place for each part, "tokens" for each token of the padded batch,
    "labels" for each of the model's labels, "dimensions" for each number of a vector, "one" a
    single one.
    """

    def __init__(
        self, inner: Engine, outputs: Mapping[str, Axes], labels: int, dimensions: int = 0
    ) -> None:
        self.inner = inner
        self._outputs = outputs
        self._labels, self._dimensions = labels, dimensions
        self._by_token = any("tokens" in axes for axes in outputs.values())

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The float32 outputs of B parts by name. Raises RunError."""
        with native_call():
            found = self.inner.run(parts)
        sizes = {"inputs": len(parts), "labels": self._labels, "one": 1}
        sizes["dimensions"] = self._dimensions
        if self._by_token:
            sizes["tokens"] = self.padded_length(max(len(part.ids) for part in parts))
        for name, axes in self._outputs.items():
            output = found[name]
            wanted = tuple(sizes[axis] for axis in axes)
            if output.shape != wanted:
                raise RunError(
                    f"The graph gave {name} of shape {output.shape} for {len(parts)} texts and "
                    f"{self._labels} labels: {wanted} was to come.",
                    hint="Export the model again with: edgeft export",
                )
            if output.dtype != np.float32:
                found[name] = output.astype(np.float32)
        return found

    def padded_length(self, longest: int) -> int:
        """That of the other engine."""
        return self.inner.padded_length(longest)


def _failed(feed: Feed, error: Exception) -> RunError:
    texts, tokens = feed["input_ids"].shape
    return RunError(
        f"onnxruntime failed on a batch of {texts} texts of {tokens} tokens: {error}",
        hint="Where memory ran out, free some; else see: edgeft doctor",
    )
