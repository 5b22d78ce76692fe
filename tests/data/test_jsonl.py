"""JSON Lines: what decides the columns, and what is no JSON Lines."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeft.errors import DataError
from tests.data.files import read_examples, rows_of, texts_of, write


def test_numbers_keep_their_spelling(tmp_path: Path) -> None:
    digits = "9" * 5000  # more than an int may have
    rows = (
        f'{{"text": "a", "label": 1.0, "meta": {digits}}}\n'
        '{"text": "b", "label": true, "meta": {"k": {"k": null}}}\n'
    )
    assert rows_of(write(tmp_path, "a.jsonl", rows)) == ([("a", "1.0"), ("b", "true")], [])


def test_a_key_that_nobody_reads_may_be_missing(tmp_path: Path) -> None:
    rows = '{"text": "a", "label": "x", "n": 1}\n{"label": "y", "text": "b"}\n'
    assert rows_of(write(tmp_path, "a.jsonl", rows)) == ([("a", "x"), ("b", "y")], [])


def test_keys_that_only_later_rows_have_are_told(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a.jsonl",
        '{"text": "a"}\n{"text": "b", "label": "x"}\n{"text": "c", "label": "y", "n": 1}\n',
    )  # fmt: skip
    texts, notes = texts_of(path)
    assert texts == ["a", "b", "c"]
    assert notes == [
        "2 rows have keys that the first object lacks, which are not read: 'label', 'n' "
        "(the first in line 2)."
    ]


def test_line_ends_and_empty_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a.jsonl",
        '\ufeff{"text": "a", "label": "x"}\r\n\r\n \n\ufeff{"text": "b", "label": "y"}\r\n\r\n',
    )  # fmt: skip
    rows, notes = rows_of(path)
    assert rows == [("a", "x"), ("b", "y")]
    assert read_examples(path).lines == [1, 4]
    assert notes == ["2 empty lines are no row and skipped (the first in line 2)."]
    bare = write(tmp_path, "b.jsonl", path.read_bytes().replace(b"\r\n", b"\r"))
    assert rows_of(bare)[0] == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "x"}\n[1]\n', "line 2: a JSON object is wanted"),
        ('{"text": "a", "label": "x"}\n{"text": "b"}\n', "line 2: column 'label' is empty"),
        ('{"text": "a", "label": "x"}\n{"label": "b"}\n', "line 2: 'text' is missing or holds no"),
        ('{"text": null, "label": "x"}\n', "line 1: 'text' is missing or holds no text"),
        ('{"text": NaN, "label": "x"}\n', "line 1: 'text' is missing or holds no text"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": NaN}\n', "line 2: column 'label'"),
        ('{"text": ["a"], "label": "x"}\n', "line 1: 'text' is missing or holds no text"),
        ('{"text": "a", \n', "line 1: no JSON object"),
        ('{"text": ' + "[" * 100_000, "the JSON is nested too deeply"),
        ('{"text": "a", "text": "b", "label": "x"}\n', "line 1: the key 'text' stands there twice"),
        ('[{"text": "a", "label": "x"}]\n', "holds a JSON array, not JSON Lines"),
        ("", "is empty"),
        ("\ufeff\n\n", "is empty"),
        ("{}\n", "Its first line names no column"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_what_is_no_row_is_one_error(
    tmp_path: Path, suffix: str, content: str, message: str
) -> None:
    path = write(tmp_path, f"a.{suffix}", content)
    with pytest.raises(DataError) as caught:
        read_examples(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_array_that_never_ends(tmp_path: Path) -> None:
    for suffix, message in (("jsonl", "a JSON array, not JSON Lines"), ("json", "line 3: no JSON")):
        path = write(tmp_path, f"a.{suffix}", '[\n  {"text": "a", "label": "x"},\n')
        with pytest.raises(DataError, match=message):
            read_examples(path)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    lines = [json.dumps({"text": text, "label": "x"}, ensure_ascii=False) for text in texts]
    path = write(tmp_path_factory.mktemp("data"), "a.jsonl", "\n".join(lines))
    assert read_examples(path).texts == texts
