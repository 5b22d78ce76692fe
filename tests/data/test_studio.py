"""Entities from what Label Studio exports."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.errors import DataError
from tests.data.entities import read, told

ADA = "Ada met Bo in Rome."
MARKED = [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]},
          {"start": 14, "end": 18, "text": "Rome", "labels": ["LOC"]}]  # fmt: skip


def studio(results: list[dict[str, Any]], text: str, **more: Any) -> dict[str, Any]:
    found = [{"id": "x", "type": "labels", "value": value} for value in results]
    return {"id": 1, "data": {"text": text}, "annotations": [{"result": found, **more}]}


def test_label_studio(tmp_path: Path) -> None:
    text = "👍🏽 Ada met Bo in Rome"
    units = {"start": 5, "end": 8, "text": "Ada", "labels": ["PER"]}  # as JavaScript counts
    tasks = [
        studio([units], text),
        studio([{"start": 3, "end": 6, "text": "Ada", "labels": ["PER"]}], text),
        studio([], "Nobody"),
    ]
    tasks[1]["annotations"].insert(0, {"was_cancelled": True, "result": []})
    tasks[1]["annotations"].append({"result": []})
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    examples, notes = read(path)
    assert [told(examples, row) for row in range(3)] == [[("PER", "Ada")], [("PER", "Ada")], []]
    assert notes == [
        f"{path}: 1 text is annotated more than once; the first annotation is read (item 2).",
        f"{path}: 1 text has spans counted in UTF-16, and moved to where their words stand "
        "(item 1).",
    ]
    assert examples.unit == "item"
    for nothing in ([], None, 3, [3]):
        path.write_text(json.dumps([{"data": {"text": "Ada"}, "annotations": nothing}]))
        with pytest.raises(DataError, match="item 1: the task has no annotation"):
            read(path)


def test_a_text_in_label_studios_short_form_in_which_nothing_is_marked(tmp_path: Path) -> None:
    bare = {"id": 2, "text": "Nobody came.", "annotator": 1, "annotation_id": 7}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([bare, {**bare, "text": ADA, "label": MARKED}]))
    examples, _ = read(path)
    assert [told(examples, row) for row in (0, 1)] == [[], [("PER", "Ada"), ("LOC", "Rome")]]


def on_page(shown: str, **value: Any) -> dict[str, Any]:
    """A task of Label Studio, of which a page is shown."""
    result = {"type": "hypertextlabels", "value": {
        "start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 3,
        "hypertextlabels": ["PER"], **value}}  # fmt: skip
    return {"id": 1, "data": {"text": shown}, "annotations": [{"result": [result]}]}


def test_spans_that_label_studio_marks_in_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    places = {"globalOffsets": {"start": 8, "end": 10}, "text": "Bo"}
    path.write_text(json.dumps([on_page("Ada met Bo.", **places)]))
    assert told(read(path)[0]) == [("PER", "Bo")]
    path.write_text(json.dumps([on_page("<p>Ada met Bo.</p>", **places)]))
    with pytest.raises(DataError, match="'Bo' is said to stand from 8 to 10") as found:
        read(path)
    assert "a page whose markup is not counted" in found.value.hint
    path.write_text(json.dumps([on_page("Ada met Bo.", text="Ada")]))
    with pytest.raises(
        DataError, match=r"item 1: a span is marked in a page.*'/p\[1\]/text"
    ) as found:
        read(path)
    assert "<Text>, not <HyperText>" in found.value.hint


@pytest.mark.parametrize("undone", ["was_cancelled", "skipped"])
def test_what_an_annotator_skipped_is_no_annotation(tmp_path: Path, undone: str) -> None:
    task = studio([{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}], "Ada slept")
    old = {"id": 1, "data": task["data"], "completions": task["annotations"]}
    skipped = {**old, "completions": [{"result": [], undone: True}]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([old, skipped]))
    with pytest.raises(DataError, match="item 2: the task has no annotation"):
        read(path)
    skipped["completions"].append(old["completions"][0])
    path.write_text(json.dumps([skipped]))
    assert told(read(path)[0]) == [("PER", "Ada")]


def test_a_task_of_label_studio_that_is_bad(tmp_path: Path) -> None:
    good = studio([{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}], "Ada slept")
    moved = studio([{"start": 1, "end": 4, "text": "Ada", "labels": ["PER"]}], "Ada slept")
    path = tmp_path / "a.json"
    path.write_text(json.dumps([good, moved, {"data": {"text": "Bo"}, "annotations": []}]))
    with pytest.raises(DataError, match="'Ada' is said to stand from 1 to 4"):
        read(path)
    examples, _ = read(path, "skip")
    assert examples.skipped == {"a span that is not where it says": 1, "no annotation": 1}
    assert read(path, "keep")[0].texts == ["Ada slept", "Ada slept", "Bo"]
