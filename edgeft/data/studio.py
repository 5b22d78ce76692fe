"""What a task of Label Studio holds, in the form of its whole export and of its older ones."""

from collections.abc import Mapping
from typing import Any

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible

__all__ = ["studio_data", "studio_marks"]

Object = Mapping[str, Any]


def studio_data(one: Object, where: str) -> Object:
    """The texts of a task. Raises BadRowError."""
    data = one.get("data")
    if not isinstance(data, dict):
        raise BadRowError(
            f'{where}: a task of Label Studio has "data".',
            hint='Such as {"data": {"text": "Ada slept."}, "annotations": […]}.',
            kind="no text",
        )
    return data


def studio_marks(one: Object, where: str) -> tuple[list[Object], bool]:
    """The spans that were marked in a task, and whether that was done more than once.

    Raises BadRowError where it was not done, or where a span is of no text.
    """
    done = [
        annotation
        for annotation in _objects(one.get("annotations") or one.get("completions"))
        if not (annotation.get("was_cancelled") or annotation.get("skipped"))
    ]
    if not done:
        raise BadRowError(
            f"{where}: the task has no annotation.",
            hint="Export the tasks that are labelled, or mark this one as having no entities.",
            kind="no annotation",
        )
    marked = [
        _of_page(result["value"], where)
        for result in _objects(done[0].get("result"))
        if result.get("type", "labels") in ("labels", "hypertextlabels")
        and isinstance(result.get("value"), dict)
    ]
    return marked, len(done) > 1


def _objects(found: Any) -> list[Object]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _of_page(value: Object, where: str) -> Object:
    """A span; in a page (HyperText) its place among the characters that are shown.

    Raises BadRowError where that is not told.
    """
    if not isinstance(value.get("start"), str):
        return value
    offsets = value.get("globalOffsets")
    if not isinstance(offsets, dict) or not isinstance(value.get("text"), str):
        raise BadRowError(
            f"{where}: a span is marked in a page, by its elements ({visible(value['start'])}), "
            "not by characters of a text.",
            hint="Label plain text: in Label Studio with <Text>, not <HyperText>.",
            kind="a span of a page",
        )
    return {**value, "start": offsets.get("start"), "end": offsets.get("end")}
