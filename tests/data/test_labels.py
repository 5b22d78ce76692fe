"""Labels as people type them."""

import json
from pathlib import Path

import pytest

from edgeft.data import lookalikes, visible
from edgeft.data.labels import ordered_labels
from edgeft.errors import DataError
from tests.data.files import read_examples, read_examples_or_texts, rows_of, texts_of, write

COMPOSED, APART = "caf\u00e9", "cafe\u0301"


def test_white_space_at_the_ends_goes_and_is_told(tmp_path: Path) -> None:
    content = "text,label\na,calm \nb,calm\nc,\u00a0calm\nd,\tcalm\ne,gl ad\n"
    rows, notes = rows_of(write(tmp_path, "a.csv", content))
    assert [label for _, label in rows] == ["calm"] * 4 + ["gl ad"]
    assert notes == [
        "3 labels have white space at the ends, which is taken off (the first in line 2)."
    ]


def test_labels_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"text,label\na,{COMPOSED}\nb,{APART}\nc,{APART}\nd,x\n")
    rows, notes = rows_of(path)
    assert [label for _, label in rows] == [COMPOSED, APART, APART, "x"]
    assert notes == [
        "labels that differ only in case, white space or Unicode form are taken as different "
        "(rows of each): 'café' (1) and 'cafe\\u0301' (2)."
    ]


@pytest.mark.parametrize(
    "other", ["Calm", "CALM", "ca\u200blm", "calm\u200b", "\ufeffcalm", "ｃａｌｍ", "ca\u00adlm"]
)
def test_what_looks_alike(other: str) -> None:
    assert lookalikes(["x", "calm", other]) == [["calm", other]]
    assert visible(other) != visible("calm")
    assert visible(other).isascii()


def test_what_does_not_look_alike() -> None:
    assert lookalikes(["good", "good!", "goods", "ok", "0", "00", "-1", "1"]) == []
    assert lookalikes(["a  b", "a b", "a\u00a0b"]) == [["a  b", "a b", "a\u00a0b"]]
    assert visible("ärger 长 🎉") == "'ärger 长 🎉'"
    assert visible("a\u00a0b\x1b\n") == "'a\\xa0b\\x1b\\n'"


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_half_a_surrogate_pair_is_no_label(tmp_path: Path, suffix: str) -> None:
    content = '{"text": "a", "label": "x"}\n{"text": "b", "label": "\\ud83d"}\n'
    with pytest.raises(DataError, match=r"line 2: the label '\\ud83d' holds half a surrogate"):
        read_examples(write(tmp_path, f"a.{suffix}", content))


def test_half_a_surrogate_pair_is_no_name_of_a_column(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"\\ud83d": "a", "label": "x", "text": "b"}\n')
    with pytest.raises(DataError, match="half a surrogate pair"):
        read_examples(path, text_column="\ud83d")
    assert read_examples(path).texts == ["b"]  # where it is not asked for it does no harm


def test_half_a_surrogate_pair_in_a_text_is_told(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "x"}, {"text": "b \ud83d", "label": "y"}]
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    told = ['1 text holds half a surrogate pair, read as "?" (line 2).']
    assert rows_of(path)[1] == told
    assert texts_of(path)[1] == told


def test_texts_are_read_whatever_their_labels_are(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,\nb,x\n")
    assert texts_of(path) == (["a", "b"], [])
    with pytest.raises(DataError, match="line 2: column 'label' is empty"):
        read_examples_or_texts(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\na,\nb, \n"),
        ("a.jsonl", '{"text": "a", "label": null}\n{"text": "b", "label": null}\n'),
        ("b.jsonl", '{"text": "a", "label": ["x"]}\n{"text": "b", "label": {}}\n'),
    ],
)
def test_labels_that_are_all_empty_are_none(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    notes: list[str] = []
    assert read_examples_or_texts(path, tell=notes.append) == ["a", "b"]
    assert any("no row has a label that is text" in note for note in notes)
    for read in (read_examples, lambda path: read_examples_or_texts(path, label_column="label")):
        with pytest.raises(DataError, match="'label' is empty or holds no text in"):
            read(path)


def test_many_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,x\nb,\nc,\nd,y\n")
    with pytest.raises(DataError, match=r"line 3: .*'label' is empty or .* 1 more row is bad\."):
        read_examples(path)


def test_a_list_is_no_label_and_not_called_an_empty_one(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": ["y"]}\n'
    )
    with pytest.raises(
        DataError, match=r"line 2: column 'label' is empty or holds no text\."
    ) as one:
        read_examples_or_texts(path)
    assert "Only strings, numbers" in one.value.hint


def test_of_a_long_name_its_beginning_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "word " * 100_000)  # one line, as a text that has no header
    with pytest.raises(DataError, match=r"no text column") as one:
        read_examples_or_texts(path)
    assert len(str(one.value)) < 1000
    assert visible("a" * 200) == repr("a" * 200)
    assert visible("a" * 201) == repr("a" * 200) + "…"
    path = write(tmp_path, "b.csv", ",".join(f"c{at}" for at in range(10_000)) + "\n")
    with pytest.raises(DataError, match=r"'c0', 'c1',.* …, separated by commas") as one:
        read_examples_or_texts(path)
    assert len(str(one.value)) < 1000


def test_labels_are_in_numerical_order_where_they_are_numbers() -> None:
    assert ordered_labels(["10", "9", "01"]) == ("01", "9", "10")
    assert ordered_labels(["b", "10", "9"]) == ("10", "9", "b")
