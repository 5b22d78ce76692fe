"""Smaller numbers: dynamic and static int8, fp16, and 4-bit weights."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeft.checkpoint.pretrained import quiet
from edgeft.errors import ModelError
from edgeft.runtime.engine import Ends, pad
from edgeft.runtime.providers import import_onnxruntime
from edgeft.settings import contained
from edgeft.tasks.encoded import Part

if TYPE_CHECKING:
    import onnx

__all__ = ["convert_fp16", "quantize_dynamic", "quantize_int4", "quantize_static", "weight_nodes"]

# Operators whose constant weights are large: products and look-ups.
DYNAMIC = ("MatMul", "Gemm", "Attention", "Gather", "EmbedLayerNormalization")
STATIC = ("MatMul", "Gemm", "Gather")
SMALLEST = 64  # numbers in a weight that is worth the trouble
# Where a whole number that was computed in floats cannot come from: shapes and comparisons.
CARRIERS = ("Shape", "Gather", "Range", "ConstantOfShape")
INSERTED = "_cast_to_fp16_node"  # behind a node that stays in float32
BLOCK = 32  # weights that share a scale in 4 bits


def weight_nodes(path: Path) -> list[str]:
    """The names of the nodes that hold large constant weights, in the graph's order."""
    import onnx

    graph = onnx.load(path).graph
    large = {
        one.name for one in graph.initializer if len(one.dims) > 1 and np.prod(one.dims) >= SMALLEST
    }
    return [node.name for node in graph.node if node.op_type in DYNAMIC and large & set(node.input)]


def quantize_dynamic(
    source: Path, path: Path, *, reduce_range: bool, leave: Collection[str] = ()
) -> None:
    """Quantize the fp32 graph ``source`` to ``path``, but for the nodes to ``leave``.

    Weights of matrix products and embeddings become int8, the products' with a
    scale for each output channel; activations are quantized as they arrive,
    with one scale for the whole batch.
    """
    import_onnxruntime()
    import onnx

    with contained(), quiet():
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization import quantize_dynamic as quantize

        quantize(
            source,
            path,
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
            # onnxruntime first takes a Gemm apart, and names the product anew.
            nodes_to_exclude=[*leave, *(f"{name}_MatMul" for name in leave)],
            # Shape inference stops at onnxruntime's own operators; all tensors there are floats.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def quantize_static(
    source: Path,
    path: Path,
    parts: Sequence[Part],
    ends: Ends,
    *,
    reduce_range: bool,
    symmetric: bool,
    leave: Collection[str] = (),
) -> None:
    """Quantize with scales of activations that are fixed beforehand (QuantizeLinear nodes).

    The scales are the smallest and the largest value that ``parts``
    give at each place, each run alone: so a text's answer depends on no
    neighbour. Raises ModelError where nothing was quantized.
    """
    import_onnxruntime()
    import onnx

    with contained(), quiet():
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
        from onnxruntime.quantization import quantize_static as quantize

        quantize(
            source,
            path,
            _Feeds(parts, ends),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(STATIC),
            # Products of two activations, as inside attention, lose more than they save.
            nodes_to_quantize=[one for one in weight_nodes(source) if one not in set(leave)],
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,  # whose memory does not grow with the rows
            extra_options={"ActivationSymmetric": symmetric, "WeightSymmetric": True},
        )
    if not any(node.op_type == "QuantizeLinear" for node in onnx.load(path).graph.node):
        raise ModelError("Static quantization left every activation as it was.")


class _Feeds:
    """Parts one by one, as onnxruntime's calibration asks for them."""

    def __init__(self, parts: Sequence[Part], ends: Ends) -> None:
        self._feeds: Iterator[dict[str, NDArray[np.int64]]] = (pad([part], ends) for part in parts)

    def get_next(self) -> dict[str, NDArray[np.int64]] | None:
        return next(self._feeds, None)


def convert_fp16(source: Path, path: Path) -> None:
    """Write the graph with half the bits a number; its inputs and outputs stay as they are."""
    import_onnxruntime()
    import onnx

    with contained(), quiet():
        from onnxruntime.transformers.onnx_model import OnnxModel

        model = OnnxModel(onnx.load(source))
        model.convert_float_to_float16(
            keep_io_types=True,
            use_symbolic_shape_infer=True,
            node_block_list=_counting_nodes(model.model.graph),
        )
        _drop_round_trips(model.model.graph)
        model.prune_graph()
        model.topological_sort()
    onnx.save(model.model, path)


def _counting_nodes(graph: "onnx.GraphProto") -> list[str]:
    """The nodes that compute whole numbers by way of floats, such as buckets of positions.

    A logarithm that half precision rounds to the other side of a whole number
    would mean another position.
    """
    import onnx

    makers = {name: node for node in graph.node for name in node.output}
    whole = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    waiting = [node for node in graph.node if _casts_to(node, whole)]
    found: dict[str, None] = {}
    while waiting:
        for name in waiting.pop().input:
            maker = makers.get(name)
            if maker is None or maker.name in found or maker.op_type in CARRIERS:
                continue
            if maker.op_type != "Cast" or not _casts_to(maker, (onnx.TensorProto.FLOAT,)):
                waiting.append(maker)
            found[maker.name] = None
    return list(found)


def _drop_round_trips(graph: "onnx.GraphProto") -> None:
    """Let who reads a number that was cast to fp16 and back read the number itself.

    The conversion puts such a pair between any two nodes that stay in float32.
    """
    import onnx

    makers = {name: node for node in graph.node for name in node.output}
    direct = {}
    for back in graph.node:
        there = makers.get(back.input[0]) if back.input else None
        if (
            there is not None
            and _casts_to(back, (onnx.TensorProto.FLOAT,))
            and _casts_to(there, (onnx.TensorProto.FLOAT16,))
            and there.name.endswith(INSERTED)  # and not a whole number's own way to a float
        ):
            direct[back.output[0]] = there.input[0]
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name in direct:
                node.input[at] = direct[name]


def _casts_to(node: "onnx.NodeProto", types: Collection[int]) -> bool:
    return node.op_type == "Cast" and any(
        one.name == "to" and one.i in types for one in node.attribute
    )


def quantize_int4(source: Path, path: Path) -> None:
    """Write weights of products and embeddings in 4 bits, each 32 of them with a scale.

    Numbers are computed in float, so a text's answer depends on no neighbour.
    """
    import_onnxruntime()
    import onnx

    with contained(), quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            onnx.load(source),
            bits=4,
            block_size=BLOCK,
            is_symmetric=False,
            op_types_to_quantize=("MatMul", "Gather"),
            quant_axes=(("MatMul", 0), ("Gather", 1)),
        )
        quantizer.process()
    onnx.save(quantizer.model.model, path)
