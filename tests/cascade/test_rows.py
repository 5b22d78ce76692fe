import csv
from pathlib import Path

import numpy as np
import pytest

from edgeft.cascade.rows import Gathered, gather_rows
from edgeft.cascade.stages import asked
from edgeft.errors import DataError
from edgeft.proof.bounds import binomial_p
from tests import tiny

FREQUENT = "call me when you are home"  # of every five rows one


def write(path: Path, count: int, *, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for at in range(count):
            text = FREQUENT if at % 5 == 0 else " ".join(rng.choice(tiny.WORDS, 6))
            writer.writerow([text, tiny.LABELS[at % 3]])
    return path


def gather(
    folder: Path, data: Path, test: Path | None = None, *more: Path, seed: int = 0
) -> Gathered:
    stages = asked([str(folder / "cheap"), str(folder / "full")])
    return gather_rows(stages, data, test, more, columns={}, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    tiny.bert(folder / "cheap")
    tiny.bert(folder / "full", seed=1)
    return folder


def test_a_frequent_text_is_as_frequent_among_the_rows_that_choose(
    folder: Path, tmp_path: Path
) -> None:
    data, test = write(tmp_path / "data.csv", 400), write(tmp_path / "test.csv", 200, seed=1)
    # A promise of texts as they come is false if those that come most are left out of its proof.
    for gathered in (gather(folder, data, seed=3), gather(folder, data, test),
                     gather(folder, data, test, data)):  # fmt: skip
        asked_of = [gathered.inputs[at] for at in gathered.choosing]
        share = asked_of.count(FREQUENT) / len(asked_of)
        assert binomial_p(asked_of.count(FREQUENT), len(asked_of), 0.2) > 1e-3
        assert 0.1 < share < 0.3


def test_a_file_that_is_named_twice_counts_once(folder: Path, tmp_path: Path) -> None:
    data, texts = write(tmp_path / "data.csv", 100), tmp_path / "more.txt"
    texts.write_text("the cat fell\nrain rose\n", encoding="utf-8")
    once, twice = gather(folder, data, None, texts), gather(folder, data, None, texts, texts)
    assert len(once.choosing) == len(twice.choosing)


def test_rows_that_choose_do_not_report_as_well(folder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", 100)
    with pytest.raises(DataError, match="all stand among those that set the threshold"):
        gather(folder, data, data)
