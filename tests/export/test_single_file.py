import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxruntime_extensions
import pytest

import edgeft
import edgeft.export.single_file
from edgeft.errors import DependencyError, GateError, ModelError, UsageError
from edgeft.export.run import ExportConfig, export
from edgeft.export.single_file import SINGLE_FILE
from tests import tiny
from tests.export import architectures
from tests.train.conftest import rows

TEXTS = ["the cat fell", "", "A DOG, a dog!", "quiet rain " * 60, "数据 🙂", "good"]


def single(folder: Path) -> onnxruntime.InferenceSession:
    """The file as somebody else's program opens it."""
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    return onnxruntime.InferenceSession(
        folder / SINGLE_FILE, options, providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize(
    "build",
    [tiny.bert, tiny.distilbert, architectures.roberta, architectures.gpt2, architectures.deberta],
)
def test_texts_in_labels_and_scores_out(build: Callable[[Path], Path], tmp_path: Path) -> None:
    checkpoint = str(build(tmp_path / "c"))
    texts = tmp_path / "t.txt"
    texts.write_text("\n".join(text for text, _ in rows(90)))
    config = ExportConfig(checkpoint, tmp_path / "b", texts, variants=("fp32",), single_file="fp32")
    told = export(config).manifest.provenance["single_file"]
    assert (told["same_ids"], told["same_labels"]) == (1.0, 1.0)
    session = single(tmp_path / "b")
    label, scores = session.run(["label", "scores"], {"text": np.array(TEXTS, object)})
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        ours = model.predict(TEXTS)
    assert list(label) == [one.label for one in ours]
    expected = [[one.scores[name] for name in model.labels] for one in ours]
    np.testing.assert_allclose(scores, expected, atol=1e-3)
    # A text's answer is the same whatever stands beside it.
    for at, text in enumerate(TEXTS):
        (alone,) = session.run(["scores"], {"text": np.array([text], object)})
        np.testing.assert_allclose(alone[0], scores[at], atol=1e-3)


def test_two_files_of_one_model_are_equal(tiny_checkpoint: Path, tmp_path: Path) -> None:
    config = ExportConfig(str(tiny_checkpoint), tmp_path / "a", single_file="int8")
    export(config)
    export(replace(config, out=tmp_path / "b"))
    one, other = ((tmp_path / name / SINGLE_FILE).read_bytes() for name in "ab")
    assert one == other
    domains = {one.domain for one in onnx.load(tmp_path / "a" / SINGLE_FILE).opset_import}
    assert "ai.onnx.contrib" in domains


def test_what_is_read_otherwise_stands_on_the_card(tiny_checkpoint: Path, tmp_path: Path) -> None:
    config = ExportConfig(str(tiny_checkpoint), tmp_path / "b", single_file="fp32")
    told = export(config).manifest.provenance["single_file"]
    texts = [text for text, _, _ in told["differences"]]
    assert "nul\x00inside" in texts
    assert any("[SEP]" in text for text in texts)
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "## The single file" in card
    assert "nul\\\\x00inside" in card


def test_a_tokenizer_that_reads_otherwise_is_refused(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = edgeft.export.single_file.text_graph

    def deaf(tokenizer: dict[str, object], **settings: object) -> onnx.ModelProto:
        normalizer = {**tokenizer["normalizer"], "lowercase": False}  # type: ignore[dict-item]
        return real({**tokenizer, "normalizer": normalizer}, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(edgeft.export.single_file, "text_graph", deaf)
    texts = tmp_path / "t.txt"
    texts.write_text("\n".join(text.upper() for text, _ in rows(90)))
    config = ExportConfig(str(tiny_checkpoint), tmp_path / "b", texts, single_file="fp32")
    with pytest.raises(GateError, match="otherwise than the runtime"):
        export(config)
    assert not (tmp_path / "b").exists()


def test_bad_requests(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExportConfig(str(tiny_checkpoint), tmp_path / "b", single_file="fp16")
    with pytest.raises(UsageError, match="no such variant is made"):
        export(config)
    unigram = str(architectures.xlm_roberta(tmp_path / "x"))
    with pytest.raises(ModelError, match="no operator knows Unigram pieces"):
        export(replace(config, checkpoint=unigram, single_file="fp32"))
    folder = tiny.bert(tmp_path / "n")
    (folder / "training.json").write_text(json.dumps({"normalize": ["whitespace"]}))
    with pytest.raises(UsageError, match="normalized first"):
        export(replace(config, checkpoint=str(folder), single_file="fp32"))
    monkeypatch.setattr(edgeft.export.single_file, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="onnxruntime-extensions"):
        export(replace(config, single_file="fp32"))
    assert not (tmp_path / "b").exists()
