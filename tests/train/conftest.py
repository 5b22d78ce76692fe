"""A tiny encoder that learns fast, and labelled rows that it can learn."""

import csv
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.tiny import WORDS

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
