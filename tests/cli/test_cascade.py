"""eval, verify, inspect, predict and bench show which stage of a cascade answered how much."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.bundle import read_manifest
from edgeft.cli import main
from tests import tiny
from tests.cascades import Step, cascade

WIDE = {"COLUMNS": "200"}


def run(*arguments: object, stdin: str = "") -> Result:
    found = CliRunner().invoke(main, [str(one) for one in arguments], input=stdin, env=WIDE)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path, data: Path) -> Path:
    """The tiny model's int8 where it is sure, as of half of the data, else its fp32."""
    texts = [row.rpartition(",")[0] for row in data.read_text("utf-8").splitlines()[1:]]
    with edgeft.load(tiny_bundle, device="cpu", variant="int8", batch_invariant=True) as model:
        scores = sorted({one.score for one in model.predict(texts)})
    at = len(scores) // 2
    steps: list[Step] = [
        ("cheap", "int8", (scores[at - 1] + scores[at]) / 2), ("main", "fp32", None),
    ]  # fmt: skip
    return cascade(tmp_path / "b", {"cheap": tiny_bundle, "main": tiny_bundle}, steps)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    rows = [f"{one} {other},{tiny.LABELS[len(one) % 3]}" for one in tiny.WORDS
            for other in tiny.WORDS[:4]]  # fmt: skip
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def stages(folder: Path, data: Path) -> Counter[str]:
    """How many of the rows each stage answers, as predict tells."""
    result = run("predict", folder, data, "--device", "cpu", "--batch-invariant")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    found = Counter(one["stage"] for one in lines)
    assert set(found) == {"cheap", "main"}
    assert "Running cheap and main on cpu" in result.stderr
    told = f"cheap {found['cheap'] / len(lines):.1%}, main {found['main'] / len(lines):.1%}"
    assert f"Answered by: {told}." in result.stderr
    return found


def shares(stages: Counter[str]) -> dict[str, float]:
    return {name: count / stages.total() for name, count in stages.items()}


def test_eval(folder: Path, data: Path, stages: Counter[str]) -> None:
    shown = run("eval", folder, data, "--device", "cpu", "--json")
    found = json.loads(shown.stdout)["variants"]
    assert list(found) == ["fp32", "int8", "cascade"]
    assert found["cascade"]["stages"] == pytest.approx(shares(stages))
    assert "stages" not in found["fp32"]
    table = run("eval", folder, data, "--device", "cpu", "--variant", "cascade").stdout
    (name, _), *_ = stages.most_common()
    assert f"cascade, answered by: {name} {shares(stages)[name]:.1%}, " in table
    alone = run("eval", folder, data, "--device", "cpu", "--variant", "cheap", "--json")
    assert list(json.loads(alone.stdout)["variants"]) == ["cheap"]


def test_verify(folder: Path, data: Path, stages: Counter[str]) -> None:
    plain = json.loads(run("verify", folder, "--device", "cpu", "--json").stdout)
    assert list(plain) == ["fp32", "int8", "cheap"]
    assert all(one["golden"]["passed"] for one in plain.values())
    given = ("--data", data, "--device", "cpu", "--max-drop", 100)
    found = json.loads(run("verify", folder, *given, "--json").stdout)
    assert list(found) == ["fp32", "int8", "cheap", "cascade"]
    whole = found["cascade"]
    assert (whole["golden"], whole["stages"]) == (None, pytest.approx(shares(stages)))
    assert whole["agreement"]["agreement"] >= 0.9
    assert set(whole["drop"]) == set(found["int8"]["drop"])
    shown = " ".join(run("verify", folder, *given).stdout.split())
    assert "cascade, answered by: " in shown
    assert "cascade, against its full model: " in shown or "(a cascade's: as its full" in shown


def test_a_cascade_that_loses_too_much_misses_the_gate(
    tmp_path: Path, tiny_bundle: Path, data: Path
) -> None:
    other = cascade_of_two(tmp_path, tiny_bundle)
    result = run("predict", other, data, "--device", "cpu", "--variant", "fp32")
    labels = [json.loads(line)["label"] for line in result.stdout.splitlines()]
    rows = data.read_text("utf-8").splitlines()[1:]
    told = [f"{row.rpartition(',')[0]},{label}" for row, label in zip(rows, labels, strict=True)]
    data.write_text("\n".join(["text,label", *told]), encoding="utf-8")
    missed = run("verify", other, "--data", data, "--device", "cpu", "--max-drop", 10)
    assert missed.exit_code == 3
    assert "cascade loses" in " ".join(missed.stderr.split())
    assert "against its full model" in " ".join(missed.stderr.split())


def cascade_of_two(tmp_path: Path, tiny_bundle: Path) -> Path:
    """A cascade whose first stage, another model, answers all."""
    from tests.exporting import ExportConfig, export

    checkpoint = tiny.bert(tmp_path / "checkpoint", seed=5)
    export(ExportConfig(str(checkpoint), tmp_path / "other"))
    steps: list[Step] = [("cheap", "fp32", 0.0), ("main", "fp32", None)]
    return cascade(tmp_path / "two", {"cheap": tmp_path / "other", "main": tiny_bundle}, steps)


def test_inspect(folder: Path) -> None:
    shown = run("inspect", folder).stdout
    assert "Stages, each asked where the one before is not sure enough" in shown
    assert f"{read_manifest(folder).pipeline[0].below:.4f}" in shown
    assert "models/cheap/onnx/model_int8.onnx" in shown
    assert "Variants of the full model" in shown


@pytest.mark.long
def test_bench(folder: Path, data: Path, stages: Counter[str]) -> None:
    result = run(
        "bench", folder, "--data", data, "--device", "cpu", "--variant", "fp32", "--variant",
        "cascade", "--rounds", 1, "--samples", 20, "--seconds", 1, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    fp32, whole = json.loads(result.stdout)["cells"]
    assert (fp32["variant"], whole["variant"]) == ("fp32", "cascade")
    assert fp32["stages"] == {}
    assert set(whole["stages"]) == {"cheap", "main"}
    assert sum(whole["stages"].values()) == pytest.approx(1)
    assert whole["precision"] == "int8+fp32"
    assert whole["agreement"] >= 0.9
    assert whole["texts_per_s"]["median"] > 0
    files = read_manifest(folder).files
    names = ("models/cheap/onnx/model_int8.onnx", "onnx/model.onnx")
    assert whole["file_bytes"] == sum(files[name].bytes for name in names)
