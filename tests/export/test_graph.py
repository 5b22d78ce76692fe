from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest

import edgeft.export.graph
from edgeft.checkpoint.open import open_checkpoint
from edgeft.errors import GateError
from edgeft.export.fusion import check_fusion
from edgeft.export.graph import describe_graph, export_graphs
from tests import tiny
from tests.export import architectures

ENDS = {"input_ids", "attention_mask", "token_type_ids"}
TWO = ENDS - {"token_type_ids"}


@pytest.mark.parametrize(
    ("build", "kind", "fused", "inputs"),
    [
        (tiny.bert, "ort-fused", 2, ENDS),
        (tiny.distilbert, "ort-fused", 2, TWO),
        (architectures.roberta, "ort-fused", 2, TWO),
        (architectures.xlm_roberta, "ort-fused", 2, TWO),
        (architectures.electra, "ort-fused", 2, ENDS),
        (architectures.albert, "ort-fused", 1, ENDS),
        (architectures.deberta, "onnx", 0, TWO),
        (architectures.mobilebert, "onnx", 0, ENDS),
        (architectures.mpnet, "onnx", 0, TWO),
        (architectures.modernbert, "onnx", 0, TWO),
        (architectures.gpt2, "onnx", 0, TWO),
        (tiny.static, "onnx", 0, TWO),
    ],
)
def test_each_architecture_is_fused_as_far_as_it_goes(
    tmp_path: Path, build: Callable[[Path], Path], kind: str, fused: int, inputs: set[str]
) -> None:
    checkpoint = open_checkpoint(str(build(tmp_path / "c")))
    graphs = export_graphs(checkpoint, tmp_path)
    assert describe_graph(graphs.plain).kind == "onnx"
    graph = describe_graph(graphs.fused)
    assert (graph.kind, graph.fused_attention, graphs.notes) == (kind, fused, ())
    assert {one.name for one in graph.inputs} == inputs
    assert {one.dtype for one in graph.inputs} == {"int64"}
    assert all(isinstance(axis, str) for one in graph.inputs for axis in one.shape)
    (logits,) = graph.outputs
    assert (logits.name, logits.dtype, logits.shape[1]) == ("logits", "float32", 3)
    model = onnx.load(graphs.fused)
    assert {one.domain for one in model.opset_import} == {node.domain for node in model.graph.node}


def test_lost_fusion_fails_or_is_told(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgeft.export.graph, "fuse", lambda plain, config, work: None)
    checkpoint = open_checkpoint(str(tiny_checkpoint))
    with pytest.raises(GateError, match="attention of only 0 of 2 layers") as caught:
        export_graphs(checkpoint, tmp_path / "a")
    assert "--allow-unfused" in caught.value.hint
    graphs = export_graphs(checkpoint, tmp_path / "b", allow_unfused=True)
    assert graphs.fused == graphs.plain
    assert "only 0 of 2 layers" in graphs.notes[0]


def test_a_fused_graph_that_answers_otherwise(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgeft.export.graph, "SAME_LOGITS", -1.0)
    checkpoint = open_checkpoint(str(tiny_checkpoint))
    with pytest.raises(GateError, match="fused answers otherwise than before"):
        export_graphs(checkpoint, tmp_path / "a")
    graphs = export_graphs(checkpoint, tmp_path / "b", allow_unfused=True)
    assert graphs.fused == graphs.plain
    assert "answers otherwise" in graphs.notes[0]


def test_partly_fused_is_lost_too() -> None:
    config = SimpleNamespace(model_type="bert", num_hidden_layers=6)
    assert check_fusion(config, 6, allow_unfused=False) == ""
    with pytest.raises(GateError, match="only 5 of 6 layers"):
        check_fusion(config, 5, allow_unfused=False)
    other = SimpleNamespace(model_type="mpnet", num_hidden_layers=6)
    assert check_fusion(other, 0, allow_unfused=False) == ""


def test_a_graph_that_fusing_makes_much_larger_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgeft.export.graph, "MOST_GROWTH", 0.5)
    graphs = export_graphs(open_checkpoint(str(architectures.albert(tmp_path / "c"))), tmp_path)
    assert graphs.fused == graphs.plain
    assert "left unfused" in graphs.notes[0]
