import json
from collections.abc import Sequence
from pathlib import Path

from edgeft.compress.rows import PartedRows, part_rows, write_rows
from edgeft.data import Examples
from edgeft.data.examples import labelled
from edgeft.inputs import Input, Pair, Question
from edgeft.tasks import task_named
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples

LABELS = ("a", "b")


def examples(name: str, count: int, *, begin: int = 0) -> Examples:
    texts = [f"text {at}" for at in range(begin, begin + count)]
    return labelled(name, texts, [LABELS[at % 2] for at in range(count)], range(count), {})


def parted(
    data: Examples,
    test: Examples | None = None,
    train: Examples | None = None,
    seen: Sequence[Input] = (),
) -> tuple[PartedRows, list[str]]:
    notes: list[str] = []
    parts = part_rows(
        data, test, train, task=TASK, seed=0, tell=notes.append,
        seen=lambda inputs: [one in seen for one in inputs],
    )  # fmt: skip
    held = [one for rows in parts.by_role().values() for one in rows.inputs]
    assert len(set(held)) == len(held)
    return parts, notes


def sizes(parts: PartedRows) -> tuple[int, ...]:
    return tuple(len(one) for one in parts.by_role().values())


def test_half_teaches_and_the_rest_is_halved() -> None:
    parts, notes = parted(examples("d", 400))
    assert sizes(parts) == (200, 100, 100)
    assert parts.choose.truths.count(0) == 50
    assert "learn from 200 of 400 rows" in notes[0]


def test_test_reports_and_train_teaches() -> None:
    parts, _ = parted(examples("d", 100), examples("t", 60, begin=100))
    assert sizes(parts) == (50, 50, 60)
    parts, notes = parted(
        examples("d", 100), examples("t", 60, begin=90), examples("l", 200, begin=140)
    )
    assert sizes(parts) == (190, 90, 60)  # of train, 10 report; of data, 10 do
    assert "10 of 100" not in "".join(notes)


def test_what_the_teacher_learned_from_neither_chooses_nor_reports() -> None:
    data = examples("d", 400)
    parts, notes = parted(data, seen=data.inputs[:300])
    assert set(parts.learn.inputs) == set(data.inputs[:300])
    assert sizes(parts) == (300, 50, 50)
    assert "the 300 of 400 rows that their teacher learned from" in notes[0]
    parts, _ = parted(data, seen=data.inputs[:40])
    assert set(parts.learn.inputs) > set(data.inputs[:40])
    assert sizes(parts) == (220, 90, 90)
    test = examples("t", 100, begin=400)
    parts, notes = parted(data, test, seen=test.inputs[:30])
    assert len(parts.report) == 70
    assert "30 of 100 rows were trained on" in notes[0]


def test_rows_are_read_again_as_they_were(tmp_path: Path) -> None:
    texts = examples("d", 4)
    spans = Examples(
        "d", ["Ada slept.", "No one did."], [((0, 3, 0),), ()], [1, 2], ("B-PER",), {"span": "x"}
    )
    asked = Examples(
        "d", [Question("Who?", "Ada slept."), Question("Where?", "Ada slept.")],
        [(("Ada", 0),), ()], [1, 2], (), {},
    )  # fmt: skip
    held = Examples("d", ["a", "b", "上海 😀"], [(0, 1), (), (0,)], [1, 2, 3], ("joy, or", "x|y"),
                    {"label": "x"})  # fmt: skip
    pairs = [Pair("a", "b"), Pair("b", "😀"), Pair("上海", "a, b")]
    rated = Examples("d", pairs, [0.1, -3.0, 1e-7], [1, 2, 3], (), {"label": "x"})
    for name, rows in (
        ("text-classification", texts), ("token-classification", spans),
        ("question-answering", asked), ("multi-label-classification", held),
        ("text-regression", rated),
    ):  # fmt: skip
        path = tmp_path / f"{name}.jsonl"
        write_rows(rows, path)
        again = read_examples(path, task_named(name))
        assert (again.inputs, again.named()) == (rows.inputs, rows.named())
        assert len([json.loads(line) for line in path.read_text().splitlines()]) == len(rows)


def test_numbers_are_read_again_as_they_were(tmp_path: Path) -> None:
    rows = Examples("d", ["a", "b"], [0.25, -1e6], [2, 3], (), {"text": "text", "label": "score"})
    write_rows(rows, tmp_path / "rows.jsonl")
    found = read_examples(tmp_path / "rows.jsonl", task_named("text-regression"))
    assert (found.inputs, found.truths) == (rows.inputs, rows.truths)
