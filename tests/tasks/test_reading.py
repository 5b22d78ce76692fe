from pathlib import Path

import pytest

from edgeft.data import Examples, labelled, open_source
from edgeft.errors import DataError, UsageError
from edgeft.tasks import task_named
from edgeft.tasks.labelled import labels, strata
from edgeft.tasks.reading import (
    aligned,
    read_examples,
    read_examples_or_inputs,
    read_inputs,
    task_of,
)
from edgeft.tasks.task import TASKS

TAGGER, CLASSIFIER = task_named("token-classification"), task_named("text-classification")
TAGGED = "Ada B-PER\nsaw O\nRome B-LOC\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows(*names: str) -> Examples:
    places = range(len(names))
    columns = {"text": "text", "label": "mood"}
    return labelled("f.csv", [f"text {at}" for at in places], names, [at + 2 for at in places],
                    columns)  # fmt: skip


def test_ids_become_the_models() -> None:
    found = aligned(rows("sad", "glad"), ("calm", "sad", "glad"))
    assert (found.truths, found.labels) == ([1, 2], ("calm", "sad", "glad"))
    assert found.named() == ["sad", "glad"]


def test_the_first_row_with_a_label_that_a_model_lacks_is_told() -> None:
    known = tuple(f"l{at}" for at in range(9))
    with pytest.raises(DataError, match=r"f\.csv, line 3: the model has no label 'new'") as caught:
        aligned(rows("l1", "new", "other", "new"), known)
    assert "It has 9: 'l0', " in caught.value.hint
    assert "'l7' …. Labels were read from the column 'mood'" in caught.value.hint


def test_a_label_that_no_row_shows_needs_no_place() -> None:
    found = aligned(rows("sad", "odd", "glad").subset([0, 2]), ("sad", "glad"))
    assert found.truths == [0, 1]


def test_labels_are_those_that_rows_show_and_strata_their_names() -> None:
    some = rows("9", "10", "2").subset([0, 1])
    assert labels(some) == ("9", "10")
    # By name: "10" comes before "9" there, and the order of keys decides a split.
    assert strata(some.truths, some.labels) == ["9", "10"]


def test_spans_become_ids_of_the_tags_that_begin_them_in_any_scheme(tmp_path: Path) -> None:
    examples = read_examples(written(tmp_path / "a.conll", TAGGED), TAGGER)
    assert examples.labels == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert examples.truths == [((0, 3, 3), (8, 12, 1))]
    assert TAGGER.labels(examples) == examples.labels
    plain = aligned(examples, ("PER", "O", "LOC"))
    assert (plain.truths, plain.labels) == ([((0, 3, 0), (8, 12, 2))], ("PER", "O", "LOC"))
    inside = aligned(examples, ("O", "I-LOC", "I-PER", "B-PER"))
    assert inside.truths == [((0, 3, 3), (8, 12, 1))]
    scores = TAGGER.score(plain.truths, plain.truths, plain.labels)
    assert scores.support == {"PER": 1, "LOC": 1}
    with pytest.raises(
        DataError, match=r"a\.conll, line 1: the model has no label 'LOC'"
    ) as caught:
        aligned(examples, ("O", "B-PER", "I-PER"))
    assert caught.value.hint == "It has 1: 'PER'."
    array = written(tmp_path / "a.json", '[{"text": "Ada", "entities": [[0, 3, "LOC"]]}]')
    with pytest.raises(DataError, match=r"a\.json, item 1: the model has no label 'LOC'"):
        aligned(read_examples(array, TAGGER), ("O", "B-PER"))
    # What no row shows needs no place.
    assert aligned(examples.subset([]), ("O", "B-PER")).truths == []


def test_the_form_of_data_tells_the_task(tmp_path: Path) -> None:
    def told(name: str, text: str) -> str:
        return task_of(open_source(written(tmp_path / name, text)))

    assert told("a.conll", TAGGED) == "token-classification"
    assert told("a.jsonl", '{"text": "a", "entities": []}') == "token-classification"
    asked = '{"question": "a", "context": "b", "answers": []}'
    assert told("c.jsonl", asked) == "question-answering"
    # Which fails for want of answers, not of a label.
    assert told("d.jsonl", '{"question": "a", "context": "b"}') == "question-answering"
    labelled = '{"question": "a", "context": "b", "label": "c"}'
    assert told("e.jsonl", labelled) == "text-classification"
    assert told("a.json", '{"data": [{"paragraphs": []}]}') == "question-answering"
    assert told("b.jsonl", '{"text": "a", "label": "b"}') == "text-classification"
    assert told("a.csv", "text,label\na,b\n") == "text-classification"


@pytest.mark.parametrize(
    ("header", "numbers", "task"),
    [
        ("sentence1,sentence2,score", (1, 2, 3), "text-regression"),  # under no name of classes
        ("text,rating", (1, 2, 3, 4, 5), "text-regression"),
        ("text,rating", (0, 1), "text-classification"),
        ("text,label", (1, 2, 3), "text-classification"),
        ("text,label", (1.5, 2, 3, 4, 5, 6), "text-regression"),
        ("text,label,score", ("a", "b", "c"), "text-classification"),
        ("question,context,answers,score", (1, 2, 3), "question-answering"),
    ],
)
def test_numbers_tell_the_task(
    header: str, numbers: tuple[object, ...], task: str, tmp_path: Path
) -> None:
    rows = "".join(f"{'x,' * header.count(',')}{one}\n" for one in numbers)
    told: list[str] = []
    assert task_of(open_source(written(tmp_path / "a.csv", f"{header}\n{rows}")), {}, told.append) \
        == task  # fmt: skip
    assert any("for classes: --task text-classification" in one for one in told) == (
        task == "text-regression"
    )


def test_a_column_that_is_named_tells_the_task(tmp_path: Path) -> None:
    mixed = '{"text": "Ada", "entities": [], "topic": "b", "my_spans": [[0, 3, "PER"]]}'
    path = written(tmp_path / "a.jsonl", mixed)

    def told(**columns: str | None) -> str:
        return task_of(open_source(path), columns)

    assert (told(), told(label=None)) == ("token-classification",) * 2
    assert told(label="topic") == "text-classification"
    assert told(label="my_spans", text="text") == "token-classification"
    written(path, '{"question": "a", "context": "b", "answers": [], "topic": "c"}')
    assert (told(), told(label="topic")) == ("question-answering", "text-classification")
    written(path, '{"text": "Ada", "my_spans": [[0, 3, "PER"]]}')
    assert (told(), told(label="my_spans")) == ("text-classification", "token-classification")
    assert read_examples(path, TAGGER, {"label": "my_spans"}).truths == [((0, 3, 1),)]


def test_questions_without_answers_are_no_examples(tmp_path: Path) -> None:
    finder = task_named("question-answering")
    asked = '{"question": "Who?", "context": "Ada slept.", "reply": "Ada"}\n'
    for name, text in (("a.jsonl", asked), ("a.csv", "question,context\nWho?,Ada slept.\n"),
                       ("a.json", '{"data": [{"paragraphs": [{"context": "Ada", "qas": '
                                  '[{"question": "Who?"}]}]}]}')):  # fmt: skip
        path = written(tmp_path / name, text)
        with pytest.raises(DataError, match=r"no row has answers") as caught:
            read_examples(path, finder)
        assert caught.value.hint.endswith("name the column with --answers-column.")
    path = tmp_path / "a.jsonl"
    assert read_examples(path, finder, {"answers": "reply"}).truths == [(("Ada", 0),)]


def test_the_last_role_tells_what_is_true() -> None:
    told = {name: task_named(name).roles[-1] for name in TASKS}
    assert told.pop("question-answering") == "answers"
    assert set(told.values()) == {"label"}


def test_inputs_alone_where_nothing_is_labelled(tmp_path: Path) -> None:
    lines = written(tmp_path / "a.txt", "Ada slept.\nSo O\n")
    tagged = written(tmp_path / "b.txt", TAGGED)
    assert read_examples_or_inputs(lines, TAGGER) == ["Ada slept.", "So O"]
    assert isinstance(read_examples_or_inputs(tagged, TAGGER), Examples)
    assert read_examples_or_inputs(tagged, CLASSIFIER) == TAGGED.split("\n")[:-1]
    table = written(tmp_path / "a.csv", "text\nAda\n")
    assert read_examples_or_inputs(table, CLASSIFIER) == ["Ada"]
    assert read_examples_or_inputs(table, TAGGER) == ["Ada"]
    for task in (TAGGER, CLASSIFIER):
        with pytest.raises(DataError, match="no label column under a usual name"):
            read_examples(table, task)
        with pytest.raises(DataError, match="so no column 'text'"):
            read_examples_or_inputs(lines, task, {"text": "text"})
    words = written(tmp_path / "c.conll", "Ada\nslept\n")
    assert read_examples_or_inputs(words, TAGGER) == ["Ada slept"]
    with pytest.raises(DataError, match=r"c\.conll has no labels"):
        read_examples(words, TAGGER)
    with pytest.raises(DataError, match="is empty"):
        read_examples_or_inputs(written(tmp_path / "d.txt", ""), TAGGER)


SENTENCES = "EU\tB-ORG\nrejects\tO\n\nShe\tO\nwon\tO\n"


@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a.conll"])
def test_inputs_alone_are_those_of_the_examples(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, SENTENCES)
    assert read_examples(path, TAGGER).inputs == ["EU rejects", "She won"]
    assert list(read_inputs(path, TAGGER)) == ["EU rejects", "She won"]


def test_inputs_of_objects_are_their_texts_or_tokens(tmp_path: Path) -> None:
    for text, expected in (
        ('[{"text": "Ada", "entities": []}]', ["Ada"]),
        ('{"text": "Ada"}\n{"text": "Bo"}', ["Ada", "Bo"]),
        ('{"tokens": ["So"], "tags": ["O"]}', ["So"]),
    ):
        assert list(read_inputs(written(tmp_path / "a.json", text), TAGGER)) == expected
    words = written(tmp_path / "a.jsonl", '{"mots": ["So", "Ada"], "tags": ["O", "B-PER"]}')
    assert list(read_inputs(words, TAGGER, {"text": "mots"})) == ["So Ada"]


def test_plain_texts_are_given_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Ada slept.\n" * 9_999 + b"\xff\n")
    found = iter(read_inputs(path, TAGGER))
    assert next(found) == "Ada slept."  # long before the line that is no text
    with pytest.raises(DataError, match="line 10000"):
        list(found)


def test_columns_of_questions_are_named_and_those_of_other_tasks_refused(tmp_path: Path) -> None:
    finder = task_named("question-answering")
    path = written(tmp_path / "a.csv", "Q,P,A\nWho?,Ada slept.,Ada\n")
    named = {"question": "Q", "context": "P", "answers": "A"}
    assert task_of(open_source(path), named) == "question-answering"
    assert read_examples(path, finder, named).truths == [(("Ada", 0),)]
    asked = read_examples(path, finder, named).inputs
    assert read_inputs(path, finder, {"question": "Q", "context": "P"}) == asked
    for read in (read_examples, read_examples_or_inputs, read_inputs):
        for task, role in ((finder, "text"), (finder, "label"), (TAGGER, "question"),
                           (CLASSIFIER, "answers")):  # fmt: skip
            with pytest.raises(UsageError, match=f"--{role}-column is given, but {task.name}"):
                read(path, task, {role: "Q"})
