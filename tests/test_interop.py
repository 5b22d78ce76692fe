"""Bundles of taggers and answer finders, as optimum and transformers read them."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("optimum.onnxruntime")

import edgeft
from benchmarks import interop, interop_numbers
from benchmarks.compare import ROOT
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Input, Pair, Question
from tests import tiny

SHORT = [" ".join(tiny.WORDS[at : at + 7]) for at in range(20)]  # of words that are tokens
ACCENTED = [one.replace("a", "a\u0301") for one in SHORT]  # which the tokenizer takes away
LONG = [" ".join(tiny.WORDS[at:] * 6) for at in range(3)]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint, and its bundle."""
    folder = tmp_path_factory.mktemp("tagger")
    checkpoint = tiny.tagger(folder / "c")
    return checkpoint, export(ExportConfig(str(checkpoint), folder / "b", variants=("fp32",))).out


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("finder")
    checkpoint = tiny.answerer(folder / "c")
    return checkpoint, export(ExportConfig(str(checkpoint), folder / "b", variants=("fp32",))).out


def differences(made: tuple[Path, Path], inputs: list[Input]) -> list[interop.Difference]:
    checkpoint, bundle = made
    some = interop.readers(bundle, checkpoint)
    assert len(some) == 2
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        return interop.compare(model, inputs, some)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_readers_find_the_same_entities(tagger: tuple[Path, Path]) -> None:
    assert differences(tagger, [*SHORT]) == []
    found = differences(tagger, [*LONG, *ACCENTED])
    assert {one.cause for one in found} >= {interop.WINDOWS, interop.LENGTH_OF_NAMES}
    assert all(one.explained for one in found)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_readers_find_the_same_answers(finder: tuple[Path, Path]) -> None:
    whole = [Question("what won?", one) for one in SHORT]
    assert [one.cause for one in differences(finder, whole)] == []
    found = differences(finder, [Question("what won?", one) for one in LONG])
    assert {one.cause for one in found} >= {interop.SCALES}
    assert all(one.explained for one in found)


@pytest.mark.parametrize("kind", ["pair", "labeller"])
def test_other_readers_compute_the_same_numbers(kind: str, request: pytest.FixtureRequest) -> None:
    checkpoint: Path = request.getfixturevalue(f"{kind}_checkpoint")
    bundle: Path = request.getfixturevalue(f"{kind}_bundle")
    inputs: list[Input] = [*SHORT, "一只狗 🐕"]
    if kind == "pair":
        inputs = [
            Pair(str(one), str(other)) for one, other in zip(inputs, inputs[3:], strict=False)
        ]
    readers = interop_numbers.number_readers(bundle, checkpoint)
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        rows = interop_numbers.compared(model, inputs, readers)
    assert [row["equal"] for row in rows] == [len(inputs)] * 2
    assert all(row["apart"] < interop_numbers.NEAR for row in rows)


def test_numbers_of_another_model_are_told_apart(pair_bundle: Path, tmp_path: Path) -> None:
    other = tiny.pairs(tmp_path / "other", seed=1)
    inputs: list[Input] = [Pair(one, two) for one, two in pairwise(SHORT)]
    readers = interop_numbers.number_readers(pair_bundle, other)
    with edgeft.load(pair_bundle, device="cpu", variant="fp32") as model:
        _, torch = interop_numbers.compared(model, inputs, readers)
    assert torch["apart"] > interop_numbers.NEAR


def test_what_nothing_explains_is_told(tagger: tuple[Path, Path], tmp_path: Path) -> None:
    _, bundle = tagger
    other = tiny.tagger(tmp_path / "other", seed=1)
    (tmp_path / "texts.txt").write_text("\n".join(SHORT))
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "benchmarks.interop", bundle, "--data", tmp_path / "texts.txt",
               "--checkpoint", other, "--texts", 5, "-o", out]  # fmt: skip
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    optimum, torch = json.loads(out.read_text())["readers"]
    assert (optimum["equal"], optimum["share"]) == (5, 1.0)
    assert torch["causes"] == {interop.UNEXPLAINED: 5 - torch["equal"]}
    assert "unexplained" in done.stdout
