import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import transformers

from edgeft.bench.matrix import BenchConfig
from edgeft.bench.run import bench
from edgeft.bench.subject import open_subject
from edgeft.errors import BundleError, DependencyError
from edgeft.runtime.load import load
from edgeft.settings import contained
from tests import tiny
from tests.export import architectures

TEXTS = ["the cat fell", "good bread", "", "上海 🎉"]


def exported(kind: str, checkpoint: Path, out: Path) -> Path:
    """A folder as optimum writes it."""
    pytest.importorskip("optimum")
    from edgeft.checkpoint.pretrained import quiet

    if kind == "ORTModelForQuestionAnswering":  # whose two outputs are where an answer lies
        config = json.loads((checkpoint / "config.json").read_text())
        config |= {"id2label": {"0": "begin", "1": "end"}, "label2id": {"begin": 0, "end": 1}}
        (checkpoint / "config.json").write_text(json.dumps(config))
    with contained(), quiet():  # what it imports changes sys.path
        from optimum import onnxruntime

        model = getattr(onnxruntime, kind).from_pretrained(checkpoint, export=True)
        model.save_pretrained(out)
    transformers.AutoTokenizer.from_pretrained(checkpoint).save_pretrained(out)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    out = tmp_path_factory.mktemp("optimum") / "classifier"
    return exported("ORTModelForSequenceClassification", tiny_checkpoint, out)


def test_a_bundle_is_taken_as_it_is(tiny_bundle: Path) -> None:
    with open_subject(tiny_bundle) as subject:
        assert subject.folder == tiny_bundle
        assert not subject.adopted
        assert subject.config["model_type"] == "bert"


def test_a_folder_of_optimums_answers_as_the_bundle(folder: Path, tiny_bundle: Path) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    with open_subject(folder) as subject:
        assert subject.adopted
        assert subject.manifest.model.labels == tiny.LABELS
        assert list(subject.manifest.model.variants) == ["fp32"]
        with load(subject.folder, device="cpu", variant="fp32", verify="off") as model:
            found = [one.label for one in model.predict(TEXTS)]
        inside = subject.folder
    with load(tiny_bundle, device="cpu", variant="fp32") as model:
        assert found == [one.label for one in model.predict(TEXTS)]
    assert not inside.exists()  # the copy is gone, and the folder is as it was
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_several_graphs_are_variants_by_their_names(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "several")
    for name in ("model_quantized.onnx", "model_fp16.onnx", "model_O2.onnx"):
        shutil.copyfile(folder / "model.onnx", copy / name)
    with open_subject(copy) as subject:
        precisions = {name: one.precision for name, one in subject.manifest.model.variants.items()}
    assert precisions == {"fp32": "fp32", "quantized": "int8", "fp16": "fp16", "O2": "fp32"}


@pytest.mark.parametrize(
    ("kind", "build"),
    [
        ("ORTModelForTokenClassification", tiny.bert),
        ("ORTModelForQuestionAnswering", tiny.bert),
        ("ORTModelForFeatureExtraction", tiny.bert),
        ("ORTModelForSequenceClassification", architectures.roberta),
    ],
)
def test_folders_of_other_tasks_and_models_can_be_timed(
    kind: str, build: Callable[[Path], Path], tmp_path: Path
) -> None:
    out = exported(kind, build(tmp_path / "checkpoint"), tmp_path / "out")
    config = BenchConfig(out, devices=("cpu",), samples=8, rounds=1, texts=8)
    (cell,) = bench(config).cells
    assert cell.error == ""
    assert cell.measured is not None
    assert cell.measured.single_p50_ms is not None
    assert cell.measured.single_p50_ms.median > 0
    # Only a classifier's answers are labels, which can agree.
    assert (cell.agreement == 1.0) == (kind == "ORTModelForSequenceClassification")


def test_a_folder_that_lacks_its_tokenizer_or_is_damaged_is_told(
    folder: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"not both config\.json and tokenizer\.json"), \
            open_subject(bare):  # fmt: skip
        pass
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"damaged.model\.onnx is not an ONNX graph"), \
            open_subject(damaged):  # fmt: skip
        pass


@pytest.mark.parametrize(
    ("odd", "labels"),
    [
        ({"pad_token_id": "x"}, 3),
        ({"pad_token_id": [0]}, 3),
        ({"pad_token_id": 1 << 40}, 3),
        ({"max_position_embeddings": "512"}, 3),
        ({"max_position_embeddings": None, "n_positions": "x"}, 3),
        ({"id2label": ["a", "b", "c"]}, 0),
        ({"id2label": {"first": "a"}}, 0),
        ({"architectures": "BertForSequenceClassification"}, 0),
        ({"architectures": {"0": "x"}}, 0),
    ],
)
def test_what_a_config_should_not_say_is_passed_over(
    folder: Path, tmp_path: Path, odd: dict[str, object], labels: int
) -> None:
    copy = shutil.copytree(folder, tmp_path / "odd")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | odd))
    (copy / "tokenizer_config.json").write_text('{"model_max_length": "64"}')
    with open_subject(copy) as subject:
        assert len(subject.manifest.model.labels) == labels
        assert subject.manifest.model.pad_id == 0


def test_an_unreadable_graph_is_a_failed_cell_beside_the_others(
    folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "half")
    (copy / "broken.onnx").write_bytes(b"no model")  # which comes first
    result = bench(BenchConfig(copy, devices=("cpu",), samples=8, rounds=1, texts=8))
    found = {cell.cell.variant: cell for cell in result.cells}
    assert "half/broken.onnx" in found["broken"].error
    assert found["broken"].measured is None
    assert found["fp32"].error == ""
    assert found["fp32"].agreement == 1.0


def test_weights_beside_the_graph_are_gathered(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "large")
    graph = onnx.load(folder / "model.onnx")
    onnx.save(graph, copy / "model.onnx", save_as_external_data=True, location="model.onnx_data",
              size_threshold=0)  # fmt: skip
    assert (copy / "model.onnx_data").is_file()
    answers = []
    for place in (folder, copy):
        with (
            open_subject(place) as subject,
            load(subject.folder, device="cpu", verify="off") as model,
        ):
            answers.append(model.predict(TEXTS))
    assert answers[0] == answers[1]
    (copy / "model.onnx_data").unlink()
    with pytest.raises(BundleError, match="in another file cannot be gathered"), \
            open_subject(copy):  # fmt: skip
        pass


def test_without_onnx_weights_beside_the_graph_say_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(folder, tmp_path / "large")
    onnx.save(onnx.load(folder / "model.onnx"), copy / "model.onnx", save_as_external_data=True,
              location="model.onnx_data", size_threshold=0)  # fmt: skip
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DependencyError, match="keeps weights in another file") as caught, \
            open_subject(copy):  # fmt: skip
        pass
    assert "pip install onnx" in caught.value.hint


def test_a_checkpoint_without_onnx_says_how_to_export_it(tiny_checkpoint: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle") as caught, open_subject(tiny_checkpoint):
        pass
    assert "edgeft export" in caught.value.hint
