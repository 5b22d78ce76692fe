"""What a page is told of a model: what it is called, how it is asked, what may be tried."""

from collections.abc import Mapping
from typing import Any

from edgeft.inputs import Pair, Question, columns_of
from edgeft.runtime.model import Model
from edgeft.tasks.task import Task

__all__ = ["FIELDS", "examples_to_try", "facts_of"]

# The names of an input's texts, in JSON objects and as tensors.
FIELDS: Mapping[type, tuple[str, ...]] = {
    str: ("text",),
    Pair: ("text", "other"),
    Question: ("question", "context"),
}


def facts_of(model: Model) -> dict[str, Any]:
    """A loaded model, JSON-ready."""
    task, head = model.task, model.head
    told: dict[str, Any] = {
        "noun": task.noun,
        "labels": list(model.labels),
        "stages": list(model.stages),
        "max_length": model.max_length,
        "fields": [list(FIELDS[kind]) for kind in task.takes],
        "scores": not task.by_token,
        "examples": examples_to_try(task),
    }
    if head.thresholds:
        told["thresholds"] = dict(zip(model.labels, head.thresholds, strict=True))
    if head.low is not None:
        told["range"] = [head.low, head.high]
    if head.dimensions:
        told["dimensions"] = head.dimensions
    return told


def examples_to_try(task: Task) -> list[dict[str, str]]:
    """The task's built-in inputs that say something, as objects of named texts."""
    return [
        dict(zip(FIELDS[type(one)], columns_of(one), strict=True))
        for one in task.golden
        if all(columns_of(one))
    ]
