import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from edgeft.data.seen import read_seen
from edgeft.errors import DataError, DeviceError, ModelError, OutputError, UsageError
from edgeft.train.config import config_from, config_to
from edgeft.train.record import read_training
from edgeft.train.run import TrainResult, train
from tests.data.files import read_examples
from tests.folders import a_checkpoint, names_in, small_files
from tests.train.conftest import EPOCHS, rows, weights_of, write_csv

ROOT = Path(__file__).parents[2]


# --- what a run leaves ---------------------------------------------------------------


def test_the_checkpoint_is_a_hugging_face_folder(finished: TrainResult) -> None:
    import transformers

    names = {path.name for path in finished.out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "training.json"} <= names
    assert not finished.out.with_name("whole.partial").exists()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(finished.out)
    assert model.config.id2label == {0: "calm", 1: "glad", 2: "sad"}
    tokenizer = json.loads((finished.out / "tokenizer.json").read_text(encoding="utf-8"))
    assert (tokenizer["padding"], tokenizer["truncation"]) == (None, None)
    made = finished.out.parent / "made.txt"
    made.touch()
    assert {path.stat().st_mode for path in finished.out.iterdir()} == {made.stat().st_mode}


def test_training_json_records_the_run(finished: TrainResult, options: dict[str, object]) -> None:
    document = json.loads((finished.out / "training.json").read_text(encoding="utf-8"))
    assert document == finished.document
    assert config_from(document["config"]) == config_from(options)
    assert document["weights_sha256"] == weights_of(finished.out)
    assert document["labels"] == ["calm", "glad", "sad"]
    assert document["normalize"] == []
    assert document["recipe"]["epochs"] == len(document["curve"]) == EPOCHS
    assert document["max_length"] == document["recipe"]["max_length"]
    assert document["data"]["report"]["rows"] == {"train": 135, "validation": 15, "test": 30}
    assert document["data"]["fingerprint"].startswith("sha256:")
    assert document["base_model"]["name"] == "tiny"
    assert len(document["base_model"]["sha256"]) == 64
    assert document["test"]["rows"] == 30
    assert document["test"]["confusion"]
    assert document["validation"]["accuracy"] == finished.learned.best.scores["accuracy"]
    assert document["hold_out"] == 0.1
    assert set(document["machine"]) == {"cpu", "cpu_features", "usable_cores"}
    assert document["machine"]["usable_cores"] >= 1
    assert os.uname().nodename not in json.dumps(document)


def test_the_runtime_and_the_record_agree_on_the_text(finished: TrainResult) -> None:
    from edgeft.runtime.tokenize import TextEncoder

    encoder = TextEncoder((finished.out / "tokenizer.json").read_bytes(), 64)
    assert len(encoder.encode(["sun rain"])[0].ids) == 4


def test_it_learns(options: dict[str, object], tmp_path: Path) -> None:
    result = train(config_from({**options, "epochs": 30, "patience": 0}), tmp_path / "run")
    assert result.learned.curve[-1].train_loss < 0.5 * result.learned.curve[0].train_loss
    assert result.learned.test is not None
    # Chance is a third, and 30 rows tell it from 0.6 (p < 0.01).
    assert result.learned.test.accuracy > 0.6


def test_rows_that_were_trained_on_can_be_told(
    finished: TrainResult, options: dict[str, object], tmp_path: Path
) -> None:
    def count(folder: Path, file: object) -> int:
        seen = read_seen(folder)
        assert seen is not None
        return seen.count(read_examples(Path(str(file))).texts)

    assert count(finished.out, options["data"]) == 135  # 15 were held out
    assert count(finished.out, options["test"]) == 0
    on_top = {**options, "model": str(finished.out), "epochs": 1, "data": options["test"]}
    train(config_from({**on_top, "test": None}), tmp_path / "run")
    assert count(tmp_path / "run", options["data"]) == 135
    assert count(tmp_path / "run", options["test"]) > 20


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_with_twice_the_batch(
    options: dict[str, object], encoder: Path, tmp_path: Path
) -> None:
    # Without dropout, and with rows that two can share evenly (120), all that may
    # differ is the rounding of sums; SGD does not magnify that.
    still = tmp_path / "still"
    shutil.copytree(encoder, still)
    config = json.loads((still / "config.json").read_text())
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (still / "config.json").write_text(json.dumps(config))
    values = {**options, "model": str(still), "epochs": 1, "optimizer": "sgd", "hold_out": 0.2,
              "precision": "fp32"}  # fmt: skip
    alone = train(config_from(values), tmp_path / "one")

    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
        "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0",
        "-m", "edgeft", "train", str(options["data"]), "--test", str(options["test"]),
        "--model", str(still), "--epochs", "1", "--batch-size", "8", "--learning-rate", "1e-2",
        "--optimizer", "sgd", "--hold-out", "0.2", "--device", "cpu", "--threads", "1",
        "--precision", "fp32", "-o", "two", "--json",
    ]  # fmt: skip
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, glob, sys\n"
        "tasks = '/proc/self/task/*/comm'\n"
        "atexit.register(lambda: sys.stderr.write(''.join(open(one).read() for one in "
        "glob.glob(tasks))))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)  # one document: only one process prints
    assert document["world_size"] == 2
    # Threads of the process group that outlive the interpreter may abort it.
    assert "gloo" not in done.stderr
    assert "find_unused_parameters" not in done.stderr  # torch's own chatter
    assert document["curve"][0]["updates"] == alone.learned.curve[0].updates
    assert document["curve"][0]["train_loss"] == pytest.approx(
        alone.learned.curve[0].train_loss, abs=1e-6
    )
    assert document["test"]["rows"] == 30
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weights in one.items():
        np.testing.assert_allclose(weights, two[name], atol=1e-7)


def test_what_is_read_is_never_replaced(
    options: dict[str, object], encoder: Path, tmp_path: Path, finished: TrainResult
) -> None:
    data = tmp_path / "data" / "train.csv"
    data.parent.mkdir()
    shutil.copy(str(options["data"]), data)
    for values, out, match in (
        ({"data": str(data)}, data.parent, "which this command reads"),
        ({"data": str(data.parent)}, data.parent, "is read by this command"),
        ({"test": str(data)}, data.parent, "which this command reads"),
        ({"validation": str(data)}, data.parent, "which this command reads"),
        ({}, encoder, "is read by this command"),
        ({}, encoder.parent, "which this command reads"),
        ({}, encoder / "run", "lies inside"),
    ):
        with pytest.raises(OutputError, match=match):
            train(config_from({**options, **values}), out, force=True)
    recorded = read_training(finished.out / "training.json")
    with pytest.raises(OutputError, match="which this command reads"):
        train(recorded.config, finished.out, force=True, repeats=recorded)
    assert names_in(tmp_path) == ["data"]
    assert names_in(data.parent) == ["train.csv"]
    assert not any("edgeft" in name for name in names_in(encoder.parent))


def test_a_second_run_into_the_same_folder_is_refused(
    options: dict[str, object], tmp_path: Path
) -> None:
    def another(step: str, done: int, total: int) -> None:
        for resume in (False, True):
            with pytest.raises(OutputError, match=f"is writing .*: process {os.getpid()}"):
                train(config_from(options), tmp_path / "run", force=True, resume=resume)

    train(config_from({**options, "epochs": 1}), tmp_path / "run", progress=another)
    assert names_in(tmp_path) == ["run"]


# --- failing -------------------------------------------------------------------------


def test_an_existing_output_is_replaced_only_by_a_whole_one(
    options: dict[str, object], tmp_path: Path
) -> None:
    out = a_checkpoint(tmp_path / "run", "old")
    with pytest.raises(OutputError, match="exists already"):
        train(config_from(options), out)
    diverging = config_from({**options, "learning_rate": 1e30})
    with pytest.raises(ModelError, match="diverged"):
        train(diverging, out, force=True)
    assert (out / "config.json").read_text() == "old"
    train(config_from({**options, "epochs": 1}), out, force=True)
    assert (out / "config.json").read_text() != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"data": "nosuch.csv"}, DataError),
        ({"model": "./nosuch"}, ModelError),
        ({"max_length": 9999}, UsageError),
        ({"precision": "fp16"}, UsageError),
    ],
)
def test_a_bad_request_leaves_nothing(
    options: dict[str, object], tmp_path: Path, changed: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        train(config_from({**options, **changed}), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


# Below the first one nothing can begin; the last is within the optimizer's state.
@pytest.mark.parametrize("most_bytes", [100, 2_000, 60_000, 150_000])
def test_a_full_disk_is_one_clear_error(
    finished: TrainResult, options: dict[str, object], tmp_path: Path, most_bytes: int
) -> None:
    config, out = config_from(options), tmp_path / "run"
    with small_files(most_bytes), pytest.raises(OutputError) as caught:
        train(config, out)
    assert "edgeft-new" not in str(caught.value)
    if most_bytes == 100:
        assert names_in(tmp_path) == []
        return
    assert "run.partial could not be written" in caught.value.message
    assert "--resume" in caught.value.hint
    assert names_in(tmp_path) == ["run.partial"]
    if most_bytes == 150_000:
        train(config, out, resume=True)
        assert weights_of(out) == weights_of(finished.out)


def test_cuda_that_is_not_there_says_why(options: dict[str, object], tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match=r"cannot train here: (this torch|torch finds)"):
        train(config_from({**options, "device": "cuda"}), tmp_path / "run")


# --- texts of all kinds ----------------------------------------------------------------


def test_any_text_and_any_label(encoder: Path, tmp_path: Path) -> None:
    kinds = [("[/b] rose", "[red]"), ("数据库很好", "[/b]"), ("", "空"), ("🙂 sun 👩‍👩‍👧", "🙂")]
    data = write_csv(tmp_path / "d.csv", kinds * 4)
    values = {
        "data": str(data),
        "model": str(encoder),
        "epochs": 1,
        "threads": 1,
        "allow_unknown": True,
    }
    result = train(config_from(values), tmp_path / "run")
    assert result.document["labels"] == sorted(label for _, label in kinds)
    assert result.report.empty > 0
    assert any("does not know" in warning for warning in result.report.warnings())
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert set(config["label2id"]) == {label for _, label in kinds}


def test_normalize_and_clean_are_applied_and_recorded(encoder: Path, tmp_path: Path) -> None:
    pairs = rows(30)
    doubled = [(f"<p>{text}</p>", label) for text, label in pairs[:6]]
    data = write_csv(tmp_path / "d.csv", [*pairs, *doubled])
    values = {
        "data": str(data), "model": str(encoder), "epochs": 1, "threads": 1,
        "clean": True, "normalize": ["whitespace", "markup"],
    }  # fmt: skip
    document = train(config_from(values), tmp_path / "run").document
    assert document["normalize"] == ["markup", "whitespace"]
    assert document["data"]["report"]["removed"]["duplicate"] == 6
    assert sum(document["data"]["report"]["rows"].values()) == 30


def test_training_on_every_row_keeps_the_last_epoch(
    options: dict[str, object], tmp_path: Path
) -> None:
    result = train(config_from({**options, "hold_out": 0, "epochs": 2}), tmp_path / "run")
    assert result.report.rows == {"train": 150, "test": 30}
    assert (result.learned.validation, result.learned.best.epoch) == (None, 2)
    assert result.learned.test is not None


# --- the config ------------------------------------------------------------------------


def test_a_config_survives_its_dictionary(options: dict[str, object]) -> None:
    config = config_from({**options, "normalize": ["nfc"], "class_weights": True})
    assert config_from(json.loads(json.dumps(config_to(config)))) == config


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hold_out": 1.0}, "--hold-out must be"),
        ({"device": "tpu"}, "--device must be one of"),
        ({"precision": "int4"}, "--precision must be one of"),
        ({"checkpoint_steps": 0}, "--checkpoint-steps must be"),
        ({"threads": 0}, "--threads must be"),
        ({"normalize": ["rot13"]}, "'rot13'"),
        ({"colour": "red"}, "Unknown training options: colour"),
        ({"data": ""}, "No data are named"),
    ],
)
def test_a_config_without_sense(
    options: dict[str, object], changed: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        config_from({**options, **changed})
