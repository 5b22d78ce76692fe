import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from edgeft.errors import DataError, DeviceError, ModelError, OutputError, UsageError
from edgeft.train.checkpoints import complete_checkpoints
from edgeft.train.config import TrainConfig, config_from, config_to
from edgeft.train.record import changes_since, check_repeats, read_training
from edgeft.train.run import TrainResult, free_sibling, train
from tests.train.conftest import rows, write_csv

ROOT = Path(__file__).parents[2]
EPOCHS = 3


@pytest.fixture(scope="module")
def options(encoder: Path, train_csv: Path, test_csv: Path) -> dict[str, object]:
    """135 rows to learn from: nine batches of 16 an epoch."""
    return {
        "data": str(train_csv),
        "test": str(test_csv),
        "model": str(encoder),
        "epochs": EPOCHS,
        "batch_size": 16,
        "learning_rate": 1e-2,
        "device": "cpu",
        "threads": 1,
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, options: dict[str, object]) -> TrainResult:
    return train(config_from(options), tmp_path_factory.mktemp("runs") / "whole")


def weights_of(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


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
    assert document["validation"]["accuracy"] == finished.best.accuracy
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
    assert result.curve[-1].train_loss < 0.5 * result.curve[0].train_loss
    assert result.test is not None
    assert result.test.accuracy > 0.6  # chance is a third, and 30 rows tell it from 0.6 (p < 0.01)


# --- repeating -----------------------------------------------------------------------


def test_a_recorded_run_repeats_to_the_same_weights(finished: TrainResult, tmp_path: Path) -> None:
    recorded = read_training(finished.out / "training.json")
    config = recorded.config
    assert train(config, tmp_path / "again", repeats=recorded).document[
        "weights_sha256"
    ] == weights_of(finished.out)
    other = replace(config, recipe=replace(config.recipe, seed=1))
    assert train(other, tmp_path / "other").document["weights_sha256"] != weights_of(finished.out)


def test_a_repetition_starts_from_what_was_settled_then(
    finished: TrainResult, tmp_path: Path
) -> None:
    path = tmp_path / "training.json"
    document = json.loads(json.dumps(finished.document))
    document["recipe"]["warmup_share"] = 0.25  # as if the defaults had been others
    document["hold_out"] = 0.3
    path.write_text(json.dumps(document), encoding="utf-8")
    config = read_training(path).config
    assert document["config"]["warmup_share"] is None
    assert (config.recipe.warmup_share, config.data.hold_out) == (0.25, 0.3)
    assert config.recipe.max_length == document["recipe"]["max_length"]


def test_a_repetition_with_other_data_or_another_model_is_refused(finished: TrainResult) -> None:
    recorded = read_training(finished.out / "training.json")
    data, model = finished.document["data"]["fingerprint"], recorded.base_sha256 or ""
    check_repeats(recorded, recorded.config, data, model)
    with pytest.raises(DataError, match="are not those that") as caught:
        check_repeats(recorded, recorded.config, "sha256:0", model)
    assert "without --from: edgeft train" in caught.value.hint
    with pytest.raises(ModelError, match="is not the one that"):
        check_repeats(recorded, recorded.config, data, "0")
    check_repeats(recorded.without({"data", "model"}), recorded.config, "sha256:0", "0")
    with pytest.raises(DataError):  # neither of these changes which rows are read
        check_repeats(recorded.without({"seed", "hold_out"}), recorded.config, "sha256:0", model)


def test_other_versions_are_told(finished: TrainResult) -> None:
    recorded = read_training(finished.out / "training.json")
    assert changes_since(recorded) == []
    older = replace(recorded, packages={**recorded.packages, "torch": "1.0", "numpy": "1.0"})
    assert [one.split(", now ")[0] for one in changes_since(older)] == ["torch 1.0"]


def test_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "b77-2").mkdir()
    (tmp_path / "b77-3.partial").mkdir()
    assert free_sibling(tmp_path / "b77") == tmp_path / "b77-4"


def test_what_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("[]")
    for name, reason in {
        "a.json": "it has no 'config'",
        "b.json": "it is no JSON object",
        "missing.json": "No such file",
    }.items():
        with pytest.raises(UsageError, match=f"is no record of a training run: {reason}"):
            read_training(tmp_path / name)


@pytest.mark.parametrize("moment", ["mid-epoch", "epoch-end", "half-saved"])
def test_killed_and_resumed_gives_the_same_weights(
    finished: TrainResult, options: dict[str, object], tmp_path: Path, moment: str
) -> None:
    out = tmp_path / "killed"
    values = {**options, "checkpoint_steps": 4} if moment == "mid-epoch" else options
    command = [sys.executable, "-m", "tests.train.victim", str(out), moment, json.dumps(values)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert not out.exists()
    checkpoints = out.with_name("killed.partial") / "checkpoints"
    assert list(complete_checkpoints(checkpoints))[-1] == {"mid-epoch": 12}.get(moment, 9)
    assert (checkpoints / "checkpoint-18").exists() == (moment == "half-saved")

    result = train(config_from(values), out, resume=True)
    assert weights_of(out) == weights_of(finished.out)
    assert [one.train_loss for one in result.curve] == [one.train_loss for one in finished.curve]
    assert not checkpoints.parent.exists()


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
    values = {**options, "model": str(still), "epochs": 1, "optimizer": "sgd", "hold_out": 0.2}
    alone = train(config_from(values), tmp_path / "one")

    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
        "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0",
        "-m", "edgeft", "train", str(options["data"]), "--test", str(options["test"]),
        "--model", str(still), "--epochs", "1", "--batch-size", "8", "--learning-rate", "1e-2",
        "--optimizer", "sgd", "--hold-out", "0.2", "--device", "cpu", "--threads", "1",
        "-o", "two", "--json",
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
    assert document["curve"][0]["updates"] == alone.curve[0].updates
    assert document["curve"][0]["train_loss"] == pytest.approx(alone.curve[0].train_loss, abs=1e-6)
    assert document["test"]["rows"] == 30
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weights in one.items():
        np.testing.assert_allclose(weights, two[name], atol=1e-7)


# --- resuming ------------------------------------------------------------------------


def interrupted(config: TrainConfig, out: Path, *, after: int = 1) -> None:
    """Leave an unfinished run; it is cut short when ``after`` epochs are saved."""

    def stop(step: str, done: int, total: int) -> None:
        if done > 9 * after:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(config, out, progress=stop)


def test_resuming_otherwise_names_what_differs(options: dict[str, object], tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_from(options)
    interrupted(config, out)
    with pytest.raises(UsageError, match=r"--epochs was 3, now 5; --seed was None, now 7"):
        train(config_from({**options, "epochs": 5, "seed": 7}), out, resume=True)
    assert complete_checkpoints(tmp_path / "run.partial" / "checkpoints")


def test_resuming_with_other_data_is_refused(options: dict[str, object], tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", rows(150))
    config = config_from({**options, "data": str(data)})
    interrupted(config, tmp_path / "run")
    write_csv(data, rows(150, seed=5))
    with pytest.raises(DataError, match="data have changed"):
        train(config, tmp_path / "run", resume=True)


def test_an_unfinished_run_is_neither_overlooked_nor_lost(
    finished: TrainResult, options: dict[str, object], tmp_path: Path
) -> None:
    out, config = tmp_path / "run", config_from(options)
    interrupted(config, out)
    with pytest.raises(OutputError, match="unfinished run") as caught:
        train(config, out)
    assert "--resume" in caught.value.hint
    assert train(config, out, force=True).document["weights_sha256"] == weights_of(finished.out)


def test_nothing_to_resume(
    finished: TrainResult, options: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="was never started"):
        train(config_from(options), tmp_path / "none", resume=True)
    with pytest.raises(UsageError, match="is finished already"):
        train(config_from(options), finished.out, resume=True)


def test_a_folder_of_the_users_in_the_way_is_left_alone(
    options: dict[str, object], tmp_path: Path
) -> None:
    mine = tmp_path / "run.partial"
    mine.mkdir()
    (mine / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match="is in the way"):
        train(config_from(options), tmp_path / "run", force=True)
    assert (mine / "diary.txt").read_text() == "mine"


# --- failing -------------------------------------------------------------------------


def test_an_existing_output_is_replaced_only_by_a_whole_one(
    options: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "old.txt").write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        train(config_from(options), out)
    diverging = config_from({**options, "learning_rate": 1e30})
    with pytest.raises(ModelError, match="diverged"):
        train(diverging, out, force=True)
    assert (out / "old.txt").read_text() == "old"
    train(config_from({**options, "epochs": 1}), out, force=True)
    assert not (out / "old.txt").exists()
    assert (out / "training.json").exists()
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
    values = {"data": str(data), "model": str(encoder), "epochs": 1, "threads": 1}
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
    assert (result.validation, result.best.epoch) == (None, 2)
    assert result.test is not None


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
