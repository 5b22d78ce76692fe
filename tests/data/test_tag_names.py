"""Names for tags that stand as ids beside the words of a text."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.data.kinds import open_source
from edgeft.errors import DataError
from edgeft.tasks import task_named
from edgeft.train.config import DataConfig
from edgeft.train.datasets import open_splits, read_splits

NAMES = "O,B-人,I-人,B-LOC,I-LOC"
ROWS: list[dict[str, Any]] = [
    {"id": "0", "tokens": ["Ada", "slept", "in", "Paris", "👍"], "ner_tags": [1, 0, 0, 3, 0]},
    {"id": "1", "tokens": ["李", "明", "睡"], "ner_tags": [1, 2, 0]},
    {"id": "2", "tokens": [], "ner_tags": []},
]


def found(path: Path, names: str = NAMES) -> Any:
    config = DataConfig(str(path), label_names=names)
    return read_splits(open_splits(config), task_named("token-classification"), config).train


@pytest.mark.parametrize("whole", [False, True])
def test_ids_get_their_names(whole: bool, tmp_path: Path) -> None:
    path = tmp_path / ("d.json" if whole else "d.jsonl")
    lines = json.dumps(ROWS) if whole else "\n".join(map(json.dumps, ROWS))
    path.write_text(lines, encoding="utf-8")
    assert task_named("token-classification").detect(open_source(path), {})
    split = found(path)
    texts = [
        [(text[start:end], split.labels[label]) for start, end, label in truth]
        for text, truth in zip(split.inputs, split.truths, strict=True)
    ]
    assert texts == [[("Ada", "B-人"), ("Paris", "B-LOC")], [("李 明", "B-人")]]


@pytest.mark.parametrize(
    ("tags", "names", "told"),
    [
        ([0, 5], NAMES, "line 1: the tag 5 has no name; 5 names are given, for the ids 0 to 4"),
        ([0, -100], NAMES, "line 1: the tag -100 has no name"),
        (["O", "B-LOC"], NAMES, "line 1: the tag 'O' is no id"),
        ([0, True], NAMES, "line 1: the tag 'True' is no id"),
        ([0, 1], "O,B-LOC,O", "the name of the id 2 is 'O', as that of 0 is"),
    ],
)
def test_what_does_not_fit_is_told(tags: list[Any], names: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"tokens": ["a", "b"], "tags": tags}), encoding="utf-8")
    with pytest.raises(DataError, match=told):
        found(path, names)


def test_other_forms_have_no_ids(tmp_path: Path) -> None:
    path = tmp_path / "d.conll"
    path.write_text("Ada B-PER\nslept O\n", encoding="utf-8")
    with pytest.raises(DataError, match="no lists of words with lists of ids"):
        found(path)


def test_without_names_it_is_said_how_to_give_them(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(ROWS[0]), encoding="utf-8")
    config = DataConfig(str(path))
    with pytest.raises(DataError) as caught:
        read_splits(open_splits(config), task_named("token-classification"), config)
    assert "--label-names FILE" in str(caught.value.hint)
