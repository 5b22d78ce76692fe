"""Pairs of texts, read from two columns of a table."""

from pathlib import Path

import pytest

from edgeft.data import Examples
from edgeft.data.bad import OnBad
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Pair
from edgeft.tasks import reading, task_named
from edgeft.tasks.classification import TASK
from edgeft.tasks.task import Columns
from tests.data.files import write

NAMED = {"text": "a", "other": "b"}
USUAL: Columns = {}


def examples(
    path: Path, columns: Columns = USUAL, on_bad: OnBad = "error"
) -> tuple[Examples, list[str]]:
    notes: list[str] = []
    found = reading.read_examples(path, TASK, columns, notes.append, on_bad)
    return found, [note.removeprefix(f"{path}: ") for note in notes]


def inputs(path: Path, columns: Columns = USUAL) -> tuple[list[object], list[str]]:
    notes: list[str] = []
    found = list(reading.read_inputs(path, TASK, columns, notes.append))
    return found, [note.removeprefix(f"{path}: ") for note in notes]


def test_two_columns_that_are_named_give_pairs(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a,b,label\n狗在跑,一只狗 🐕,yes\nx,y,no\n")
    found, notes = examples(path, NAMED)
    assert found.inputs == [Pair("狗在跑", "一只狗 🐕"), Pair("x", "y")]
    assert (found.named(), notes) == (["yes", "no"], [])
    assert found.columns == {"text": "a", "other": "b", "label": "label"}
    assert inputs(path, NAMED) == (found.inputs, [])
    assert inputs(path, {"text": "b"})[0] == ["一只狗 🐕", "y"]


@pytest.mark.parametrize(
    ("first", "other"),
    [("sentence1", "sentence2"), ("Premise", "Hypothesis"), ("question1", "question2"),
     ("text_a", "text_b"), ("query", "passage"), ("#1 String", "#2 String"), ("first", "second"),
     ("text", "text_pair"), ("sentence_A", "sentence_B"), ("claim", "evidence")],
)  # fmt: skip
def test_usual_names_are_found_and_told(first: str, other: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", f"label\t{other}\t{first}\nyes\tb\ta\n")
    found, notes = examples(path)
    assert found.inputs == [Pair("a", "b")]
    assert notes == [
        f"pairs of texts are read, from '{first}' and '{other}'; --text-column names one column, "
        "or given twice two."
    ]
    assert inputs(path)[0] == [Pair("a", "b")]


def test_another_usual_column_of_texts_comes_first(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "first,second,review,label\na,b,good,yes\n")
    assert examples(path)[0].inputs == ["good"]
    assert examples(path, {"text": "first", "other": "second"})[0].inputs == [Pair("a", "b")]
    assert examples(path, {"text": "first"})[0].inputs == ["a"]


def test_objects_a_line_give_pairs_too(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": "a", "text_pair": "b", "label": 1}\n')
    found, _ = examples(path)
    assert (found.inputs, found.named()) == ([Pair("a", "b")], ["1"])
    path = write(tmp_path, "b.jsonl", '{"text": ["a", "狗"], "label": 1}\n{"text": ["", "b"]}\n')
    assert inputs(path)[0] == [Pair("a", "狗"), Pair("", "b")]
    path = write(tmp_path, "c.jsonl", '{"text": ["a", "b"]}\n{"text": ["a", "b", "c"]}\n')
    with pytest.raises(DataError, match="line 2: 'text' is missing or holds no text"):
        inputs(path)


def test_what_is_asked_one_text_at_a_time_reads_no_pairs(tmp_path: Path) -> None:
    tagger = task_named("token-classification")
    path = write(tmp_path, "a.csv", "sentence,sentence1,sentence2\nc,a,b\n")
    assert list(reading.read_inputs(path, tagger)) == ["c"]
    with pytest.raises(UsageError, match="--text-column is given twice, but token-classification"):
        reading.read_inputs(path, tagger, {"text": "sentence1", "other": "sentence2"})
    with pytest.raises(UsageError, match="--text-column is given, but question-answering reads"):
        reading.read_inputs(path, task_named("question-answering"), NAMED)


def test_the_other_column_is_named_beside_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a,b,label\nx,y,no\n")
    with pytest.raises(UsageError, match="The other text of a pair is named, but not its first"):
        examples(path, {"other": "b"})
    with pytest.raises(UsageError, match="Both texts of a pair are to be read from 'a'"):
        examples(path, {"text": "a", "other": "a"})
    with pytest.raises(DataError, match="has no column 'c'") as missing:
        examples(path, {"text": "a", "other": "c"})
    assert missing.value.hint == "Columns found: 'a', 'b', 'label', separated by commas."
    with pytest.raises(DataError, match="'b' cannot be both the text and the label"):
        examples(path, {**NAMED, "label": "b"})
    plain = write(tmp_path, "a.txt", "x\ty\n")
    with pytest.raises(DataError, match="one text a line, so no column 'a'"):
        inputs(plain, NAMED)


def test_a_side_that_is_empty_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a,b,label\nx,y,no\n,,\nx, ,yes\n,y,yes\nx,z,yes\n")
    with pytest.raises(DataError) as empty:
        examples(path, NAMED)
    assert empty.value.message == (
        f"{path}, line 4: 'b' is empty, and a pair has two texts. 1 more row is bad."
    )
    assert empty.value.hint == (
        "Write the text that is missing, or remove the row. --skip-bad drops them."
    )
    found, notes = examples(path, NAMED, "skip")
    assert found.inputs == [Pair("x", "y"), Pair("x", "z")]
    assert found.skipped == {"an empty side of a pair": 2}
    assert notes == [
        "2 rows have an empty side of a pair, and are left out (the first in line 4).",
        "1 row is empty and left out (line 3).",
    ]


def test_a_pair_with_an_empty_side_is_answered_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a,b\nx,\nx,y\n")
    assert inputs(path, NAMED) == (
        [Pair("x", ""), Pair("x", "y")],
        ["1 row is a pair with an empty side, which is judged all the same (line 2)."],
    )


def test_a_side_that_is_missing_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"a": "x", "b": "y"}\n{"a": "x"}\n')
    with pytest.raises(DataError, match="line 2: 'b' is missing or holds no text"):
        inputs(path, NAMED)
    ragged = write(tmp_path, "a.csv", "a,b,label\nx,y,no\nx\n")
    with pytest.raises(DataError, match="line 3: 1 field where the header has 3"):
        examples(ragged, NAMED)


def test_quotes_of_a_tsv_file_hold_nothing_together(tmp_path: Path) -> None:
    content = '\ufeffQuality\t#1 String\t#2 String\n1\tHe said "no\t"Yes", she said.\n0\ta\tb"\n'
    found, _ = examples(write(tmp_path, "mrpc.tsv", content), {"label": "Quality"})
    assert found.inputs == [Pair('He said "no', '"Yes", she said.'), Pair("a", 'b"')]
    assert found.named() == ["1", "0"]


def test_columns_of_a_file_without_a_header_are_named_by_number(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'x,"y, z",5.0\nx,"y, z",5.0\nv,w,1\n')
    columns = {"text": "1", "other": "2", "label": "3"}
    found, notes = examples(path, columns)
    assert found.inputs == [Pair("x", "y, z"), Pair("x", "y, z"), Pair("v", "w")]
    assert (found.named(), found.lines, notes) == (["5.0", "5.0", "1"], [1, 2, 3], [])
    assert inputs(path, {"text": "2"}) == (["y, z", "y, z", "w"], [])
    with pytest.raises(DataError, match="has no column '4'") as missing:
        examples(path, {**columns, "label": "4"})
    assert missing.value.hint == "Columns found: '1', '2', '3', separated by commas."
    with pytest.raises(DataError, match="no text column under a usual name") as unnamed:
        examples(path)
    assert unnamed.value.hint.endswith(
        "Name one with --text-column, by its number where the first line is a row."
    )


def test_a_column_that_is_called_by_a_number_is_that_one(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "2,1,label\nx,y,no\n")
    assert examples(path, {"text": "1", "other": "2"})[0].inputs == [Pair("y", "x")]


def test_one_pair_and_10_000(tmp_path: Path) -> None:
    for count in (1, 10_000):
        rows = "".join(f"a{at},b{at},{at % 2}\n" for at in range(count))
        found, _ = examples(write(tmp_path, "a.csv", f"a,b,label\n{rows}"), NAMED)
        assert found.inputs == [Pair(f"a{at}", f"b{at}") for at in range(count)]
