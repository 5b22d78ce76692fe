"""A cascade is loaded whole, or it is said which stage fails."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.errors import (
    BundleError,
    IntegrityError,
    UsageError,
)
from tests import tiny
from tests.cascades import Step, cascade, moved


def test_what_a_variant_may_name(folder: Path) -> None:
    for name, variant in (("cheap", "fp32"), ("int8", "int8"), ("main", "fp32")):
        with edgeft.load(folder, device="cpu", variant=name) as model:
            assert (model.stages, model.variant) == ((), variant)
            assert model.predict("the cat").stage == ""
    with edgeft.load(folder, device="cpu", variant="cascade") as model:
        assert model.stages == ("cheap", "main")
    with pytest.raises(UsageError, match=r"cascade of cheap and main.*no 'fp16'") as caught:
        edgeft.load(folder, device="cpu", variant="fp16")
    assert "fp32, int8" in caught.value.hint


def test_the_task_and_settings_are_those_of_the_bundle(folder: Path) -> None:
    with edgeft.load(folder, device="cpu", task="text-classification") as model:
        assert model.labels == tiny.LABELS
    with pytest.raises(UsageError, match="is of the task text-classification"):
        edgeft.load(folder, device="cpu", task="token-classification")
    with pytest.raises(UsageError, match="has no min_score"):
        edgeft.load(folder, device="cpu", min_score=0.5)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_a_damaged_stage_is_named(folder: Path, tmp_path: Path, file: str) -> None:

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (path,) = (copy / "models" / "cheap").rglob(file)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be loaded: .* sha256"):
        edgeft.load(copy, device="cpu")
    path.unlink()
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be loaded: .*No such file"):
        edgeft.load(copy, device="cpu", verify="off")


@pytest.mark.parametrize("stage", ["cheap", "main"])
def test_golden_answers_of_each_stage_are_held(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, stage: str
) -> None:
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    record = read_manifest(bundles[stage]).model
    fp32 = record.variants["fp32"]
    rows = tuple(tuple(-value for value in row) for row in fp32.golden.outputs["logits"])
    wrong = replace(fp32, golden=replace(fp32.golden, outputs={"logits": rows}))
    other = replace(record, variants={**record.variants, "fp32": wrong})
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    changes = {stage: moved(other, "models/cheap") if stage == "cheap" else other}
    out = cascade(tmp_path / "b", bundles, steps, **changes)
    with pytest.raises(IntegrityError, match=f"stage '{stage}' cannot be .* does not answer as r"):
        edgeft.load(out, device="cpu")
    with edgeft.load(out, device="cpu", verify="off") as model:
        assert model.predict("the cat").label in tiny.LABELS


def test_a_stage_without_golden_answers_is_named(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    record = moved(read_manifest(cheap_bundle).model, "models/cheap")
    fp32 = record.variants["fp32"]
    bare = replace(fp32, golden=replace(fp32.golden, outputs={}))
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    out = cascade(tmp_path / "b", bundles, steps, cheap=replace(record, variants={"fp32": bare}))
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be .* records no golden"):
        edgeft.load(out, device="cpu")


def test_other_labels_are_refused(tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path) -> None:
    record = moved(read_manifest(cheap_bundle).model, "models/cheap")
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    out = cascade(
        tmp_path / "b", bundles, steps, cheap=replace(record, labels=("calm", "sad", "glad"))
    )
    with pytest.raises(BundleError, match=r"models\.cheap\.labels are not those of 'main'"):
        edgeft.load(out)
