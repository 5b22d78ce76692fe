import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgeft.cli import main
from edgeft.cli.train_print import note_epoch
from edgeft.tasks import task_named
from edgeft.train.checkpoints import EpochScores
from tests import tiny
from tests.train.conftest import rows, write_csv

ROOT = Path(__file__).parents[2]
LONG_RUN = ("--epochs", "400", "--patience", "0", "--batch-size", "8", "--threads", "1")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", rows(60))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_tables_the_folder_and_the_next_command(encoder: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = invoke(data, "--model", encoder, "-o", out, "--epochs", 2, "--test", data,
                    "--threads", 1)  # fmt: skip
    assert result.exit_code == 0, result.output
    for words in ("rows in train", "Warning: 60 of 60 test texts are also in train", "Curve",
                  "weighted F1", "confusion", f"Next: edgeft export {out}"):  # fmt: skip
        assert words in result.stdout
    assert re.search(
        r"epoch 2, loss [\d.]+, hold-out accuracy [\d.]+, macro F1 [\d.]+", result.stderr
    )
    assert (out / "training.json").is_file()


def test_an_epoch_is_noted_in_the_words_of_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"exact_match": 0.5, "f1": 0.25}
    point = EpochScores(1, 10, 0.7, 3.0, 0.6, scores)
    note_epoch(point, task_named("question-answering").metrics)
    note_epoch(EpochScores(2, 20, 0.7, 3.0), {})
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1, loss 0.7000, hold-out exact match 0.5000, F1 0.2500, 3 s",
        "epoch 2, loss 0.7000, 3 s",
    ]


def test_json_is_the_record_and_from_repeats_it(encoder: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = invoke(data, "--model", encoder, "-o", out, "--epochs", 1, "--json", "--clean",
                   "--threads", 1,
                   "--normalize", "nfc,whitespace", "--class-weights")  # fmt: skip
    document = json.loads(first.stdout)
    assert document == json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert document["config"]["normalize"] == ["nfc", "whitespace"]
    again = json.loads(invoke("--from", out / "training.json", "--json").stdout)
    assert again["weights_sha256"] == document["weights_sha256"]
    assert (tmp_path / "run-2" / "model.safetensors").is_file()
    other = json.loads(invoke("--from", out / "training.json", "--seed", 5, "--json").stdout)
    assert other["weights_sha256"] != document["weights_sha256"]
    assert (tmp_path / "run-3").is_dir()


def test_from_says_where_it_would_not_repeat(encoder: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", rows(60))
    out = tmp_path / "run"
    invoke(data, "--model", encoder, "-o", out, "--epochs", 1, "--threads", 1)
    record = out / "training.json"
    document = json.loads(record.read_text(encoding="utf-8"))
    document["packages"]["torch"] = "1.0"
    record.write_text(json.dumps(document), encoding="utf-8")
    write_csv(data, rows(60, seed=1))
    refused = invoke("--from", record)
    assert refused.exit_code == 1
    assert "are not those that" in refused.stderr
    assert "without --from: edgeft train" in refused.stderr
    assert not list(tmp_path.glob("run-2*"))
    named = invoke(data, "--from", record)  # data named anew need not be the recorded ones
    assert named.exit_code == 0, named.output
    assert "was trained with torch 1.0, now" in named.stderr


def test_more_classes_than_a_screen_holds(encoder: Path, tmp_path: Path) -> None:
    many = [(text, f"class {number % 22}") for number, (text, _) in enumerate(rows(66))]
    data = write_csv(tmp_path / "d.csv", many)
    result = invoke(data, "--model", encoder, "-o", tmp_path / "run", "--epochs", 1,
                    "--threads", 1)  # fmt: skip
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())  # a title is folded to its table's width
    assert "the 10 classes with the lowest F1, of 22" in words
    assert "the most frequent mistakes" in words


def test_markup_in_texts_and_labels_is_shown_as_it_is(encoder: Path, tmp_path: Path) -> None:
    pairs = [("[/b] sun", "[red]"), ("rain [red]", "[/b]")] * 10
    data = write_csv(tmp_path / "d.csv", pairs)
    result = invoke(data, "--model", encoder, "-o", tmp_path / "run", "--epochs", 1,
                    "--threads", 1)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "[red]" in result.stdout
    assert "[/b]" in result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"text,label\n", "a header but no rows"),
        (
            b"words,label\nsun,glad\n",
            "Columns found: 'words', 'label', separated by commas. Name one with --text-",
        ),
        (b"text,label\nsun\n", "line 2: 1 field where the header has 2"),
        (b"text,label\ncaf\xe9,glad\n", "line 2: the text is not UTF-8"),
        (b"text,label\nsun,glad\nrain,glad\n", "every row has the label 'glad'"),
        (b"text,label\nsun,glad\nday,glad\n[/b],[red]\n", "line 4: the class '[red]' has only"),
        (b"text,label\nsun,\nday,glad\n", "line 2: column 'label' is empty"),
    ],
)
def test_bad_data_get_one_clear_error(
    encoder: Path, tmp_path: Path, content: bytes | None, words: str
) -> None:
    data = tmp_path / "d.csv"
    if content is not None:
        data.write_bytes(content)
    result = invoke(data, "--model", encoder, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("run*"))


def test_a_missing_column_lists_those_found(encoder: Path, data: Path, tmp_path: Path) -> None:
    result = invoke(data, "--label-column", "mood", "-o", tmp_path / "run", "--model", encoder)
    assert (
        "has no column 'mood'.\nColumns found: 'text', 'label', separated by commas."
        in result.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["DATA"], "No output folder is named"),
        (["-o", "OUT"], "No data are named"),
        (["-o", "OUT", "--resume"], "nothing to resume"),
        (["-o", "OUT", "--resume", "--from", "x"], "exclude each other"),
        (["--from", "nosuch.json"], "is no record of a training run"),
        (["DATA", "-o", "OUT", "--epochs", "0"], "--epochs must be at least 1"),
        (["DATA", "-o", "OUT", "--optimizer", "lion"], "--optimizer must be one of"),
        (["DATA", "-o", "OUT", "--normalize", "rot13"], "Unknown normalization step"),
    ],
)
def test_a_wrong_command_line_is_status_2(
    data: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    known = {"DATA": str(data), "OUT": str(tmp_path / "run")}
    result = invoke(*[known.get(one, one) for one in arguments])
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_existing_folder_is_refused(encoder: Path, data: Path, tmp_path: Path) -> None:
    result = invoke(data, "--model", encoder, "-o", tmp_path)
    assert result.exit_code == 1
    assert "exists already" in result.stderr


def test_help_sorts_every_option_into_a_group() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    _, _, other = result.stdout.partition("Other:")
    assert set(other.split()) & {"--help", "--debug"}
    assert other.count("  -") == 2


# --- interrupts and full disks, in a process of its own ------------------------------


def start(encoder: Path, data: Path, out: Path) -> "subprocess.Popen[str]":
    """A long run that has saved its first checkpoint."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeft", "train", str(data), "--model", str(encoder),
         "-o", str(out), *LONG_RUN],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Tests that run in the background of a shell inherit that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    checkpoints = out.with_name(f"{out.name}.partial") / "checkpoints"
    while process.poll() is None and not list(checkpoints.glob("*/complete.json")):
        time.sleep(0.01)
    return process


def test_an_interrupt_says_how_to_go_on(encoder: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(encoder, data, out)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert f"go on with: edgeft train -o {out} --resume" in errors
    assert errors.count("Interrupted") == 1
    assert "Traceback" not in errors
    assert not out.exists()
    assert list((tmp_path / "run.partial" / "checkpoints").glob("*/complete.json"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_full_disk_keeps_the_last_complete_checkpoint(
    encoder: Path, data: Path, tmp_path: Path
) -> None:
    import resource

    out = tmp_path / "run"
    process = start(encoder, data, out)
    # No file may grow beyond this from now on: every write of weights fails.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2000, 2000))
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    assert "could not be written" in errors
    assert f"Go on with: edgeft train -o {out} --resume" in errors
    assert "Traceback" not in errors
    checkpoints = tmp_path / "run.partial" / "checkpoints"
    kept = list(checkpoints.iterdir())
    assert kept
    assert all((folder / "complete.json").is_file() for folder in kept)
    assert not out.exists()
