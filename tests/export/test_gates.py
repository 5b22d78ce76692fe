"""What may not be shipped, what is let down the ladder, and what is decided on the user's rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import edgeft
import edgeft.export.factory
import edgeft.export.ladder
import edgeft.export.run
from edgeft.checkpoint.open import Checkpoint
from edgeft.errors import GateError, ModelError
from edgeft.export.graph import Graphs
from edgeft.export.run import export
from edgeft.runtime.model import Model
from edgeft.tasks import classification
from edgeft.tasks.classification import TASK
from edgeft.tasks.head import Head, Wish
from tests.export.conftest import config
from tests.train.conftest import rows, write_csv


def test_a_damaged_graph_never_becomes_a_bundle(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = edgeft.export.run.export_graphs

    def damaged(checkpoint: Checkpoint, work: Path, **how: bool) -> Graphs:
        graphs = real(checkpoint, work, **how)
        model = onnx.load(graphs.fused)
        weights = next(one for one in model.graph.initializer if list(one.dims) == [3])
        array = onnx.numpy_helper.to_array(weights) + np.float32(0.01)
        weights.CopyFrom(onnx.numpy_helper.from_array(array, weights.name))
        onnx.save(model, graphs.fused)
        return graphs

    monkeypatch.setattr(edgeft.export.run, "export_graphs", damaged)
    with pytest.raises(ModelError, match=r"fp32 graph does not answer as torch does.*0\.01"):
        export(config(tiny_checkpoint, tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []


def test_a_sensitive_layer_stays_in_float(outlier: Path, tmp_path: Path, exact: Path) -> None:
    # One row of the embeddings leaves no room for the others in int8: the rest must not suffer.
    result = export(config(outlier, tmp_path / "b", data=exact))
    int8 = result.manifest.model.variants["int8"]
    assert int8.measured["left_in_float"][0] == "EmbedLayerNormalization_0"
    assert int8.measured["drop"]["points"] <= 0.5
    assert result.bytes_of("int8") < result.bytes_of("fp32")
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "left in float, being most sensitive: `EmbedLayerNormalization" in card


def test_int8_that_cannot_be_saved(
    outlier: Path, tmp_path: Path, exact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgeft.export.ladder, "MOST_LEFT", 0.0)
    out = tmp_path / "out" / "b"
    with pytest.raises(GateError, match="int8 cannot be shipped: it loses") as caught:
        export(config(outlier, out, data=exact, variants=("int8",)))
    assert caught.value.exit_code == 3
    assert list(tmp_path.glob("out/*")) == []
    with pytest.raises(GateError, match="texts \\(built-in\\) whose answer is clear"):
        export(config(outlier, out, variants=("int8",)))
    # Where nobody named it, it is left out, and the bundle says why.
    result = export(config(outlier, out, data=exact))
    assert list(result.reports) == list(result.manifest.model.variants) == ["fp32"]
    assert result.manifest.provenance["dropped"]["int8"].startswith("it loses")
    assert not (out / "onnx" / "model_int8.onnx").exists()
    assert "int8 was left out: it loses" in (out / "README.md").read_text(encoding="utf-8")


def test_what_a_small_set_cannot_prove_is_said(
    tiny_checkpoint: Path, tmp_path: Path, data: Path
) -> None:
    result = export(config(tiny_checkpoint, tmp_path / "b", data=data, max_drop=7.0))
    lost = result.manifest.model.variants["int8"].measured["drop"]
    assert (lost["allowed"], lost["proven"]) == (7.0, False)
    assert lost["verdict"].startswith("Not proven: 45 rows are too few")
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "int8: Not proven: 45 rows are too few" in card
    assert "McNemar" in card


def test_what_fails_on_the_rows_that_report_is_left_out(
    tiny_checkpoint: Path, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = edgeft.export.factory.judge
    asked: list[str] = []

    def second_time_bad(model: Model, *rest: object, **named: object) -> object:
        logits, problem = real(model, *rest, **named)  # type: ignore[arg-type]
        asked.append(model.variant)
        return logits, "it is bad" if asked.count("int8") == 2 else problem

    monkeypatch.setattr(edgeft.export.factory, "judge", second_time_bad)
    result = export(config(tiny_checkpoint, tmp_path / "b", data=data, max_drop=100.0))
    assert result.manifest.provenance["dropped"] == {"int8": "it is bad"}
    assert asked == ["fp32", "fp32", "int8", "int8"]


def test_a_wish_that_only_one_variant_meets(
    tiny_checkpoint: Path, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(*arguments: Any) -> Head:
        if arguments[-1] == "int8":
            raise GateError("int8: no threshold gives it.")
        return TASK.fit(*arguments)

    monkeypatch.setattr(classification, "TASK", replace(TASK, fit=picky))
    wished = config(tiny_checkpoint, tmp_path / "b", data=data, wish=Wish("sad", recall=0.9),
                    max_drop=100.0)  # fmt: skip
    assert export(wished).manifest.provenance["dropped"] == {"int8": "no threshold gives it"}
    with pytest.raises(GateError, match="no threshold gives it"):
        export(replace(wished, variants=("int8",), force=True))


def test_static_int8_goes_down_the_ladder_too(outlier: Path, tmp_path: Path, exact: Path) -> None:
    result = export(config(outlier, tmp_path / "b", data=exact, variants=("int8-static",)))
    static = result.manifest.model.variants["int8-static"]
    assert "/bert/embeddings/word_embeddings/Gather" in static.measured["left_in_float"]
    assert static.measured["drop"]["points"] <= 0.5


def test_a_named_variant_is_never_left_out_in_silence(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "t.txt").write_text("\n".join(f"rain {at}" for at in range(10)))
    few = config(tiny_checkpoint, tmp_path / "b", data=tmp_path / "t.txt",
                 variants=("int8-static",))  # fmt: skip
    with pytest.raises(GateError, match="scales from 16 texts of yours or more"):
        export(few)
    assert not (tmp_path / "b").exists()


def test_thresholds_are_kept_by_the_runtime(
    tiny_checkpoint: Path, tmp_path: Path, data: Path
) -> None:
    wished = config(tiny_checkpoint, tmp_path / "b", data=data, wish=Wish("sad", recall=1.0),
                    max_drop=100.0)  # fmt: skip
    result = export(wished)
    for name, variant in result.manifest.model.variants.items():
        assert variant.head.label == "sad"
        assert variant.head.temperature > 0
        assert set(variant.measured["outcome"]) == {"accuracy", "macro_f1", "precision", "recall"}
        with edgeft.load(tmp_path / "b", device="cpu", variant=name) as model:
            texts = [text for text, _ in rows(89)]
            for one in model.predict(texts):
                assert (one.label == "sad") == (one.scores["sad"] >= variant.head.threshold)
    assert "decision" in result.manifest.requires


def test_a_test_file_reports(tiny_checkpoint: Path, tmp_path: Path, data: Path) -> None:
    test = write_csv(tmp_path / "t.csv", rows(30, seed=9))
    result = export(config(tiny_checkpoint, tmp_path / "b", data=data, test=test, max_drop=100.0))
    assert result.torch is not None
    assert result.torch.rows == 30
