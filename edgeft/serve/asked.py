"""What a request of POST /v1/predict asks: inputs shaped by the task, and wishes."""

import math
from collections.abc import Sequence
from typing import Any

from edgeft.inputs import Input, Pair
from edgeft.page.facts import FIELDS
from edgeft.runtime.model import Model
from edgeft.serve.calls import Call, flag_at, known_fields, text_at, wrong
from edgeft.tasks.task import Task

__all__ = [
    "check_scores",
    "example_of",
    "input_of",
    "inputs_asked",
    "predict_asked",
    "seconds_of",
]

KNOWN = {"input", "inputs", "model", "scores", "timeout_ms"}


def predict_asked(document: Any) -> Call:
    """What a body of POST /v1/predict asks. Raises RefusedError (422)."""
    fields = known_fields(document, KNOWN, '{"input": "…"}')
    if ("input" in fields) == ("inputs" in fields):
        raise wrong("input", 'Give one "input", or a list of "inputs".')
    single, scores = "input" in fields, flag_at(fields, "scores", False)
    found = fields["input"] if single else fields["inputs"]

    def inputs(model: Model) -> list[Input]:
        task = model.task
        if scores:
            check_scores(task, "scores")
        return [input_of(found, task, "input")] if single else inputs_asked(found, task)

    def told(name: str, model: Model, predictions: Sequence[Any]) -> Any:
        shown = [model.task.show(one, scores) for one in predictions]
        if single:
            return {"model": name, "prediction": shown[0]}
        return {"model": name, "predictions": shown}

    return Call(
        model=text_at(fields, "model", "a model's name"),
        inputs=inputs,
        told=told,
        seconds=seconds_of(fields.get("timeout_ms"), "timeout_ms", per_second=1e3),
    )


def check_scores(task: Task, where: str) -> None:
    """Raise RefusedError (422) where a task gives no scores of labels."""
    if task.by_token:
        raise wrong(
            where, f"This {task.noun} gives no scores of labels; what it finds has its score."
        )


def seconds_of(found: Any, where: str, *, per_second: float) -> float | None:
    """A time that a client gives, in seconds; None where it gives none. RefusedError (422)."""
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < math.inf:
        raise wrong(where, "It must be a number above 0.")
    return float(min(found, 1e15)) / per_second


def inputs_asked(found: Any, task: Task) -> list[Input]:
    """The inputs, as the task takes them. Raises RefusedError (422), telling which is wrong."""
    if not isinstance(found, list) or not found:
        raise wrong("inputs", f"It must be a list of one or more, such as [{example_of(task)}].")
    return [input_of(one, task, f"inputs[{at}]") for at, one in enumerate(found)]


def input_of(found: Any, task: Task, where: str) -> Input:
    """One input: a text, two texts in a list, or an object of named texts. RefusedError (422)."""
    if isinstance(found, str) and str in task.takes:
        return found
    if isinstance(found, list) and Pair in task.takes and _are_texts(found, 2):
        return Pair(*found)
    if isinstance(found, dict):
        for kind in task.takes:
            names = FIELDS[kind]
            if found.keys() == set(names):
                texts = [found[name] for name in names]
                if _are_texts(texts, len(names)):
                    return made(kind, texts)
    raise wrong(where, f"It must be a {task.asks.one}, such as {example_of(task)}.")


def made(kind: type, texts: Sequence[str]) -> Input:
    """An input of its texts, in the order of its fields."""
    return texts[0] if kind is str else kind(*texts)


def example_of(task: Task) -> str:
    """How an input of the task is written."""
    ways = []
    for kind in task.takes:
        names = FIELDS[kind]
        whole = ", ".join(f'"{name}": "…"' for name in names)
        ways.append('"…"' if kind is str else f"{{{whole}}}")
    return " or ".join(ways)


def _are_texts(found: Sequence[Any], count: int) -> bool:
    return len(found) == count and all(isinstance(one, str) for one in found)
