"""What an ONNX file would make onnxruntime load, looked at before onnxruntime does.

An ONNX file is a protobuf message; this reads its wire format (Protocol Buffers
documentation, "Encoding"; field numbers from onnx.proto) as far as needed to
find the operators' domains and tensors that lie in other files. Weights are
skipped, so of a mapped file only a few pages are touched.
"""

import mmap
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from edgeft.errors import BundleError
from edgeft.integrity import AGAIN

__all__ = ["DOMAINS", "check_graph", "keeps_weights_elsewhere"]

# ONNX's own operators, its classical machine learning and onnxruntime's, all built in.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
OPAQUE = "EPContext"  # loads an engine of native code, perhaps from another file
DEEPEST = 32  # graphs within graphs; real models have one or two

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


def check_graph(stream: BufferedReader, path: Path) -> None:
    """Refuse a graph with operators that are not built in, or with weights in other files.

    ``path`` is what the message calls the file. Raises BundleError.
    """
    try:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if not any(number == 7 for number, _ in _fields(data, (0, len(data)))):
                raise ValueError("it has no graph")
            own = set(_function_domains(data))
            for domain, operator in _operators(data, "Model", (0, len(data)), 0):
                if operator == OPAQUE:
                    raise BundleError(
                        f"{path} holds a compiled engine, which nobody can look into.",
                        hint="Export the model again with: edgeft export",
                    )
                if domain not in DOMAINS | own:
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
        with path.open("rb") as stream, \
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:  # fmt: skip
            for _ in _operators(data, "Model", (0, len(data)), 0):
                pass
    except _ExternalDataError:
        return True
    except (ValueError, IndexError):
        return False
    return False


class _ExternalDataError(Exception):
    pass


def _operators(data: mmap.mmap, message: str, span: Span, depth: int) -> Iterator[tuple[str, str]]:
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


def _function_domains(data: mmap.mmap) -> Iterator[str]:
    """The domains of functions that the model itself defines."""
    for number, value in _fields(data, (0, len(data))):
        if number == 25 and isinstance(value, tuple):
            for inner, text in _fields(data, value):
                if inner == _FUNCTION_DOMAIN and isinstance(text, tuple):
                    yield _text(data, text)


def _fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, int | Span]]:
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


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
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


def _text(data: mmap.mmap, span: Span) -> str:
    return data[span[0] : span[1]].decode("utf-8", "replace")
