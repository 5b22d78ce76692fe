"""A tiny encoder that learns fast, and labelled rows that it can learn."""

import csv
import hashlib
import random
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tiny import WORDS

if TYPE_CHECKING:
    from edgeft.data import Splits, Tell
    from edgeft.train.config import DataConfig, TrainConfig
    from edgeft.train.run import TrainResult

EPOCHS = 3

KEYWORDS = {"calm": ("night", "quiet"), "glad": ("happy", "won"), "sad": ("lost", "bad")}


def rows(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """(text, label): random words and two of the label's own, in random order."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        label = list(KEYWORDS)[number % len(KEYWORDS)]
        words = chance.choices(WORDS, k=chance.randint(1, 16))
        words += chance.choices(KEYWORDS[label], k=2)
        chance.shuffle(words)
        made.append((" ".join(words), label))
    return made


def write_csv(path: Path, pairs: Iterable[tuple[str, str]]) -> Path:
    """A CSV file with the columns text and label."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(pairs)
    return path


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT encoder without a head, with dropout."""
    from tests import tiny

    return tiny.encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="session")
def train_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 rows in three classes."""
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", rows(150))


@pytest.fixture(scope="session")
def test_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 other rows."""
    return write_csv(tmp_path_factory.mktemp("data") / "test.csv", rows(30, seed=1))


@pytest.fixture(scope="session")
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
        "precision": "fp32",  # which every machine has: some CPUs would choose bf16
        "threads": 1,
    }


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, options: dict[str, object]) -> "TrainResult":
    """A run of these options that nothing interrupted."""
    from edgeft.train.config import config_from
    from edgeft.train.run import train

    return train(config_from(options), tmp_path_factory.mktemp("runs") / "whole")


def weights_of(folder: Path) -> str:
    """The sha256 of a checkpoint's weights."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def interrupted(config: "TrainConfig", out: Path, *, after: int = 1) -> None:
    """Leave an unfinished run; it is cut short when ``after`` epochs are saved."""
    from edgeft.train.run import train

    def stop(step: str, done: int, total: int) -> None:
        if done > 9 * after:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(config, out, progress=stop)


def read_splits(config: "DataConfig", tell: "Tell | None" = None) -> "Splits":
    """The labelled texts that a config names."""
    from edgeft.data import unheard
    from edgeft.tasks.classification import TASK
    from edgeft.train import datasets

    tell = tell or unheard
    return datasets.read_splits(datasets.open_splits(config, tell), TASK, config, tell)
