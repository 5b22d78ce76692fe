"""What an ONNX file would make onnxruntime load, looked at before onnxruntime does.

An ONNX file is a protobuf message; this reads its wire format (Protocol Buffers
documentation, "Encoding"; field numbers from onnx.proto) as far as needed to
find the operators' domains, tensors that lie in other files, and what the graph
takes and gives. Weights are skipped, so only a few pages of a file are read. It is not
mapped: a process that maps a file dies where somebody shortens it meanwhile.
"""

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from edgeft.bundle.integrity import AGAIN
from edgeft.bundle.manifest import TensorRecord
from edgeft.errors import BundleError

__all__ = ["DOMAINS", "bytes_of_tables", "check_graph", "keeps_weights_elsewhere", "read_ends"]

# ONNX's own operators, its classical machine learning and onnxruntime's, all built in.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
OPAQUE = "EPContext"  # loads an engine of native code, perhaps from another file
DEEPEST = 32  # graphs within graphs; real models have one or two

PAGE = 1 << 14  # bytes that are read together

Span = tuple[int, int]  # first byte and the one after the last

# The fields of each message that hold graphs, nodes or tensors: number to message.
_INSIDE = {
    "Model": {7: "Graph", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor",
                  23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}  # fmt: skip
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_FUNCTION_DOMAIN = 10
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_MODEL_GRAPH = 7
_GRAPH_WEIGHT, _GRAPH_INPUT, _GRAPH_OUTPUT = 5, 11, 12
_TENSOR_DIMS, _TENSOR_NAME = 1, 8
# As onnxruntime calls the element types of TensorProto.
_TYPES = {1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
          8: "string", 9: "bool", 10: "float16", 11: "double", 12: "uint32", 13: "uint64",
          16: "bfloat16"}  # fmt: skip


class _Pages:
    """The bytes of a file by their places; IndexError behind its end, wherever that is by now."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._begin, self._page = 0, b""
        self.whole: Span = (0, os.fstat(stream.fileno()).st_size)

    def __getitem__(self, at: int) -> int:
        if at >= self.whole[1]:
            raise IndexError("it is cut off")
        if not 0 <= at - self._begin < len(self._page):
            self._begin, self._page = at, self.between((at, at + PAGE))
        return self._page[at - self._begin]

    def between(self, span: Span) -> bytes:
        """The bytes of a span, as many as there are."""
        begin, end = (min(at, self.whole[1]) for at in span)
        self._stream.seek(begin)
        return self._stream.read(end - begin)


def check_graph(stream: BufferedReader, path: Path) -> None:
    """Refuse a graph with operators that are not built in, or with weights in other files.

    ``path`` is what the message calls the file. Raises BundleError.
    """
    try:
        data = _Pages(stream)
        if not any(number == _MODEL_GRAPH for number, _ in _fields(data, data.whole)):
            raise ValueError("it has no graph")
        known = DOMAINS | set(_function_domains(data))
        for domain, operator in _operators(data, "Model", data.whole, 0):
            if operator == OPAQUE:
                raise BundleError(
                    f"{path} holds a compiled engine, which nobody can look into.",
                    hint="Export the model again with: edgeft export",
                )
            if domain not in known:
                raise BundleError(
                    f"{path} uses the operator {operator!r} of {domain!r}, "
                    "which is not built into onnxruntime.",
                    hint="Export the model again with: edgeft export",
                )
    except _ExternalDataError:
        raise BundleError(
            f"{path} keeps weights in another file, which edgeft does not load.",
            hint="Export the model again with: edgeft export",
        ) from None
    except (ValueError, IndexError) as error:
        raise BundleError(f"{path} is not an ONNX graph: {error}.", hint=AGAIN) from None


def keeps_weights_elsewhere(path: Path) -> bool:
    """Whether a graph needs other files; False also for what is no graph."""
    try:
        with path.open("rb") as stream:
            data = _Pages(stream)
            for _ in _operators(data, "Model", data.whole, 0):
                pass
    except _ExternalDataError:
        return True
    except (ValueError, IndexError):
        return False
    return False


def read_ends(path: Path) -> tuple[tuple[TensorRecord, ...], tuple[TensorRecord, ...]]:
    """The inputs and the outputs that a graph's file states, in its order. Raises BundleError.

    As a session would tell them, but none has to be opened: weights that are listed
    among the inputs are none, and an axis without a size is "". A shape that the file
    leaves out is empty.
    """
    try:
        with path.open("rb") as stream:
            data = _Pages(stream)
            graphs = _inside(data, data.whole, _MODEL_GRAPH)
            if not graphs:
                raise ValueError("it has no graph")
            weights = {
                _text(data, name)
                for weight in _inside(data, graphs[-1], _GRAPH_WEIGHT)
                for name in _inside(data, weight, _TENSOR_NAME)
            }
            inputs = [_end(data, one) for one in _inside(data, graphs[-1], _GRAPH_INPUT)]
            outputs = [_end(data, one) for one in _inside(data, graphs[-1], _GRAPH_OUTPUT)]
            if not outputs:
                raise ValueError("it gives nothing")
    except (ValueError, IndexError) as error:
        raise BundleError(f"{path} is not an ONNX graph: {error}.", hint=AGAIN) from None
    return tuple(one for one in inputs if one.name not in weights), tuple(outputs)


def bytes_of_tables(path: Path, rows: int) -> int:
    """The bytes of the weights that have so many rows, as the vectors of a vocabulary do.

    Raises BundleError.
    """
    found = 0
    try:
        with path.open("rb") as stream:
            data = _Pages(stream)
            for graph in _inside(data, data.whole, _MODEL_GRAPH):
                for weight in _inside(data, graph, _GRAPH_WEIGHT):
                    if _first_axis(data, weight) == rows:
                        found += weight[1] - weight[0]
    except (ValueError, IndexError) as error:
        raise BundleError(f"{path} is not an ONNX graph: {error}.", hint=AGAIN) from None
    return found


def _first_axis(data: _Pages, weight: Span) -> int | None:
    """The first of a tensor's dims, each a field of its own or all packed in one."""
    for number, value in _fields(data, weight):
        if number == _TENSOR_DIMS:
            return value if isinstance(value, int) else _varint(data, value[0])[0]
    return None


def _end(data: _Pages, span: Span) -> TensorRecord:
    """A ValueInfo: name 1, type 2; there a tensor 1: its elements' type 1, its shape 2."""
    name = "".join(_text(data, one) for one in _inside(data, span, 1))
    kind, shape = 0, []
    for a_type in _inside(data, span, 2):
        for tensor in _inside(data, a_type, 1):
            for number, value in _fields(data, tensor):
                if number == 1 and isinstance(value, int):
                    kind = value
                elif number == 2 and isinstance(value, tuple):
                    shape = [_axis(data, axis) for axis in _inside(data, value, 1)]
    return TensorRecord(name, f"tensor({_TYPES.get(kind, 'unknown')})", tuple(shape))


def _axis(data: _Pages, span: Span) -> int | str:
    size: int | str = ""
    for number, value in _fields(data, span):
        if number == 1 and isinstance(value, int):
            size = value
        elif number == 2 and isinstance(value, tuple):
            size = _text(data, value)
    return size


def _inside(data: _Pages, span: Span, wanted: int) -> list[Span]:
    """The messages and texts of one number."""
    return [one for number, one in _fields(data, span)
            if number == wanted and isinstance(one, tuple)]  # fmt: skip


class _ExternalDataError(Exception):
    pass


def _operators(data: _Pages, message: str, span: Span, depth: int) -> Iterator[tuple[str, str]]:
    """(domain, operator) of every node; raises _ExternalDataError at a tensor elsewhere."""
    if depth > DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    inside = _INSIDE[message]
    domain = operator = ""
    for number, value in _fields(data, span):
        if number in inside and isinstance(value, tuple):
            yield from _operators(data, inside[number], value, depth + 1)
        elif message == "Node" and isinstance(value, tuple):
            if number == _NODE_DOMAIN:
                domain = _text(data, value)
            elif number == _NODE_OPERATOR:
                operator = _text(data, value)
        elif message == "Tensor" and (
            number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value)
        ):
            raise _ExternalDataError
    if message == "Node":
        yield domain, operator


def _function_domains(data: _Pages) -> Iterator[str]:
    """The domains of functions that the model itself defines."""
    for number, value in _fields(data, data.whole):
        if number == 25 and isinstance(value, tuple):
            for inner, text in _fields(data, value):
                if inner == _FUNCTION_DOMAIN and isinstance(text, tuple):
                    yield _text(data, text)


def _fields(data: _Pages, span: Span) -> Iterator[tuple[int, int | Span]]:
    """(number, value) of each field: a Span for what has a length, else an int."""
    at, end = span
    while at < end:
        tag, at = _varint(data, at)
        if not 8 <= tag < 1 << 32:  # onnxruntime's parser would read another field
            raise ValueError("it is damaged")
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
            yield tag >> 3, (at, at + size)
        elif kind in (1, 5):  # fixed numbers of 64 and 32 bits, of which none matters here
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("it is damaged")
        at += size
        if at > end:
            raise ValueError("it is cut off")


def _varint(data: _Pages, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("it is damaged")


def _text(data: _Pages, span: Span) -> str:
    return data.between(span).decode("utf-8", "replace")
