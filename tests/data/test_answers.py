"""Questions with their answers, in the forms in which these are written."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.data import Examples, OnBad, open_source
from edgeft.data.answers import answers_or_questions, holds_answers
from edgeft.errors import DataError
from edgeft.inputs import Question

CONTEXT = "Ada met Bo in Rome. Ada slept."
ADA, NONE = (("Ada", 0),), ()


def read(path: Path, on_bad: OnBad = "error", **columns: str) -> tuple[Examples, list[str]]:
    notes: list[str] = []
    source = open_source(path, notes.append)
    found = answers_or_questions(source, columns, notes.append, on_bad)
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


def test_answers_that_are_not_where_they_say_or_nowhere_are_one_error_or_left_out(
    tmp_path: Path,
) -> None:
    path = squad(tmp_path / "a.json", gold("Ada", 0), gold("Ada", 18), gold("Ada", -4),
                 gold("Paris", 0), {"answers": []})  # fmt: skip
    with pytest.raises(DataError) as found:
        read(path)
    assert found.value.message == (
        f"{path}, question 2: the answer 'Ada' is said to begin at 18, where the context has "
        "'. A'. 2 more rows are bad; in all 2 with an answer that is not where it says, 1 with an "
        "answer that is not in the context."
    )
    assert "It stands at 0" in found.value.hint
    assert found.value.hint.endswith("--skip-bad drops them.")
    examples, notes = read(path, "skip")
    assert (examples.truths, examples.lines) == ([ADA, NONE], [1, 5])
    assert examples.skipped == {
        "an answer that is not where it says": 2,
        "an answer that is not in the context": 1,
    }
    assert notes == [
        f"{path}: 2 rows have an answer that is not where it says, and are left out "
        "(the first in question 2).",
        f"{path}: 1 row has an answer that is not in the context, and is left out (question 4).",
    ]
    kept, notes = read(path, "keep")
    assert (len(kept), kept.truths[1], notes) == (5, NONE, [])


def test_starts_as_utf_16_counts_them_are_moved(tmp_path: Path) -> None:
    path = squad(tmp_path / "a.json", gold("Ada", 3), gold("Ada", 2), context="\U0001f44d Ada")
    examples, notes = read(path)
    assert examples.truths == [(("Ada", 2),)] * 2
    assert notes == [
        f"{path}: 1 question has answers counted in UTF-16, and moved to where their words stand "
        "(question 1)."
    ]


def test_an_answer_has_the_white_space_of_its_context(tmp_path: Path) -> None:
    texts = [gold("Ada  met\nBo", 6), gold("met Bo", 10), {"answers": ["met Bo"]}]
    examples, notes = read(squad(tmp_path / "a.json", *texts, context="So, \n Ada met\u00a0Bo"))
    assert examples.truths == [(("Ada met\u00a0Bo", 6),), *[(("met\u00a0Bo", 10),)] * 2]
    rest = "with other white space than the context, whose is taken (the first in question 1)."
    assert [note.partition(": ")[2] for note in notes] == [f"3 questions have answers {rest}"]


def test_white_space_at_the_ends_of_an_answer_is_taken_off(tmp_path: Path) -> None:
    spaced = [gold(" Ada", 1), gold("Bo ", 10), gold("\nAda  ", 2), gold("  Bo", 10)]
    emoji = squad(tmp_path / "b.json", gold(" Ada", 4), context="\U0001f44d" * 2 + " Ada")
    examples, notes = read(squad(tmp_path / "a.json", *spaced, context="  Ada met Bo "))
    assert examples.truths == [(("Ada", 2),), (("Bo", 10),)] * 2
    rest = "with white space at the ends, which is taken off"
    assert [note.partition(": ")[2] for note in notes] == [
        f"4 questions have answers {rest} (the first in question 1)."
    ]
    examples, notes = read(emoji)  # moved, as UTF-16 counts
    assert (examples.truths, len(notes)) == ([(("Ada", 3),)], 2)


def test_where_all_rows_are_bad_nothing_is_left(tmp_path: Path) -> None:
    path = squad(tmp_path / "a.json", gold("Paris", 0), gold("Oslo", 0))
    with pytest.raises(DataError, match=r"all 2 rows are bad, so --skip-bad leaves none.*'Paris'"):
        read(path, "skip")
    with pytest.raises(DataError, match=r"its only row is bad, so --skip-bad leaves none.*'Paris'"):
        read(squad(path, gold("Paris", 0)), "skip")


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
    assert found.value.hint.endswith("--skip-bad drops it.")
    left, notes = read(path, "skip")
    assert (left.lines, list(left.skipped.values())) == ([1], [1])
    assert any("and is left out (line 2)" in note for note in notes)
    if row.get("context", "") is not None:  # else there is nothing to ask of
        kept, notes = read(path, "keep")
        asked = {**ROW, **row}
        assert kept.inputs[1] == Question(asked["question"], asked["context"])
        assert (kept.truths, notes) == ([ADA, NONE], [])


def test_files_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, ({**ROW, **ANSWERS[0]}, ROW))))
    with pytest.raises(DataError, match="line 2: 'answers' is missing, which other rows have"):
        read(path)
    assert read(path, "skip")[0].skipped == {"no answers": 1}
    assert read(path, "keep")[0].truths == [ADA, NONE]
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


BERN = {"question": "q?", "context": "Bern is Bern.", "answer": "Bern"}


def test_a_start_beside_a_bare_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    several = {**BERN, "answer": ["Bern", "is"], "answer_start": [8, 5]}
    rows = [{**BERN, "answer_start": 8}, {**BERN, "answer_start": 8.0}, several,
            {**BERN, "answer": ["Bern"], "answer_start": 8},
            {**BERN, "answer": "", "answer_start": -1}]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    examples, notes = read(path)
    at8 = (("Bern", 8),)
    assert (examples.truths, notes) == ([at8, at8, (("Bern", 8), ("is", 5)), at8, NONE], [])
    table = tmp_path / "a.csv"
    table.write_text(
        "question,context,answer,answer_start\nq?,Bern is Bern.,Bern,8\nq?,Bern is Bern.,Bern,8.0\n"
        "q?,Bern is Bern.,,\nq?,Bern is Bern.,Bern,0\n"
    )
    examples, notes = read(table)
    assert (examples.truths, notes) == ([at8, at8, NONE, (("Bern", 0),)], [])
    table.write_text("question,context,answer,start\nq?,Bern is Bern.,Bern,8\nq?,a,a,x\nq?,b,b,1\n")
    with pytest.raises(DataError, match=r"line 3: an answer's start is \"'x'\".* 1 more row is"):
        read(table)
    path.write_text(json.dumps({**several, "answer_start": [8]}))
    with pytest.raises(DataError, match="answers are texts with their starts"):
        read(path)


def test_a_bare_answer_that_stands_several_times_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    once = {**BERN, "answer": "is"}
    path.write_text("\n".join(map(json.dumps, (once, BERN, {**BERN, "answer": ["Bern"]}))))
    examples, notes = read(path)
    assert examples.truths[1:] == [(("Bern", 0),)] * 2
    assert notes == [
        f"{path}: 2 questions have answers that stand several times in the context, without a "
        "start; the first place is taken (the first in line 2)."
    ]


@pytest.mark.parametrize("yes", [True, "True", 1])
def test_is_impossible_in_flat_rows(tmp_path: Path, yes: Any) -> None:
    path = tmp_path / "a.jsonl"
    bare = {name: BERN[name] for name in ("question", "context")}
    rows = [{**BERN, "is_impossible": yes}, {**BERN, "is_impossible": False}, bare]
    rows[2]["is_impossible"] = yes
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path)[0].truths == [NONE, (("Bern", 0),), NONE]


def test_answers_as_json_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    told = json.dumps({"text": ["Bern"], "answer_start": [8]}).replace('"', '""')
    empty = json.dumps([]).replace('"', '""')
    path.write_text(
        f'question,context,answers\nq?,Bern is Bern.,"{told}"\nq?,Bern is Bern.,"{empty}"\n'
        "q?,See [8] there.,[8]\nq?,See [a] there.,[a]\n"
    )
    assert read(path)[0].truths == [(("Bern", 8),), NONE, (("[8]", 4),), (("[a]", 4),)]


def test_keys_that_the_first_row_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    bare = {"question": "q?", "context": "Bern is Bern.", "is_impossible": True}
    path.write_text("\n".join(map(json.dumps, (bare, {**BERN, "answer_start": 8}))))
    assert holds_answers(open_source(path))
    assert read(path)[0].truths == [NONE, (("Bern", 8),)]
