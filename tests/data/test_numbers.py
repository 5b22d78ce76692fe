"""Texts and pairs with numbers, and what stands in the place of a number."""

from pathlib import Path

import pytest

from edgeft.data import Examples
from edgeft.data.numbers import number_in
from edgeft.errors import DataError
from edgeft.inputs import Pair
from edgeft.tasks.numbers import TASK
from edgeft.tasks.reading import read_examples, read_examples_or_inputs


def written(folder: Path, *lines: str, name: str = "d.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_texts_with_numbers(tmp_path: Path) -> None:
    told: list[str] = []
    rows = ["今天天气很好,4.5", "😀, -1e2 ", ",0", ",", "so-so,+.25", "good,7."]
    found = read_examples(written(tmp_path, "text,score", *rows), TASK, tell=told.append)
    assert found.inputs == ["今天天气很好", "😀", "", "so-so", "good"]
    assert found.truths == [4.5, -100.0, 0.0, 0.25, 7.0]
    assert (found.lines, found.labels) == ([2, 3, 4, 6, 7], ())
    assert found.columns == {"text": "text", "label": "score"}
    assert [one for one in told if "empty and left out" in one]


def test_pairs_with_numbers(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"sentence1": "一", "sentence2": "二", "score": 0.5}',
        '{"sentence1": "a", "sentence2": "b", "score": 3}',
        name="d.jsonl",
    )
    found = read_examples(path, TASK)
    assert found.inputs == [Pair("一", "二"), Pair("a", "b")]
    assert found.truths == [0.5, 3.0]


def test_usual_names_and_a_name_that_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "text,Rating,mine", "a,1,5", "b,2,7")
    assert read_examples(path, TASK).truths == [1.0, 2.0]
    assert read_examples(path, TASK, {"label": "mine"}).truths == [5.0, 7.0]
    with pytest.raises(DataError, match="cannot be both the text and the number"):
        read_examples(path, TASK, {"label": "text"})


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("four", "holds 'four', which is no number"),
        ('"4,5"', "Write a decimal point, as in 4.5"),
        ('"1,000.5"', "nothing between thousands"),
        ("nan", "no finite number"),
        ("-Infinity", "no finite number"),
        ("1e999", "no finite number"),
        ("1e31", "beyond what a model can tell"),
        ("1_000", "which is no number"),
        ("４", "which is no number"),
        ("0x10", "which is no number"),
        ("", "is empty or holds no number"),
    ],
)
def test_what_is_no_number_is_one_error(cell: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, "text,score", "a,1", f"b,{cell}", "c,2", f"d,{cell}")
    with pytest.raises(DataError, match=r"line 3: column 'score'") as caught:
        read_examples(path, TASK)
    assert says in str(caught.value)
    assert "1 more row is bad" in str(caught.value)
    assert "--skip-bad" in str(caught.value)
    kept = read_examples(path, TASK, on_bad="skip")
    assert (kept.truths, sum(kept.skipped.values())) == ([1.0, 2.0], 2)
    # Where nobody asks for numbers all texts are wanted.
    assert read_examples_or_inputs(path, TASK, on_bad="keep") == ["a", "b", "c", "d"]


def test_numbers_that_tell_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "text,score", *["a,3.0", "b,3"] * 5)
    with pytest.raises(DataError, match="every row has the number 3, so") as caught:
        read_examples(path, TASK)
    assert "Is 'score' the right column?" in str(caught.value)
    with pytest.raises(DataError, match="every row has the number"):
        read_examples(written(tmp_path, "text,score", "a,3"), TASK)


def test_texts_without_numbers(tmp_path: Path) -> None:
    told: list[str] = []
    bare = written(tmp_path, "text,score", "a,", "b,")
    assert read_examples_or_inputs(bare, TASK, tell=told.append) == ["a", "b"]
    assert "no row has a number, so the texts alone are read" in told[-1]
    with pytest.raises(DataError, match="'score' is empty in every row"):
        read_examples(bare, TASK, {"label": "score"})
    none = written(tmp_path, "text", "a", name="n.csv")
    assert read_examples_or_inputs(none, TASK) == ["a"]
    with pytest.raises(DataError, match="has no label column"):
        read_examples(none, TASK)
    with pytest.raises(DataError, match="no rows"):
        read_examples(written(tmp_path, "text,score", name="e.csv"), TASK)


def test_a_number_in_a_cell() -> None:
    assert number_in(" 4.50\t") == 4.5
    assert number_in("-1E+3") == -1000.0
    assert [number_in(one) for one in ("", ".", "e5", "1 000", "1.2.3", "五")] == [None] * 6


def test_examples_are_read_once(tmp_path: Path) -> None:
    found = read_examples_or_inputs(written(tmp_path, "text,score", "a,1", "b,2"), TASK)
    assert isinstance(found, Examples)
    assert found.named() == [1.0, 2.0]
    assert found.renumbered(("x",)) is found
