"""Bundles that version 0.1 wrote keep loading, and answer as they did."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import edgeft
from edgeft.bundle import read_manifest
from edgeft.cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
BUNDLE = FIXTURES / "bundle-0.1"
ANSWERS = json.loads((FIXTURES / "answers-0.1.json").read_text(encoding="utf-8"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy, beside which results may be written."""
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    return tmp_path / "bundle"


# int8 is computed a little otherwise by every kind of CPU.
@pytest.mark.parametrize(("variant", "near"), [("fp32", 1e-4), ("int8", 0.05)])
def test_it_answers_as_it_did(variant: str, near: float) -> None:
    with edgeft.load(BUNDLE, device="cpu", variant=variant, verify="full") as model:
        assert model.labels == ("calm", "glad", "sad")
        for answer in ANSWERS[variant]:
            found = model.predict(answer["text"])
            assert found.score == pytest.approx(answer["score"], abs=near)
            assert variant == "int8" or found.label == answer["label"]


def test_its_normalization_and_its_threshold_are_honoured() -> None:
    with edgeft.load(BUNDLE, device="cpu", variant="fp32") as model:
        assert model.predict("ﬁlm") == model.predict("film")  # nfkc takes the ligature apart
        withheld = [one for one in ANSWERS["fp32"] if one["score"] < 0.5]
        assert {model.predict(one["text"]).label for one in withheld} == {"glad"}
    assert set(json.loads((BUNDLE / "edgeft.json").read_text())["requires"]) == {
        "decision", "normalize",
    }  # fmt: skip


def test_what_it_measured_has_the_names_of_today() -> None:
    measured = read_manifest(BUNDLE).model.variants["int8"].measured
    assert measured["parity"]["agreement"] == 0.925
    assert measured["clear_agreement"] == {"clear": 12, "agreement": 1.0}
    assert measured["batch"].keys() == {"texts", "flips", "max_abs_logit_diff"}


def test_every_command_opens_it(bundle: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{one['text']},{one['label']}" for one in ANSWERS["fp32"]]
    data.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    for arguments in (
        ["inspect", bundle, "--json"],
        ["verify", bundle, "--data", data, "--max-drop", 100, "--json"],
        ["eval", bundle, data, "--device", "cpu", "--json"],
        ["predict", bundle, data, "--device", "cpu"],
        ["bench", bundle, "--device", "cpu", "--rounds", 1, "--samples", 2, "--texts", 4, "--json"],
    ):
        done = CliRunner().invoke(main, [*map(str, arguments)])
        assert done.exit_code == 0, (arguments[0], done.output)
