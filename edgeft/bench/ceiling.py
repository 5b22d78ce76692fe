"""What this machine can do at best: matrix multiplication and memory, measured.

Both are measured through onnxruntime, on the device, with the threads and in the
precision that the model uses: a library that is quicker would be another limit
than the one that the model can reach.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeft.runtime.providers import import_onnxruntime, resolve_device
from edgeft.runtime.session import (
    SessionOptions,
    check_placement,
    provider_options,
    session_options,
)

__all__ = ["Ceiling", "arithmetic_of", "element_bytes", "measure_ceiling"]

SIDE = 1024  # of the square matrices: large enough to be bound by arithmetic
LARGEST_SIDE = 8192
REPEATS = 30
MOST_S = 1.0  # of repeats
LEAST_BYTES = 3 << 20  # of memory that is streamed; less is only the cost of a call
LEAST_GPU_BYTES = 1 << 30

# ONNX's numbers of element types.
_FLOAT, _UINT8, _INT8, _INT32, _FLOAT16 = 1, 2, 3, 6, 10
_NUMPY = {_FLOAT: np.float32, _UINT8: np.uint8, _INT8: np.int8, _INT32: np.int32,
          _FLOAT16: np.float16}  # fmt: skip


@dataclass(frozen=True)
class Ceiling:
    """The best of several trials.

    ``operations_per_s``: multiplications and additions in a product of matrices
    of 1,024 x 1,024, on other devices than CPUs also of larger ones.
    ``bytes_per_s``: bytes read and written while two vectors are added (as STREAM
    counts: McCalpin 1995), which together with their sum are as large as the model's
    matrices, so that what fits a CPU's cache is measured there.
    """

    operations_per_s: float
    bytes_per_s: float


def element_bytes(precision: str) -> float:
    """The bytes of a weight in a variant's precision."""
    return {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "int4": 0.5}.get(precision, 4.0)


def arithmetic_of(precision: str) -> str:
    """In which precision a variant multiplies: 4-bit weights are multiplied as floats."""
    return precision if precision in ("fp16", "int8") else "fp32"


def measure_ceiling(device: str, threads: int, precision: str, weights: int) -> Ceiling:
    """Measure both limits, in some seconds.

    ``weights`` is the number of the model's matrix elements. Raises DeviceError,
    also where the device has no kernel for such a product.
    """
    on_cpu = device == "cpu" or device.startswith("openvino:CPU")
    stage = _Stage(device, threads)
    side, rate = SIDE, stage.product(SIDE, precision)
    # A GPU is through with small matrices before it has begun.
    while not on_cpu and side < LARGEST_SIDE:
        side *= 2
        rate = max(rate, stage.product(side, precision))
    least = LEAST_BYTES if on_cpu else LEAST_GPU_BYTES
    streamed = max(weights * element_bytes(precision), least)
    return Ceiling(rate, stage.stream(int(streamed / 3 / 4)))


class _Stage:
    """A device on which graphs of one node are run."""

    def __init__(self, device: str, threads: int) -> None:
        self._ort = import_onnxruntime()
        self._place = resolve_device(device)
        self._options = SessionOptions(threads=threads, spin=True)

    def product(self, side: int, precision: str) -> float:
        """Operations a second in a product of two square matrices."""
        left, right, out, operator = {
            "fp16": (_FLOAT16, _FLOAT16, _FLOAT16, "MatMul"),
            "int8": (_UINT8, _INT8, _INT32, "MatMulInteger"),
        }.get(precision, (_FLOAT, _FLOAT, _FLOAT, "MatMul"))
        square = [side, side]
        graph = _graph(operator, {"x": (left, square)}, (out, square), constant=(right, side))
        return (
            2.0 * side**3 / self._best_s(graph, {"x": np.ones(square, _NUMPY[left])}, out, square)
        )

    def stream(self, count: int) -> float:
        """Bytes a second while two vectors of ``count`` floats are added."""
        shape = [count]
        graph = _graph("Add", {"x": (_FLOAT, shape), "y": (_FLOAT, shape)}, (_FLOAT, shape))
        vector = np.ones(count, np.float32)
        return 3.0 * 4 * count / self._best_s(graph, {"x": vector, "y": vector}, _FLOAT, shape)

    def _best_s(self, graph: bytes, inputs: dict[str, Any], kind: int, shape: list[int]) -> float:
        place, ort = self._place, self._ort
        session = ort.InferenceSession(
            graph,
            session_options(ort, place, self._options),
            providers=provider_options(place, self._options),
            enable_fallback=0,
        )
        check_placement(session, place, "a product of matrices")
        on = ("cuda", int(place.which)) if place.kind in ("cuda", "tensorrt") else ("cpu", 0)
        binding = session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, *on))
        made = np.zeros(shape, _NUMPY[kind])
        binding.bind_ortvalue_output("z", ort.OrtValue.ortvalue_from_numpy(made, *on))
        return _best_s(lambda: session.run_with_iobinding(binding))


def _best_s(call: Callable[[], object]) -> float:
    call()
    start, times_s = time.perf_counter(), []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - begin)
        if time.perf_counter() - start > MOST_S:
            break
    return min(times_s)


def _graph(
    operator: str,
    inputs: dict[str, tuple[int, list[int]]],
    output: tuple[int, list[int]],
    *,
    constant: tuple[int, int] | None = None,
) -> bytes:
    """An ONNX file of one node, from its inputs to "z".

    ``constant`` is the element type and the side of a further input, a square of ones.

    Written as protobuf by hand (field numbers from onnx.proto), since the base
    install has no onnx. The constant is laid out beforehand, as a model's weights are.
    """
    names = [*inputs, *(["w"] if constant is not None else [])]
    node = b"".join(_bytes(1, name.encode()) for name in names)
    node += _bytes(2, b"z") + _bytes(4, operator.encode())
    graph = _bytes(1, node) + _bytes(2, b"g")
    if constant is not None:
        element, side = constant
        ones = np.ones((side, side), _NUMPY[element]).tobytes()
        tensor = _number(1, side) * 2 + _number(2, element) + _bytes(8, b"w") + _bytes(9, ones)
        graph += _bytes(5, tensor)
    graph += b"".join(_bytes(11, _value(name, *one)) for name, one in inputs.items())
    graph += _bytes(12, _value("z", *output))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))


def _value(name: str, kind: int, shape: list[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
