from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import edgeft
from edgeft.bundle import read_manifest
from edgeft.export.run import export
from edgeft.export.vectors import quantize_vectors
from tests import tiny
from tests.encoded import logits_for
from tests.export.conftest import config
from tests.train.conftest import rows

TEXTS = ["", "the cat", "quiet rain at night " * 30, *(text for text, _ in rows(40))]


def arrays(path: Path) -> dict[str, np.ndarray]:
    return {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}


def test_a_row_is_rounded_by_a_scale_of_its_own(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(600, 16)).astype(np.float32)
    table *= np.logspace(-3, 3, 600, dtype=np.float32)[:, None]
    table[7] = 0
    path = looking_up(tmp_path, table)
    quantize_vectors(path, tmp_path / "b.onnx")
    found = arrays(tmp_path / "b.onnx")
    assert found["table_int8"].dtype == np.int8
    assert "table" not in found
    ids = np.arange(600)[None]
    given = run(tmp_path / "b.onnx", ids)[0]
    steps = np.abs(table).max(axis=1) / 127
    assert (np.abs(given - table).max(axis=1) <= 0.51 * steps).all()
    assert (given[7] == 0).all()


def test_what_is_small_narrow_or_read_by_others_stays_as_it_is(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for size, more in (((600, 4), False), ((100, 16), False), ((600, 16), True)):
        path = looking_up(tmp_path, chance.normal(size=size).astype(np.float32), more=more)
        quantize_vectors(path, tmp_path / "b.onnx")
        assert arrays(tmp_path / "b.onnx")["table"].dtype == np.float32


def looking_up(folder: Path, table: np.ndarray, *, more: bool = False) -> Path:
    """A graph that looks up rows by (1, T) ids; with ``more`` something else reads the table."""
    nodes = [helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0)]
    outputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [1, "T", table.shape[1]])]
    if more:
        nodes.append(helper.make_node("Neg", ["table"], ["all"]))
        outputs.append(helper.make_tensor_value_info("all", TensorProto.FLOAT, table.shape))
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "T"])
    graph = helper.make_graph(nodes, "g", [ids], outputs, [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.save(model, folder / "a.onnx")
    return folder / "a.onnx"


def run(path: Path, ids: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["rows"], {"ids": ids})[0]


def test_a_static_model_gets_int8_vectors_unasked(tmp_path: Path) -> None:
    checkpoint = tiny.static(tmp_path / "c")
    result = export(config(checkpoint, tmp_path / "b"))
    variants = result.manifest.model.variants
    assert list(variants) == ["fp32", "int8-vectors"]
    vectors = variants["int8-vectors"]
    assert (vectors.precision, vectors.graph, vectors.wants) == ("int8", "onnx", "")
    assert vectors.batch_invariant
    graph = onnx.load(tmp_path / "b" / vectors.files["model"])
    assert {one.name for one in graph.graph.input} == {"input_ids", "attention_mask"}
    tables = [one for one in arrays(tmp_path / "b" / vectors.files["model"]).values()
              if one.dtype == np.int8]  # fmt: skip
    assert len(tables) == 2  # of tokens and of pairs
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "register()" in card
    with (
        edgeft.load(tmp_path / "b", device="cpu", variant="fp32") as whole,
        edgeft.load(tmp_path / "b", device="cpu", variant="int8-vectors") as small,
    ):
        for model in (whole, small):
            together = logits_for(model, TEXTS)
            alone = np.concatenate([logits_for(model, [text]) for text in TEXTS])
            np.testing.assert_allclose(together, alone, atol=1e-4)
        np.testing.assert_allclose(logits_for(small, TEXTS), logits_for(whole, TEXTS), atol=0.3)
    assert read_manifest(tmp_path / "b").provenance["quantization"]["int8-vectors"]


def test_an_encoder_with_fused_attention_keeps_it(tiny_checkpoint: Path, tmp_path: Path) -> None:
    result = export(config(tiny_checkpoint, tmp_path / "b", variants=("int8-vectors",)))
    variant = result.manifest.model.variants["int8-vectors"]
    assert (variant.graph, variant.measured["fused_attention"]) == ("ort-fused", 2)
    tables = [one.shape for one in arrays(tmp_path / "b" / variant.files["model"]).values()
              if one.dtype == np.int8]  # fmt: skip
    assert [width for _, width in tables] == [32]  # the tokens' own; positions are few
    agreement = result.reports["int8-vectors"].agreement
    assert agreement is not None
    assert agreement.agreement >= 0.9


def test_a_model_without_a_large_table_has_nothing_to_spare(tmp_path: Path) -> None:
    checkpoint = tiny.static(tmp_path / "c", width=7)
    result = export(config(checkpoint, tmp_path / "b"))
    assert list(result.manifest.model.variants) == ["fp32"]
    assert "not smaller than fp32" in result.manifest.provenance["dropped"]["int8-vectors"]
