"""What a seed gave once it gives for ever: recorded runs are repeated by these values."""

from pathlib import Path

import pytest

from edgeft.data import Splits, fingerprint, hold_out
from edgeft.export.provenance import fingerprint_of
from edgeft.proof.evidence import read_evidence
from edgeft.tasks.labelled import strata
from edgeft.train.config import DataConfig
from edgeft.train.run import TrainResult
from tests.train.conftest import read_splits, rows, write_csv

NUMBERS = {"calm": "10", "glad": "9", "sad": "02"}  # sorted as text otherwise than as numbers


@pytest.fixture(scope="module")
def numbers_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of train.csv under labels that are numbers."""
    made = [(text, NUMBERS[label]) for text, label in rows(150)]
    return write_csv(tmp_path_factory.mktemp("numbers") / "n.csv", made)


def held_out(splits: Splits, *, seed: int) -> Splits:
    keys = strata(splits.train.truths, splits.train.labels)
    return hold_out(splits, 0.1, keys, seed=seed)


def test_fingerprints(train_csv: Path, test_csv: Path, numbers_csv: Path) -> None:
    splits = read_splits(DataConfig(str(train_csv), test=str(test_csv)))
    assert fingerprint(splits) == (
        "sha256:183e23bea94f714615cd02281cff16cfae42500bbac3d0784e9e640c97c2d754"
    )
    assert fingerprint(held_out(splits, seed=0)) == (
        "sha256:73b7741f1903525f7107853dce64c24c3ea96432d2ed1e29a725d5067fba424f"
    )
    numbers = read_splits(DataConfig(str(numbers_csv)))
    assert fingerprint(numbers) == (
        "sha256:27b339bd3e2122638e98ff14edd3951d65f60768c17af9eebb9aec148477e0c8"
    )
    assert fingerprint_of(numbers.train) == {
        "fingerprint": "sha256:51147ed4171da46504f9c6a59e2f20418facedb928bd8379c4e686ebdfdfda1a",
        "rows": 150,
    }


def test_rows_that_are_held_out(train_csv: Path, numbers_csv: Path) -> None:
    held = held_out(read_splits(DataConfig(str(train_csv))), seed=0).validation
    assert held is not None
    assert held.lines == [5, 9, 24, 27, 40, 44, 60, 73, 86, 110, 131, 136, 141, 148, 151]
    held = held_out(read_splits(DataConfig(str(numbers_csv))), seed=3).validation
    assert held is not None
    assert held.lines == [13, 14, 18, 24, 35, 37, 47, 55, 57, 78, 79, 111, 137, 149, 151]


def test_rows_that_report(train_csv: Path, numbers_csv: Path) -> None:
    words, numbers = read_evidence(train_csv).report, read_evidence(numbers_csv).report
    assert getattr(words, "lines", [])[:12] == [2, 4, 5, 6, 7, 9, 11, 13, 17, 21, 22, 23]
    assert getattr(numbers, "lines", [])[:12] == [3, 4, 5, 6, 7, 8, 12, 13, 19, 20, 21, 23]


def test_a_run(finished: TrainResult) -> None:
    # Another machine rounds sums otherwise, by far less than another order or seed would change.
    losses = [point.train_loss for point in finished.learned.curve]
    assert losses == pytest.approx([1.106622, 1.035171, 0.780107], abs=5e-4)
    plain = [point.validation_loss for point in finished.learned.curve]
    assert plain == pytest.approx([1.095234, 0.930414, 0.781495], abs=1e-3)
