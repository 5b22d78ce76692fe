"""A model repository of Triton's: read by its own schema, its models asked with real bundles."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.cli import main
from edgeft.deploy.triton.backend import Answerer, TensorRequest
from edgeft.deploy.triton.write import TritonConfig, deploy_triton
from edgeft.errors import BundleError, DataError, EdgeftError, OutputError
from edgeft.inputs import Pair, Question
from tests.folders import names_in

TEXTS = ["the cat fell", "", "👍🏽 中文 [/b]", "good bread " * 60]
OUTPUTS = ["prediction", "label", "score", "truncated", "unknown_share"]


def written(out: Path, **bundles: Path) -> Path:
    deploy_triton(TritonConfig(bundles=bundles, out=out))
    return out


def as_triton_tells(model: Path) -> dict[str, Any]:
    """A model's configuration as Triton hands it over: ModelConfig, as JSON."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    json_format = pytest.importorskip("google.protobuf.json_format")
    schema = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    config = text_format.Parse((model / "config.pbtxt").read_text("utf-8"), schema.ModelConfig())
    told = json_format.MessageToDict(config, preserving_proto_field_name=True)
    assert isinstance(told, dict)
    return told


def tensors(**texts: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: np.array([one.encode() for one in column], dtype=np.object_).reshape(-1, 1)
        for name, column in texts.items()
    }


def answerer(model: Path) -> Answerer:
    return Answerer(as_triton_tells(model), model / "1" / "bundle", "cpu")


def told(found: Mapping[str, Any] | EdgeftError) -> list[Any]:
    assert not isinstance(found, EdgeftError), found
    return [json.loads(one) for one in found["prediction"].ravel()]


def test_the_folder_is_what_triton_looks_for(tiny_bundle: Path, tmp_path: Path) -> None:
    repository = written(tmp_path / "repository", news=tiny_bundle)
    assert names_in(repository) == ["edgeft-deploy.json", "news"]
    assert names_in(repository / "news") == ["1", "config.pbtxt"]
    assert names_in(repository / "news" / "1") == ["bundle", "model.py"]
    compile((repository / "news" / "1" / "model.py").read_text("utf-8"), "model.py", "exec")


def test_triton_reads_the_configuration(
    tiny_bundle: Path, answerer_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    deploy_triton(
        TritonConfig(bundles={"news": tiny_bundle, "who": answerer_bundle}, out=out, device="cuda",
                     variant="int8", threads=1, max_batch=8, max_waiting=9, timeout_s=0.5)
    )  # fmt: skip
    news, who = as_triton_tells(out / "news"), as_triton_tells(out / "who")
    assert (news["name"], news["backend"], news["max_batch_size"]) == ("news", "python", 8)
    assert [one["name"] for one in news["output"]] == OUTPUTS
    assert [(one["name"], one.get("optional", False)) for one in news["input"]] == [
        ("text", False),
        ("other", True),
    ]
    assert [(one["name"], one.get("optional", False)) for one in who["input"]] == [
        ("question", False),
        ("context", False),
    ]
    assert all(one["dims"] == ["1"] for one in (*news["input"], *news["output"]))
    assert news["instance_group"] == [{"count": 1, "kind": "KIND_GPU"}]
    assert news["dynamic_batching"]["default_queue_policy"] == {
        "allow_timeout_override": True,
        "default_timeout_microseconds": "500000",
        "max_queue_size": 9,
    }
    options = {name: one["string_value"] for name, one in news["parameters"].items()}
    digest = json.loads((tiny_bundle / "edgeft.json").read_text("utf-8"))["digest"]
    assert options == {"expect": digest, "variant": "int8", "threads": "1"}


def test_answers_are_those_of_predict(tiny_bundle: Path, tmp_path: Path) -> None:
    model = written(tmp_path / "out", news=tiny_bundle) / "news"
    one = answerer(model)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as plain:
        expected = [plain.task.show(found, False) for found in plain.predict(TEXTS)]
        full = [plain.task.show(found, True) for found in plain.predict(TEXTS[:1])]
    found = one.answers(
        [
            TensorRequest(tensors(text=TEXTS[:1]), OUTPUTS),
            TensorRequest(tensors(text=TEXTS[1:]), ["prediction"]),
            TensorRequest(tensors(text=TEXTS[:1]), ["prediction"], scores=True),
            TensorRequest(tensors(text=[]), ["prediction"]),
        ]
    )
    one.close()
    labels = [shown["label"] for shown in told(found[0]) + told(found[1])]
    assert labels == [shown["label"] for shown in expected]
    first = found[0]
    assert not isinstance(first, EdgeftError)
    assert [(name, column.dtype.name, column.shape) for name, column in first.items()] == [
        ("prediction", "object", (1, 1)),
        ("label", "object", (1, 1)),
        ("score", "float32", (1, 1)),
        ("truncated", "bool", (1, 1)),
        ("unknown_share", "float32", (1, 1)),
    ]
    assert first["label"][0, 0].decode() == expected[0]["label"]
    assert told(found[2])[0]["scores"].keys() == full[0]["scores"].keys()
    assert told(found[3]) == []


def test_pairs_and_questions(pair_bundle: Path, answerer_bundle: Path, tmp_path: Path) -> None:
    out = written(tmp_path / "out", pairs=pair_bundle, who=answerer_bundle)
    for name, asked, given in (
        ("pairs", {"text": ["a", ""], "other": ["b", "中"]}, [Pair("a", "b"), Pair("", "中")]),
        ("who", {"question": ["who?"], "context": ["The dog."]}, [Question("who?", "The dog.")]),
    ):
        one = answerer(out / name)
        found = told(one.answers([TensorRequest(tensors(**asked), ["prediction"])])[0])
        with edgeft.load(out / name / "1" / "bundle", device="cpu") as plain:
            assert found == [plain.task.show(each, False) for each in plain.predict(given)]
        one.close()


def test_a_wrong_request_takes_no_other_with_it(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    deploy_triton(TritonConfig(bundles={"news": tiny_bundle}, out=out, on_long="error"))
    one = answerer(out / "news")
    not_utf8 = np.array([[b"caf\xe9"]], dtype=np.object_)
    found = one.answers(
        [
            TensorRequest({"text": not_utf8}, OUTPUTS),
            TensorRequest(tensors(text=["a"]), OUTPUTS),
            TensorRequest(tensors(text=["the cat " * 500]), OUTPUTS),
            TensorRequest(tensors(question=["a"]), OUTPUTS),
            TensorRequest(tensors(text=["a"], other=["a", "b"]), OUTPUTS),
        ]
    )
    one.close()
    wrong = [isinstance(each, DataError) for each in found]
    assert wrong == [True, False, True, True, True]
    assert str(found[0]) == "The tensor text holds a text that is not UTF-8."
    assert str(found[3]) == "The tensors must be: text or text and other."


def test_a_bundle_that_was_changed_is_not_run(
    tiny_bundle: Path, pair_bundle: Path, tmp_path: Path
) -> None:
    model = written(tmp_path / "out", news=tiny_bundle) / "news"
    shutil.rmtree(model / "1" / "bundle")
    shutil.copytree(pair_bundle, model / "1" / "bundle")
    with pytest.raises(BundleError):
        answerer(model)


def test_it_appears_whole_or_not_at_all(tiny_bundle: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    (broken / "config.json").write_text("{}")
    with pytest.raises(BundleError, match="recorded"):
        written(tmp_path / "out", news=tiny_bundle, broken=broken)
    assert names_in(tmp_path) == ["broken"]


def test_only_what_it_wrote_is_replaced(tiny_bundle: Path, tmp_path: Path) -> None:
    config = TritonConfig(bundles={"news": tiny_bundle}, out=tmp_path / "out")
    deploy_triton(config)
    with pytest.raises(OutputError, match="exists already"):
        deploy_triton(config)
    forced = TritonConfig(bundles={"other": tiny_bundle}, out=tmp_path / "out", force=True)
    deploy_triton(forced)
    assert names_in(tmp_path / "out") == ["edgeft-deploy.json", "other"]
    (tmp_path / "out" / "other" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        deploy_triton(forced)


def test_the_command_line(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    done = CliRunner().invoke(
        main, ["deploy", "triton", f"news={tiny_bundle}", "-o", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert list(json.loads(done.stdout)["models"]) == ["news"]
    assert (out / "news" / "config.pbtxt").is_file()
    for wrong, says in (
        ([str(tmp_path / "none")], "is not a folder"),
        ([f"a/b={tiny_bundle}"], "cannot be the name of a model"),
        ([str(tiny_bundle), "--variant", "fp16"], "fp16"),
    ):
        done = CliRunner().invoke(main, ["deploy", "triton", *wrong, "-o", str(tmp_path / "no")])
        assert (done.exit_code != 0, says in done.stderr) == (True, True), done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "no").exists()
