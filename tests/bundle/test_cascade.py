"""The manifest of a cascade: what is written is read, and what does not fit is named."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.bundle import MANIFEST, PipelineStep, read_manifest
from edgeft.errors import BundleError, FormatError
from tests.cascades import cascade, with_content

STEPS = (("student", "int8", 0.75), ("main", "fp32", None))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    out = tmp_path_factory.mktemp("cascade") / "bundle"
    return cascade(out, {"student": tiny_bundle, "main": tiny_bundle}, STEPS)


@pytest.fixture
def content(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_text()))


def test_what_is_written_is_read(folder: Path, content: dict[str, Any]) -> None:
    manifest = read_manifest(folder)
    assert manifest.pipeline == tuple(PipelineStep(*step) for step in STEPS)
    assert manifest.stages == ("student", "main")
    assert manifest.requires == ("records", "cascade")
    assert manifest.model is manifest.models["main"]
    assert manifest.model.path == "."
    assert manifest.alone("student").model.tokenizer == "models/student/tokenizer.json"
    assert manifest.alone("student").stages == ()
    assert content["requires"]["cascade"] == "0.2.0"
    assert content["pipeline"] == [
        {"model": "student", "variant": "int8", "below": 0.75},
        {"model": "main", "variant": "fp32"},
    ]


def test_two_variants_of_one_model_are_told_apart(tmp_path: Path, tiny_bundle: Path) -> None:
    steps = (("main", "int8", 0.5), ("main", "fp32", None))
    out = cascade(tmp_path / "bundle", {"main": tiny_bundle}, steps)
    assert read_manifest(out).stages == ("main int8", "main fp32")


def test_a_model_alone_has_no_stages(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    assert (manifest.stages, "cascade" in manifest.requires) == ((), False)
    written = json.loads((tiny_bundle / MANIFEST).read_text())
    assert written["pipeline"] == [{"model": "main"}]


def test_an_older_threshold_that_is_null_is_read(tmp_path: Path, tiny_bundle: Path) -> None:
    older = json.loads((tiny_bundle / MANIFEST).read_text())
    older["pipeline"] = [{"model": "main", "threshold": None}]
    with_content(tmp_path, older)
    assert read_manifest(tmp_path).pipeline == (PipelineStep("main"),)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("pipeline", 0, "model"), "other", "pipeline[0] names no model of the bundle: 'other'"),
        (("pipeline", 0, "below"), None, "pipeline[0].below is missing: it says when"),
        (("pipeline", 0, "below"), 1.5, "pipeline[0].below is 1.5"),
        (("pipeline", 1, "below"), 0.5, "pipeline[1].below is 0.5, and there is no step after"),
        (("pipeline", 0, "variant"), "fp16", "variant is 'fp16'; the model has fp32, int8"),
        (("pipeline", 0, "variant"), "", "variant is ''; the model has"),
        (("pipeline", 0), {"model": "main", "variant": "fp32", "below": 0.5}, "asks main fp32 on"),
        (("pipeline", 0), {"model": "main", "variant": "int8", "below": 0.5}, "models.student is"),
        (("models", "student", "labels"), ["glad", "calm", "sad"], "labels are not those of 'main"),
        (("models", "student", "task"), "token-classification", "task is token-classification"),
        (("models", "student", "tokenizer"), "models/x.json", "student.tokenizer is not among"),
        (("models", "student", "variants", "int8", "graph"), "foreign", "that gives no scores"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    content: dict[str, Any],
    tmp_path: Path,
    place: tuple[str | int, ...],
    value: object,
    message: str,
) -> None:
    inner: Any = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(BundleError) as caught:
        read_manifest(with_content(tmp_path, content))
    assert message in str(caught.value)


def test_stages_of_two_tasks(content: dict[str, Any], tmp_path: Path, tagger_bundle: Path) -> None:
    other = json.loads((tagger_bundle / MANIFEST).read_text())
    content = copy.deepcopy(content)
    content["models"]["student"] = other["models"]["main"]
    with pytest.raises(BundleError) as caught:
        read_manifest(with_content(tmp_path, content))
    assert "models.student.task is token-classification, and that of 'main' is text-clas" in str(
        caught.value
    )


def test_thresholds_of_a_stage_are_refused(content: dict[str, Any], tmp_path: Path) -> None:
    content["models"]["student"]["head"] = {"temperature": 1.5}
    assert read_manifest(with_content(tmp_path, content)).stages == ("student", "main")
    content["models"]["student"]["head"] = {"abstain_below": 0.5}
    with pytest.raises(FormatError, match="Stage student has thresholds of its own"):
        read_manifest(with_content(tmp_path, content))
