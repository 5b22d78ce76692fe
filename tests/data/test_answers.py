"""Questions with their answers, in the forms in which these are written."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.data import Examples, open_source
from edgeft.data.answers import answers_or_questions, holds_answers
from edgeft.errors import DataError
from edgeft.inputs import Question

CONTEXT = "Ada met Bo in Rome. Ada slept."
ADA, NONE = (("Ada", 0),), ()


def read(path: Path, **columns: str) -> tuple[Examples, list[str]]:
    notes: list[str] = []
    found = answers_or_questions(open_source(path, notes.append), columns, notes.append)
    assert isinstance(found, Examples)
    return found, notes


def squad(path: Path, *questions: dict[str, Any], context: Any = CONTEXT) -> Path:
    paragraph = {"context": context, "qas": [{"question": "Who?", **one} for one in questions]}
    path.write_text(
        json.dumps({"version": "1", "data": [{"title": "t", "paragraphs": [paragraph]}]})
    )
    return path


def gold(text: str, start: Any) -> dict[str, Any]:
    return {"answers": [{"text": text, "answer_start": start}]}


def test_squad_of_both_versions(tmp_path: Path) -> None:
    several = {"answers": [*gold("Ada", 0)["answers"], *gold("Ada", 20)["answers"],
                           *gold("Ada", 0)["answers"]]}  # fmt: skip
    impossible = {
        "is_impossible": True,
        "answers": [],
        "plausible_answers": gold("Bo", 8)["answers"],
    }
    path = squad(tmp_path / "a.json", gold("Ada", 0), several, impossible, {"answers": []})
    assert holds_answers(open_source(path))
    examples, notes = read(path)
    assert examples.inputs == [Question("Who?", CONTEXT)] * 4
    assert examples.truths == [ADA, (("Ada", 0), ("Ada", 20)), NONE, NONE]
    assert (examples.lines, examples.labels, notes) == ([1, 2, 3, 4], (), [])
    assert examples.columns == {"question": "question", "context": "context", "answers": "answers"}
    assert examples.subset([0]).renumbered(("x",)).truths == [ADA]


def test_an_answer_that_is_elsewhere_is_taken_from_there_and_one_that_is_nowhere_told(
    tmp_path: Path,
) -> None:
    path = squad(tmp_path / "a.json", gold("Ada", 18), gold("Ada", -4), gold("Paris", 0),
                 gold("Ada", 999))  # fmt: skip
    examples, notes = read(path)
    assert examples.truths == [(("Ada", 20),), ADA, (("Paris", -1),), (("Ada", 20),)]
    assert notes == [
        f"{path}: 3 answers are found elsewhere than stated, and taken from there "
        "(the first in line 1).",
        f"{path}: 1 answer is not in the context, so that nothing is learned from it (line 3).",
    ]


ROW = {"question": "Who?", "context": CONTEXT}
ANSWERS = [
    {"answers": [{"text": "Ada", "answer_start": 0}]},
    {"answers": [{"text": "Ada", "start": 0}]},
    {"answers": {"text": ["Ada"], "answer_start": [0]}},  # as data sets of the Hub have it
    {"answers": {"text": "Ada", "answer_start": 0}},
    {"answer": "Ada"},
    {"answers": ["Ada"]},
]


@pytest.mark.parametrize("answers", ANSWERS)
def test_one_object_a_line_or_in_an_array(tmp_path: Path, answers: dict[str, Any]) -> None:
    name = next(iter(answers))
    path = tmp_path / "a.jsonl"
    empty = {"answers": {"text": [], "answer_start": []}} if name == "answers" else {"answer": ""}
    path.write_text("\n".join(json.dumps({**ROW, **one}) for one in (answers, empty)))
    assert holds_answers(open_source(path))
    examples, _ = read(path)
    assert (examples.truths, examples.lines) == ([ADA, NONE], [1, 2])
    array = tmp_path / "a.json"
    array.write_text(json.dumps([{**ROW, **answers}], indent=1))
    assert holds_answers(open_source(array))
    assert read(array)[0].truths == [ADA]


def test_a_table_and_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'Passage,Q,Answer\n"{CONTEXT}",Who?,Ada\n"{CONTEXT}",Why?,\n')
    with pytest.raises(DataError, match="no question column under a usual name"):
        read(path)
    with pytest.raises(DataError, match="has no column 'Frage'"):
        read(path, question="Frage")
    examples, _ = read(path, question="Q")
    assert examples.inputs == [Question("Who?", CONTEXT), Question("Why?", CONTEXT)]
    assert (examples.truths, examples.lines) == ([ADA, NONE], [2, 3])


def test_questions_alone(tmp_path: Path) -> None:
    for name, text in (
        ("a.jsonl", json.dumps(ROW)),
        ("a.csv", f'question,context\nWho?,"{CONTEXT}"\n'),
        ("a.json", json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": [
            {"question": "Who?"}]}]}]})),
    ):  # fmt: skip
        path = tmp_path / name
        path.write_text(text)
        found = answers_or_questions(open_source(path), {}, print)
        assert found == [Question("Who?", CONTEXT)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"context": " \n"}, "'context' is empty"),
        ({"context": None}, "'context' is missing or holds no text"),
        ({"question": ""}, "'question' is empty"),
        ({"answers": [{"text": "", "answer_start": 0}]}, "an answer has no text"),
        ({"answers": [{"text": "Ada", "answer_start": "0"}]}, "an answer's start is \"'0'\""),
        ({"answers": [{"text": "Ada", "answer_start": True}]}, "no whole number"),
        ({"answers": {"text": ["Ada"], "answer_start": []}}, "answers are texts with their starts"),
        ({"answers": 3}, "answers are texts with their starts"),
    ],
)
def test_rows_that_cannot_be(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{**ROW, **ANSWERS[0]}, {**ROW, **ANSWERS[0], **row}]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match=message) as found:
        read(path)
    assert "line 2" in found.value.message
    assert found.value.hint


def test_files_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, ({**ROW, **ANSWERS[0]}, ROW))))
    with pytest.raises(DataError, match="row 2: 'answers' is missing, which other rows have"):
        read(path)
    array = tmp_path / "a.json"
    array.write_text('{"data": [{"paragraphs": [{"context": "a"}]}]}')
    with pytest.raises(DataError, match="not as SQuAD's files are: 'qas' is missing"):
        read(array)
    array.write_text('{"data": []}')
    with pytest.raises(DataError, match="holds no questions"):
        read(array)
    with pytest.raises(DataError, match="question 1: 'context' is missing"):
        read(squad(array, gold("Ada", 0), context=None))
    tagged = tmp_path / "a.conll"
    tagged.write_text("Ada B-PER\n")
    with pytest.raises(DataError, match=r"holds tagged words.*, not questions with their answers"):
        read(tagged)


def test_labelled_texts_and_entities_are_no_questions(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,label\nWho?,person\n")
    assert not holds_answers(open_source(path))
