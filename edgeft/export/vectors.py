"""Tables of vectors in int8: a scale for each row, and nothing else in other numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

__all__ = ["quantize_vectors"]

LARGE = 4096  # numbers in a table that is worth the trouble
NARROW = 8  # numbers in a row; with fewer of them its scale takes about what they spare
MOST = 127  # which the largest number of a row becomes


def quantize_vectors(source: Path, path: Path) -> None:
    """Write the fp32 graph ``source`` to ``path`` with its large look-up tables in int8.

    A row that is looked up becomes float32 right behind, so all is computed in float and a text's
    answer depends on no neighbour. A table that something else reads as well stays as it is.
    """
    import onnx

    model = onnx.load(source)
    for table in list(model.graph.initializer):
        lookups = _lookups(model.graph, table)
        if lookups:
            _replace(model.graph, table, lookups)
    onnx.save(model, path)


def _lookups(graph: "onnx.GraphProto", table: "onnx.TensorProto") -> "list[onnx.NodeProto]":
    """The nodes that look up rows of a table, if it is a large one of which nobody reads more."""
    import onnx

    if table.data_type != onnx.TensorProto.FLOAT or len(table.dims) != 2:
        return []
    if table.dims[1] < NARROW or table.dims[0] * table.dims[1] < LARGE:
        return []
    readers = [node for node in graph.node if table.name in node.input]
    return readers if all(_looks_up(node, table.name) for node in readers) else []


def _looks_up(node: "onnx.NodeProto", table: str) -> bool:
    rows = all(one.i == 0 for one in node.attribute if one.name == "axis")
    return node.op_type == "Gather" and rows and node.input[0] == table


def _replace(
    graph: "onnx.GraphProto", table: "onnx.TensorProto", lookups: "list[onnx.NodeProto]"
) -> None:
    import onnx
    from onnx import helper, numpy_helper

    rows = numpy_helper.to_array(table)  # (V, D) float32
    largest = np.abs(rows).max(axis=1, keepdims=True)  # (V, 1)
    scales = np.where(largest > 0, largest / MOST, 1).astype(np.float32)
    codes = np.rint(rows / scales).astype(np.int8)  # (V, D)
    name = table.name
    graph.initializer.remove(table)
    graph.initializer.extend(
        [
            numpy_helper.from_array(codes, f"{name}_int8"),
            numpy_helper.from_array(scales, f"{name}_scales"),
        ]
    )
    nodes = []
    replaced = {node.output[0] for node in lookups}
    for node in graph.node:
        if node.output[0] not in replaced:
            nodes.append(node)
            continue
        ids, found = node.input[1], node.output[0]
        nodes += [
            helper.make_node("Gather", [f"{name}_int8", ids], [f"{found}_int8"], axis=0),
            helper.make_node("Gather", [f"{name}_scales", ids], [f"{found}_scales"], axis=0),
            helper.make_node(
                "Cast", [f"{found}_int8"], [f"{found}_float"], to=onnx.TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{found}_float", f"{found}_scales"], [found]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
