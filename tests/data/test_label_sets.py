"""Any number of labels, in the forms in which people write them."""

import json
from pathlib import Path

import pytest

from edgeft.data import Examples, open_source
from edgeft.errors import DataError
from edgeft.inputs import Pair
from edgeft.tasks import task_named
from edgeft.tasks.reading import aligned, examples_of, task_of

TASK = task_named("multi-label-classification")
LISTS = [
    {"text": "so happy 😀", "labels": ["joy", "love"]},
    {"text": "上海", "labels": []},
    {"text": "oh no", "labels": ["fear"]},
    {"text": "well", "labels": ["love", "joy"]},
]


def jsonl(folder: Path, rows: list) -> Path:
    path = folder / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(folder: Path, text: str, name: str = "d.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, told: list[str] | None = None, **columns: str) -> Examples:
    return examples_of(open_source(path), TASK, columns, (told if told is not None else []).append)


def detected(path: Path, **columns: str) -> str:
    return task_of(open_source(path), columns)


def fault(path: Path, **columns: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path, **columns)
    return caught.value


def test_lists_of_names(tmp_path: Path) -> None:
    path = jsonl(tmp_path, LISTS)
    assert detected(path) == TASK.name
    found = read(path)
    assert found.labels == ("fear", "joy", "love")
    assert found.truths == [(1, 2), (), (0,), (1, 2)]
    assert found.named()[3] == ("joy", "love")
    assert found.columns == {"text": "text", "label": "labels"}
    assert TASK.labels(found.subset([2])) == ("fear",)


def test_lists_of_numbers_are_in_their_order(tmp_path: Path) -> None:
    found = read(jsonl(tmp_path, [{"text": "a", "label": [10, 9]}, {"text": "b", "label": None}]))
    assert (found.labels, found.truths) == (("9", "10"), [(0, 1), ()])


@pytest.mark.parametrize(("mark", "told"), [(",", "commas"), (";", "semicolons"), ("|", "bars")])
def test_names_that_are_joined(tmp_path: Path, mark: str, told: str) -> None:
    cells = [f"joy{mark}love", f"love{mark} fear", "joy", "", f"fear{mark}joy"]
    rows = "".join(f"t{at}\t{cell}\n" for at, cell in enumerate(cells))
    path = table(tmp_path, f"text\tlabel\n{rows}", "d.tsv")
    assert detected(path) == TASK.name
    heard: list[str] = []
    found = read(path, heard)
    assert found.truths == [(1, 2), (0, 2), (1,), (), (0, 1)]
    assert any(f"labels in 'label' are separated by {told}" in one for one in heard)


def test_ids_that_blanks_part(tmp_path: Path) -> None:
    rows = "".join(f"t{at},{cell}\n" for at, cell in enumerate(["4 27", "27 4", "27", "4 1", "1"]))
    path = table(tmp_path, f"text,label\n{rows}")
    assert detected(path) == TASK.name
    assert read(path).labels == ("1", "4", "27")


def test_names_that_hold_commas_themselves_are_one_label_each(tmp_path: Path) -> None:
    names = ["Arts, Crafts", "Food, Drink", "News of the day"] * 5
    rows = [{"text": f"t{at}", "label": label} for at, label in enumerate(names)]
    path = jsonl(tmp_path, rows)
    assert detected(path) == "text-classification"
    lists = jsonl(tmp_path, [{**row, "label": [row["label"]]} for row in rows])
    assert read(lists).labels == ("Arts, Crafts", "Food, Drink", "News of the day")


def test_a_column_for_each_label(tmp_path: Path) -> None:
    path = table(tmp_path, "id,text,joy,love,fear\n7,a,1,0,0\n8,b,0,0,0\n9,c,1,1,0\n")
    assert detected(path) == TASK.name
    heard: list[str] = []
    found = read(path, heard)
    assert found.labels == ("joy", "love")
    assert found.truths == [(0,), (), (0, 1)]
    assert any("3 columns of 0 and 1 are read as labels: 'joy', 'love', 'fear'" in one
               for one in heard)  # fmt: skip
    assert any("no row holds 1 for 'fear', so that is no label" in one for one in heard)
    assert read(path, label="love,joy").truths == found.truths
    assert detected(path, label="joy,love") == TASK.name
    typed = jsonl(
        tmp_path, [{"text": "a", "joy": True, "love": 0}, {"text": "b", "joy": 0, "love": 1}]
    )
    assert read(typed).truths == [(0,), (1,)]


def test_pairs_have_labels_too(tmp_path: Path) -> None:
    rows = [{"premise": "a", "hypothesis": f"b{at}", "labels": ["x", "y"][: at % 3]}
            for at in range(4)]  # fmt: skip
    found = read(jsonl(tmp_path, rows))
    assert found.inputs[0] == Pair("a", "b0")
    assert found.truths == [(), (0,), (0, 1), ()]


def test_what_is_no_list_of_names_is_another_task(tmp_path: Path) -> None:
    for row in ({"text": "a", "label": "x"}, {"text": "abc", "label": [[0, 1, "PER"]]}):
        assert detected(jsonl(tmp_path, [row] * 4)) != TASK.name
    assert detected(table(tmp_path, "text,label\na,0\nb,1\n")) == "text-classification"


def test_texts_without_any_label_are_texts(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"text": "a", "labels": []}, {"text": "b", "labels": []}])
    found = TASK.read(open_source(path), {}, lambda note: None, "error")
    assert found == ["a", "b"]
    with pytest.raises(DataError, match="'labels' is empty or holds no text in every row"):
        examples_of(open_source(path), TASK, {})


@pytest.mark.parametrize(
    ("bad", "words", "kind"),
    [
        ("joy", "line 2: 'labels' holds 'joy', where other rows hold lists", "a name where"),
        (["joy", ""], "line 2: 'labels' holds a label without a name", "a label without a name"),
        (["joy", None], "line 2: 'labels' holds 'None' among its labels", "a label that is no"),
        (["joy", ["love"]], "among its labels, which is no name", "a label that is no name"),
        (["joy", "\ud83d"], "half a surrogate pair", "half a character in a label"),
    ],
)
def test_bad_lists_are_one_error_or_left_out(
    tmp_path: Path, bad: object, words: str, kind: str
) -> None:
    path = jsonl(tmp_path, [LISTS[0], {"text": "b", "labels": bad}, *LISTS[1:]])
    assert words in fault(path).message
    found = examples_of(open_source(path), TASK, {}, on_bad="skip")
    assert len(found) == 4
    assert next(iter(found.skipped)).startswith(kind)
    kept = examples_of(open_source(path), TASK, {}, on_bad="keep")
    assert len(kept) == 5


def test_a_label_twice_counts_once(tmp_path: Path) -> None:
    heard: list[str] = []
    found = read(jsonl(tmp_path, [{"text": "a", "labels": ["joy", "joy"]}, *LISTS]), heard)
    assert found.truths[0] == (1,)
    assert any("1 row has a label twice, counted once (line 1)" in one for one in heard)


@pytest.mark.parametrize("cell", ["2", "", "yes", "0.5"])
def test_columns_hold_nothing_but_0_and_1(tmp_path: Path, cell: str) -> None:
    rows = "".join(f"t{at},1,0\n" for at in range(3))
    path = table(tmp_path, f"text,joy,love\n{rows}x,1,{cell}\n")
    error = fault(path, label="joy,love")
    assert "line 5: 'love' holds" in error.message
    assert "holds 0 or 1" in error.message


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = table(tmp_path, "text,joy,love\na,1,0\nb,0,1\n")
    assert "has no column 'hate'" in fault(path, label="joy,hate").message
    assert "cannot be both" in fault(path, text="joy", label="joy,love").message


def test_an_unknown_label_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    examples = read(jsonl(tmp_path, LISTS))
    assert aligned(examples, ("love", "joy", "fear")).truths == [(0, 1), (), (2,), (0, 1)]
    with pytest.raises(DataError, match=r"line 3: the model has no label 'fear'") as caught:
        aligned(examples, ("joy", "love"))
    assert "It has 2: 'joy', 'love'" in caught.value.hint


def test_five_thousand_labels(tmp_path: Path) -> None:
    rows = [{"text": f"t{at}", "labels": [f"l{at}", f"l{at + 1}"]} for at in range(5000)]
    found = read(jsonl(tmp_path, rows))
    assert len(found.labels) == 5001
    assert len(TASK.strata(found.truths, found.labels)) == 5000
