"""Data that hold texts and nothing to learn beside them: one message says what was found."""

from pathlib import Path

import pytest

from edgeft.errors import DataError
from edgeft.tasks import task_named
from edgeft.tasks.reading import columns_named, task_of
from edgeft.train.config import DataConfig
from edgeft.train.datasets import open_splits, read_splits


def told(path: Path, content: str, task: str = "") -> DataError:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(DataConfig(str(path)), task)
    return caught.value


def read(config: DataConfig, task: str) -> None:
    sources = open_splits(config)
    name = task or task_of(sources["train"], columns_named(vars(config)))
    read_splits(sources, task_named(name), config)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text\nthe cat fell\na dog won\n"),
        ("a.csv", "评论\n房间很大\n早餐太差\n"),
        ("a.jsonl", '{"text": "the cat 👍"}\n{"text": "a dog"}\n'),
    ],
)
@pytest.mark.parametrize("task", ["", "text-regression", "multi-label-classification"])
def test_texts_alone(name: str, content: str, task: str, tmp_path: Path) -> None:
    error = told(tmp_path / name, content, task)
    assert "has one column, " in error.message
    assert "edgeft tasks" in str(error.hint)
    assert "--label-column" in str(error.hint)
    assert "edgeft export MODEL --task feature-extraction" in str(error.hint)


def test_pairs_alone(tmp_path: Path) -> None:
    error = told(tmp_path / "a.csv", "query,passage\nthe cat,a dog\n")
    assert "two columns of texts, 'query' and 'passage'" in error.message
    assert "--task feature-extraction" in str(error.hint)


def test_single_texts_teach_no_vectors(tmp_path: Path) -> None:
    for content in ("text\nthe cat\n", "id,text\n1,the cat\n"):
        error = told(tmp_path / "a.csv", content, "feature-extraction")
        assert "gives single texts, and vectors are learned from pairs" in error.message
        assert "--text-column ONE --text-column OTHER" in str(error.hint)


def test_other_columns_are_named(tmp_path: Path) -> None:
    error = told(tmp_path / "a.csv", "mood,text\nx,the cat\n")
    assert "no label column under a usual name" in error.message
    assert "'mood'" in str(error.hint)
    assert "edgeft tasks" in str(error.hint)
    error = told(tmp_path / "a.txt", "the cat fell\na dog won\n")
    assert "has texts and nothing that is true of them" in error.message
    assert "edgeft tasks" in str(error.hint)
