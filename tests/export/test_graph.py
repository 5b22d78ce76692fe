from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from edgeft.export.checkpoint import open_checkpoint
from edgeft.export.graph import describe_graph, export_graph
from tests import tiny
from tests.export import architectures

ENDS = {"input_ids", "attention_mask", "token_type_ids"}


@pytest.mark.parametrize(
    ("build", "kind", "fused", "inputs"),
    [
        (tiny.bert, "ort-fused", 2, ENDS),
        (tiny.distilbert, "ort-fused", 2, ENDS - {"token_type_ids"}),
        (architectures.roberta, "ort-fused", 2, ENDS - {"token_type_ids"}),
        (architectures.electra, "ort-fused", 2, ENDS),
        (architectures.deberta, "onnx", 0, ENDS - {"token_type_ids"}),
    ],
)
def test_each_architecture_is_fused_as_far_as_it_goes(
    tmp_path: Path, build: Callable[[Path], Path], kind: str, fused: int, inputs: set[str]
) -> None:
    checkpoint = open_checkpoint(str(build(tmp_path / "c")))
    path = tmp_path / "model.onnx"
    graph = export_graph(checkpoint, path, tmp_path)
    assert (graph.kind, graph.fused_attention) == (kind, fused)
    assert {one.name for one in graph.inputs} == inputs
    assert {one.dtype for one in graph.inputs} == {"int64"}
    assert all(isinstance(axis, str) for one in graph.inputs for axis in one.shape)
    (logits,) = graph.outputs
    assert (logits.name, logits.dtype, logits.shape[1]) == ("logits", "float32", 3)
    assert graph == describe_graph(path)
    model = onnx.load(path)
    assert {one.domain for one in model.opset_import} == {node.domain for node in model.graph.node}
