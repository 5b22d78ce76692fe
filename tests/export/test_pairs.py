"""Bundles of models that judge pairs of texts."""

import json
from pathlib import Path

import numpy as np
import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.errors import DataError, UsageError
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Pair
from edgeft.tasks import task_named

PAIRS = [Pair("狗 在 跑", "猫 在 睡觉 🐕"), Pair("the cat", ""), Pair("a b " * 60, "red"),
         Pair("red", "a b " * 60), Pair("the sun " * 40, "rain " * 40)]  # fmt: skip


def test_a_bundle_says_that_it_was_made_for_pairs(pair_bundle: Path) -> None:
    record = read_manifest(pair_bundle).model
    assert record.takes == "pairs"
    assert {type(one) for one in record.golden_inputs} == {Pair}
    card = (pair_bundle / "README.md").read_text(encoding="utf-8")
    assert 'model.predict(edgeft.Pair("…", "…")).label' in card
    assert 'tokenizer("…", "…", truncation=True' in card
    assert "At most 64 tokens of a pair are read" in card
    with edgeft.load(pair_bundle, device="cpu") as model:
        with pytest.raises(TypeError, match="must be a Pair, not str: make it one with edgeft"):
            model.predict("the cat")
        with pytest.raises(TypeError, match=r"inputs\[1\] must be a Pair, not str"):
            model.predict([PAIRS[0], "the cat"])


def test_it_answers_as_torch_does(pair_bundle: Path, pair_checkpoint: Path) -> None:
    checkpoint = open_checkpoint(str(pair_checkpoint))
    assert checkpoint.task is task_named("text-classification", "pairs")
    told = torch_told(checkpoint, PAIRS)
    with edgeft.load(pair_bundle, variant="fp32", device="cpu") as model:
        _, outputs = model.outputs(PAIRS)
        np.testing.assert_allclose(outputs["logits"], told.outputs["logits"], atol=1e-4)
        assert [one.truncated for one in model.predict(PAIRS)] == [False, False, True, True, True]


def test_data_of_pairs_make_it_a_model_of_pairs(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    rows = [f"the cat {at},it {at} fell,{('calm', 'glad', 'sad')[at % 3]}" for at in range(60)]
    data.write_text("\n".join(["premise,hypothesis,label", *rows]), encoding="utf-8")
    found = export(
        ExportConfig(str(tiny_checkpoint), tmp_path / "b", data=data, variants=("fp32",))
    )
    assert found.manifest.model.takes == "pairs"
    assert found.torch is not None
    assert found.torch.rows == 30
    assert found.manifest.provenance["notes"] == []


def test_each_text_that_is_cut_is_told(pair_checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_text(f"first,second\n{'the cat ' * 60},red\n{'a ' * 50},{'b ' * 50}\nc,d\n")
    found = export(
        ExportConfig(str(pair_checkpoint), tmp_path / "b", data=data, variants=("fp32",))
    )
    assert found.manifest.provenance["notes"] == [
        "The data hold 3 pairs. Cut to 64 tokens: 2 pairs in the first text, 1 in the second."
    ]


def test_data_of_another_kind_than_the_model_is_of(pair_checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_text("text,label\na,yes\nb,no\n", encoding="utf-8")
    config = ExportConfig(str(pair_checkpoint), tmp_path / "b", data=data)
    with pytest.raises(DataError, match="gives single texts, and pairs of texts are wanted") as bad:
        export(config)
    assert bad.value.hint == (
        "Name the two columns that hold them: --text-column ONE --text-column OTHER"
    )
    with pytest.raises(UsageError, match="A single file is asked one text at a time"):
        export(ExportConfig(str(pair_checkpoint), tmp_path / "b", single_file="fp32"))


def test_a_manifest_without_the_field_takes_either(tiny_bundle: Path) -> None:
    content = json.loads((tiny_bundle / "edgeft.json").read_text(encoding="utf-8"))
    assert "takes" not in content["models"]["main"]
    with edgeft.load(tiny_bundle, device="cpu") as model:
        assert len(model.predict(["the cat", PAIRS[0]])) == 2
