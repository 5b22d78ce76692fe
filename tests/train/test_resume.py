"""Runs that are killed, harmed and resumed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.errors import DataError, OutputError, UsageError
from edgeft.train.checkpoints import (
    EpochScores,
    FoundCheckpoint,
    TrainState,
    complete_checkpoints,
    find_checkpoint,
    folder_of,
    mark_complete,
)
from edgeft.train.config import config_from
from edgeft.train.folder import read_run
from edgeft.train.run import TrainResult, train
from tests.folders import names_in
from tests.train.conftest import interrupted, rows, weights_of, write_csv

ROOT = Path(__file__).parents[2]


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
    assert [one.train_loss for one in result.learned.curve] == [
        one.train_loss for one in finished.learned.curve
    ]
    assert not checkpoints.parent.exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["starting", "half-written", "swapped", "half-discarded"])
def test_killed_in_its_first_or_last_step(
    finished: TrainResult, options: dict[str, object], tmp_path: Path, moment: str
) -> None:
    """A run that is killed while it takes an older one's place can be resumed or repeated."""
    out = tmp_path / "killed"
    older = tmp_path / "older"
    shutil.copytree(finished.out, older)
    record = json.loads((older / "training.json").read_text(encoding="utf-8"))
    (older / "training.json").write_text(json.dumps({**record, "older": True}))
    shutil.copytree(older, out)
    command = [sys.executable, "-m", "tests.train.victim", str(out), moment, json.dumps(options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    replaced = moment in ("swapped", "half-discarded")
    content = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert ("older" not in content) == replaced
    assert weights_of(out) == weights_of(finished.out)
    unfinished = moment in ("half-written", "swapped")
    assert out.with_name("killed.partial").exists() == unfinished
    train(config_from(options), out, resume=unfinished, force=True)
    assert weights_of(out) == weights_of(finished.out)
    assert "older" not in json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert names_in(tmp_path) == ["killed", "older"]


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory, options: dict[str, object]) -> Path:
    """The working folder of a run of which two epochs were saved."""
    folder = tmp_path_factory.mktemp("cut")
    interrupted(config_from(options), folder / "run", after=2)
    return folder / "run.partial"


@pytest.mark.parametrize(
    ("name", "harm"),
    [("optimizer.pt", "lose"), ("optimizer.pt", "cut"), ("scheduler.pt", "lose"),
     ("trainer_state.json", "lose"), ("model.safetensors", "flip")],
)  # fmt: skip
def test_a_checkpoint_is_complete_or_it_is_not(
    finished: TrainResult,
    options: dict[str, object],
    tmp_path: Path,
    cut_short: Path,
    name: str,
    harm: str,
) -> None:
    notes: list[str] = []
    shutil.copytree(cut_short, tmp_path / "run.partial")
    newest = list(complete_checkpoints(tmp_path / "run.partial" / "checkpoints").values())[-1]
    spoil(newest / name, harm)
    train(config_from(options), tmp_path / "run", resume=True, on_note=notes.append)
    assert weights_of(tmp_path / "run") == weights_of(finished.out)
    reason = "is missing" if harm == "lose" else "is not as it was written"
    assert notes[0] == f"Not used, being damaged: {newest.name}: {name} {reason}."
    assert notes[-1].startswith("Going on from ")


def spoil(path: Path, harm: str) -> None:
    """Lose a file, cut it in half, or change one byte of it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if harm != "lose":
        path.write_bytes(content if harm == "flip" else content[: len(content) // 2])


def test_which_checkpoint_a_run_goes_on_from(tmp_path: Path) -> None:
    def point(epoch: int, accuracy: float) -> EpochScores:
        return EpochScores(epoch, 10 * epoch, 1.0, 1.0, 1.0, {"accuracy": accuracy})

    def save(updates: int, *curve: EpochScores) -> Path:
        folder = folder_of(tmp_path, updates)
        folder.mkdir()
        (folder / "optimizer.pt").write_text(str(updates))
        mark_complete(folder, TrainState(updates, curve))
        return folder

    assert find_checkpoint(tmp_path) == FoundCheckpoint()
    first = save(10, point(1, 0.9))
    second = save(20, point(1, 0.9), point(2, 0.5))
    half = save(25, point(1, 0.9), point(2, 0.5))
    found = find_checkpoint(tmp_path)
    assert (found.folder, found.faults, found.keep) == (half, (), (10, 25))
    (half / "complete.json").write_text("{")
    (second / "optimizer.pt").write_text("21")
    found = find_checkpoint(tmp_path)
    assert (found.folder, found.keep) == (first, (10, 10))
    assert [one.split(":")[0] for one in found.faults] == ["checkpoint-20", "checkpoint-25"]
    (second / "optimizer.pt").write_text("20")
    (first / "optimizer.pt").unlink()  # and with it the best epoch's weights
    found = find_checkpoint(tmp_path)
    assert (found.folder, found.keep, len(found.faults)) == (None, (), 3)


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


def test_a_run_of_another_version_is_resumed(options: dict[str, object], tmp_path: Path) -> None:
    out, config = tmp_path / "run", config_from(options)
    interrupted(config, out)
    path = tmp_path / "run.partial" / "run.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["config"]["patience"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_run(out).config == config
    content["config"]["colour"] = "red"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError, match="Unknown training options: colour"):
        read_run(out)


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
    with pytest.raises(OutputError, match="is not an unfinished run"):
        train(config_from(options), tmp_path / "run", force=True)
    (mine / "diary.txt").unlink()
    interrupted(config_from(options), tmp_path / "run")
    for name in ("diary.txt", "checkpoints/checkpoint-9/diary.txt", "final/diary.txt"):
        (mine / name).parent.mkdir(exist_ok=True)
        (mine / name).write_text("mine")
        for resume in (False, True):
            with pytest.raises(OutputError, match=f"did not write: {name}"):
                train(config_from(options), tmp_path / "run", force=True, resume=resume)
        assert (mine / name).read_text() == "mine"
        (mine / name).unlink()
