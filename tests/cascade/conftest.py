import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgeft
from tests.tiny import LABELS, WORDS, nearby

Make = Callable[[str, Callable[[Path], object]], Path]


def texts(count: int, seed: int = 0) -> list[str]:
    """So many different texts."""
    chance = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(chance.choices(WORDS, k=chance.randint(3, 9)))] = None
    return list(found)


@pytest.fixture(scope="session")
def near_checkpoint(made_once: Make, tiny_checkpoint: Path) -> Path:
    """The tiny checkpoint with other numbers in its head: where that is unsure, it errs."""
    return made_once("near-checkpoint", lambda out: nearby(tiny_checkpoint, out))


@pytest.fixture(scope="session")
def near_bundle(made_once: Make, near_checkpoint: Path) -> Path:
    """The near checkpoint as a bundle with fp32 and int8."""
    from tests.exporting import ExportConfig, export

    return made_once("near-bundle", lambda out: export(ExportConfig(str(near_checkpoint), out)))


@pytest.fixture(scope="session")
def labelled_texts(made_once: Make, tiny_bundle: Path) -> Path:
    """A folder with data.csv, 4,000 rows labelled by the tiny bundle, 1 in 20 by chance."""

    def write(folder: Path) -> None:
        some, chance = texts(4000), np.random.default_rng(0)
        with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
            told = [one.label for one in model.predict(some)]
        noise = chance.choice(LABELS, len(some))
        labels = np.where(chance.random(len(some)) < 0.05, noise, told)
        folder.mkdir()
        lines = [f"{text},{label}" for text, label in zip(some, labels, strict=True)]
        (folder / "data.csv").write_text("\n".join(["text,label", *lines]) + "\n")
        (folder / "more.txt").write_text("\n".join(texts(3000, seed=1)) + "\n")

    return made_once("cascade-texts", write)
