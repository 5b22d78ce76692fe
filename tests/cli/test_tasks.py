"""edgeft tasks: every task, and an example that is read as its own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgeft.cli import main
from edgeft.data import open_source
from edgeft.tasks import TASKS, task_named
from edgeft.tasks.reading import examples_of, task_of


def test_every_task_is_listed_with_its_data_and_an_example() -> None:
    told = CliRunner().invoke(main, ["tasks"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    for name in TASKS:
        task = task_named(name)
        assert name in told.stdout
        assert task.example in told.stdout
        assert json.loads(task.example)
    found = json.loads(CliRunner().invoke(main, ["tasks", "--json"]).stdout)
    assert list(found) == list(TASKS)
    assert found["text-regression"]["metrics"] == ["spearman", "pearson"]


@pytest.mark.parametrize("name", TASKS)
def test_the_example_is_read_by_its_task(name: str, tmp_path: Path) -> None:
    task = task_named(name)
    path = tmp_path / "data.jsonl"
    lines = [task.example.replace("4.2", number) for number in ("4.2", "1.5", "0.5")]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert task_of(open_source(path)) == name
    found = examples_of(open_source(path), task, {})
    assert len(found) == (6 if "negative" in task.example else 3)
    assert isinstance(found.inputs[0], task.takes)
    assert all(task.shown(found.truths, found.labels)) or not found.labels


def test_what_vectors_can_be_learned_from_is_told(tmp_path: Path) -> None:
    def told(header: str, row: str, **named: str) -> tuple[str, list[str]]:
        path = tmp_path / "d.csv"
        path.write_text("\n".join([header, *(row.format(at) for at in range(9)), ""]))
        notes: list[str] = []
        return task_of(open_source(path), named, notes.append), notes

    name, (note,) = told("sentence1,sentence2,score", "a {0},b {0},{0}.5")
    assert name == "text-regression"
    assert "--task feature-extraction" in note
    name, (note,) = told("text,score", "a {0},{0}.5")
    assert "feature-extraction" not in note
    for columns in ("anchor,positive,negative", "query,passage,hard_negative"):
        name, (note,) = told(columns, "a {0},b {0},c {0}")
        assert name == "feature-extraction"
        assert "so vectors are learned" in note
    name, _ = told("anchor,positive,negative,label", "a {0},b {0},c {0},x{0}")
    assert name == "text-classification"
    named = {"text": "a", "other": "b", "negative": "c"}
    assert told("a,b,c", "a {0},b {0},c {0}", **named)[0] == "feature-extraction"


def test_many_different_numbers_are_learned_as_such(tmp_path: Path) -> None:
    def told(cells: list[object], column: str = "label", **named: str) -> tuple[str, list[str]]:
        path = tmp_path / "d.jsonl"
        rows = [json.dumps({"text": f"t {at}", column: cell}) for at, cell in enumerate(cells)]
        path.write_text("\n".join([*rows, ""]), encoding="utf-8")
        notes: list[str] = []
        return task_of(open_source(path), named, notes.append), notes

    name, (note,) = told([at / 4 for at in range(20)])
    assert name == "text-regression"
    assert "--task text-classification" in note
    assert told([str(at / 4) for at in range(20)])[0] == "text-regression"
    assert told([at / 4 for at in range(20)], "score")[0] == "text-regression"
    assert told([at / 4 for at in range(20)], "mine", label="mine")[0] == "text-regression"
    # Ids of classes may be many, and halves few.
    assert told([*range(77)]) == ("text-classification", [])
    assert told([0.5, 1.0, 1.5] * 5)[0] == "text-classification"
    assert told([0, 1] * 9) == ("text-classification", [])
    assert told(["1.5", "2.5", "x", "3", "4", "5", "6"])[0] == "text-classification"
    name, (note,) = told([1, 2, 3, 4, 5] * 5)
    assert name == "text-classification"
    assert "the labels 1, 2, 3, 4, 5 are taken for classes" in note
    assert "--task text-regression" in note


def test_numbers_beside_names_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    rows = [f"text {at},{'yes' if at % 2 else 'no'},{at / 7}" for at in range(30)]
    path.write_text("\n".join(["text,label,score", *rows, ""]), encoding="utf-8")
    assert task_of(open_source(path)) == "text-classification"
    assert task_of(open_source(path), {"label": "score"}) == "text-regression"
    path.write_text("\n".join(["text,score", *(row.replace(",no,", ",").replace(",yes,", ",")
                                               for row in rows), ""]))  # fmt: skip
    assert task_of(open_source(path)) == "text-regression"
