import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft.export.ladder
import edgeft.export.run
from edgeft.cli import main
from edgeft.errors import UsageError
from edgeft.export.run import ExportConfig
from tests import tiny
from tests.train.conftest import rows, write_csv

ROOT = Path(__file__).parents[2]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_a_table_and_the_next_command(tiny_checkpoint: Path, tmp_path: Path) -> None:
    result = invoke(tiny_checkpoint, "-o", tmp_path / "b")
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    assert "compared with torch on 60 texts built in" in words
    assert "fp32 0.1 1.00 ort-fused 2/2" in words
    assert "int8" in words
    assert "accuracy" not in words
    assert f"Next: edgeft predict {tmp_path / 'b'} FILE" in result.stdout
    assert (tmp_path / "b" / "edgeft.json").is_file()


def test_json_and_labelled_data(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", rows(60))
    arguments = (tiny_checkpoint, "--data", data, "--max-drop", 100)
    result = invoke(*arguments, "-o", tmp_path / "b", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert set(document["variants"]) == {"fp32", "int8"}
    assert document["torch"]["rows"] == document["variants"]["int8"]["scores"]["rows"] == 30
    shown = " ".join(invoke(*arguments, "-o", tmp_path / "c").stdout.split())
    assert "accuracy lost" in shown
    assert "macro F1 lost" in shown
    torch = document["torch"]
    assert f"torch {torch['accuracy']:.4f} {torch['macro_f1']:.4f}" in shown


@pytest.mark.parametrize(
    ("arguments", "variant"),
    [
        (("--single-file", "CHECKPOINT"), "fp32"),
        (("CHECKPOINT", "--single-file"), "fp32"),
        (("--single-file=int8", "CHECKPOINT"), "int8"),
        (("CHECKPOINT", "--single-file=int8"), "int8"),
        (("--single-file", "--", "CHECKPOINT"), "fp32"),
        (("CHECKPOINT",), ""),
    ],
)
def test_a_single_file_leaves_the_checkpoint_alone(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], variant: str
) -> None:
    asked = []

    def stop(config: ExportConfig, *_: object) -> None:
        asked.append((config.checkpoint, config.single_file))
        raise UsageError("enough")

    monkeypatch.setattr(edgeft.export.run, "export", stop)
    result = invoke("-o", "out", *arguments)
    assert (result.exit_code, asked) == (2, [("CHECKPOINT", variant)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("CHECKPOINT", "--single-file="), "no variant is named after the '='"),
        (("--single-file", "int8", "CHECKPOINT"), "unexpected extra argument"),
    ],
)
def test_a_single_file_of_no_variant(arguments: tuple[str, ...], words: str) -> None:
    result = invoke("-o", "out", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_gate_exits_with_3_and_writes_nothing(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny.outlier(tiny_checkpoint, tmp_path / "outlier")
    predict = ["predict", str(tmp_path / "b"), str(tmp_path / "t.txt"), "--variant", "fp32"]
    assert invoke(checkpoint, "-o", tmp_path / "b", "--variant", "fp32").exit_code == 0
    texts = [text for text, _ in rows(90)]
    (tmp_path / "t.txt").write_text("\n".join(texts))
    answers = CliRunner().invoke(main, predict).stdout.splitlines()
    labels = [json.loads(line)["label"] for line in answers]
    data = write_csv(tmp_path / "d.csv", zip(texts, labels, strict=True))
    monkeypatch.setattr(edgeft.export.ladder, "MOST_LEFT", 0.0)
    result = invoke(checkpoint, "-o", tmp_path / "c", "--data", data, "--variant", "int8")
    assert result.exit_code == 3
    assert "int8 cannot be shipped: it loses" in result.stderr
    assert "--variant fp32" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["./missing", "-o", "b"], 1, "is not a folder"),
        (["."], 2, "Missing option '-o'"),
        ([".", "-o", "b", "--variant", "int3"], 2, "no variant 'int3'"),
        ([".", "-o", "b", "--target", "z80"], 2, "no target 'z80'"),
        ([".", "-o", "../b", "--data", "missing.csv"], 1, "does not exist"),
        ([".", "-o", "b", "--label-precision", "spam"], 2, "is not LABEL=SHARE"),
        ([".", "-o", "b", "--recall", "spam=2"], 2, "is not LABEL=SHARE"),
        ([".", "-o", "b", "--recall", "a=1", "--label-precision", "a=1"], 2, "exclude each other"),
    ],
)
def test_bad_input_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_markup_in_labels(tmp_path: Path) -> None:
    checkpoint = tiny.bert(tmp_path / "c", labels=("[/b]", "[red]"))
    data = write_csv(
        tmp_path / "d.csv",
        [(f"{label} {i}", label) for i in range(30) for label in ("[red]", "[bold]")],
    )
    result = invoke(checkpoint, "-o", tmp_path / "[red]", "--data", data)
    assert result.exit_code == 1
    assert "the model has no label '[bold]'" in result.stderr
    assert "'[/b]', '[red]'" in result.stderr
    result = invoke(checkpoint, "-o", tmp_path / "[red]")
    assert result.exit_code == 0, result.output
    assert "[red], compared with torch" in " ".join(result.stdout.split())


def test_only_what_is_ours_is_printed(tiny_checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgeft", "export", str(tiny_checkpoint), "-o",
               str(tmp_path / "b"), "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{\n")
    ours = ("running torch: ", "exporting: ", "checking fp32: ", "checking int8: ")
    assert all(line.startswith(ours) for line in done.stderr.splitlines())
