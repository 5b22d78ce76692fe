"""Pairs that belong together: which columns they are read from, and what no such file is."""

from pathlib import Path

import pytest

from edgeft.data import Examples, open_source
from edgeft.data.bad import OnBad
from edgeft.data.belonging import Belonging, belonging_of, pairs_or_inputs, text_id
from edgeft.errors import DataError
from edgeft.inputs import Input, Pair


def read(
    tmp_path: Path, content: str, on_bad: OnBad = "error", **columns: str
) -> tuple[Examples | list[Input], list[str]]:
    path, told = tmp_path / "d.csv", list[str]()
    path.write_text(content, encoding="utf-8")
    return pairs_or_inputs(open_source(path), columns, told.append, on_bad), told


def test_two_columns_without_a_number_are_pairs_that_belong(tmp_path: Path) -> None:
    found, told = read(tmp_path, "query,passage\nwer?,A 👍\n哪里,北京\n哪里,上海\n")
    assert isinstance(found, Examples)
    assert found.inputs == [Pair("wer?", "A 👍"), Pair("哪里", "北京"), Pair("哪里", "上海")]
    assert found.truths == [belonging_of(one, True) for one in found.inputs]
    assert found.truths[1].query == found.truths[2].query
    assert (found.labels, found.lines) == ((), [2, 3, 4])
    assert found.columns == {"text": "query", "other": "passage"}
    assert any("no numbers" in one and "'passage'" in one for one in told), told


def test_a_third_text_does_not_belong(tmp_path: Path) -> None:
    found, told = read(tmp_path, "negative,anchor,positive\nn,a,p\nm,b,q\n")
    assert isinstance(found, Examples)
    assert found.inputs == [Pair("a", "p"), Pair("a", "n"), Pair("b", "q"), Pair("b", "m")]
    assert [one.belongs for one in found.truths] == [True, False, True, False]
    assert found.lines == [2, 2, 3, 3]
    assert "'negative'" in told[-1]
    assert found.columns["negative"] == "negative"
    named, _ = read(tmp_path, "x,y,z\na,p,n\nb,q,m\n", text="x", other="y", negative="z")
    assert isinstance(named, Examples)
    assert named.inputs == found.inputs
    two, _ = read(tmp_path, "negative,x,y\nn,a,p\nm,b,q\n", text="x", other="y")
    assert isinstance(two, Examples)
    assert two.inputs == [Pair("a", "p"), Pair("b", "q")]


def test_numbers_stay_numbers_and_texts_texts(tmp_path: Path) -> None:
    numbers, _ = read(tmp_path, "sentence1,sentence2,score\na,b,1\nc,d,2.5\n")
    assert isinstance(numbers, Examples)
    assert numbers.truths == [1.0, 2.5]
    assert read(tmp_path, "text,label\na,x\nb,y\n")[0] == ["a", "b"]


def test_equal_texts_are_one_whatever_their_white_space() -> None:
    assert text_id("the  cat\n") == text_id("the cat")
    assert text_id("the cat") != text_id("The cat")
    assert 0 <= text_id("") < 2**63
    assert text_id("\ud800") != text_id("")
    assert belonging_of(Pair("a", "a"), False) == Belonging(text_id("a"), text_id("a"), False)


@pytest.mark.parametrize(
    ("content", "columns", "match"),
    [
        ("query,passage\na,b\nc,\n", {}, "line 3: 'passage' is empty, and a pair has two"),
        ("query,passage\na,b\n", {}, "one pair alone"),
        ("query,passage\na,b\na,c\n", {}, "belongs to every query"),
        ("query,passage\n", {}, "no rows"),
        ("anchor,positive,negative\na,p,n\nb,q, \n", {}, "line 3: 'negative' is empty"),
        ("a,b,score\nx,y,good\nz,w,1\n", {"text": "a", "other": "b"}, "'good', which is no number"),
        ("text,score\nx,1\ny,2\n", {"label": "score"}, "one column of texts"),
        ("a,b,c\nx,y,z\n", {"text": "a", "other": "b", "negative": "b"}, "cannot be both"),
        (
            "a,b,c,n\nx,y,z,1\n",
            {"text": "a", "other": "b", "negative": "c", "label": "n"},
            "three of texts",
        ),
    ],
)
def test_what_no_such_file_is(
    content: str, columns: dict[str, str], match: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=match):
        read(tmp_path, content, **columns)


def test_bad_rows_are_left_out_or_read_without_what_they_lack(tmp_path: Path) -> None:
    text = "anchor,positive,negative\na,p,n\nb,,m\nc,r,\n,,\nd,s,o\n"
    found, told = read(tmp_path, text, "skip")
    assert isinstance(found, Examples)
    assert [one.first for one in found.inputs if isinstance(one, Pair)] == ["a", "a", "d", "d"]
    assert found.skipped == {"an empty side of a pair": 1, "an empty third text": 1}
    assert any("empty and left out" in one for one in told)
    kept, _ = read(tmp_path, text, "keep")
    assert isinstance(kept, Examples)
    assert len(kept) == 7
