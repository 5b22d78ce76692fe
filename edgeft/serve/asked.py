"""What a request of POST /v1/predict asks: inputs shaped by the task, and wishes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from edgeft.inputs import Input, Pair, Question
from edgeft.serve.refusals import RefusedError
from edgeft.tasks.task import Task

__all__ = [
    "FIELDS",
    "PredictRequest",
    "example_of",
    "input_of",
    "inputs_asked",
    "predict_asked",
    "seconds_of",
]

# The names of an input's texts, in JSON objects and as tensors.
FIELDS: Mapping[type, tuple[str, ...]] = {
    str: ("text",),
    Pair: ("text", "other"),
    Question: ("question", "context"),
}
KNOWN = {"input", "inputs", "model", "scores", "timeout_ms"}


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A body, but for its inputs, which only the model's task can read.

    single: whether one input was asked for, and not a list.
    """

    found: Any
    single: bool
    model: str | None
    scores: bool
    seconds: float | None


def predict_asked(document: Any) -> PredictRequest:
    """What a body of POST /v1/predict asks. Raises RefusedError (422)."""
    if not isinstance(document, dict):
        raise _wrong("", 'The body must be an object, such as {"input": "…"}.')
    if unknown := sorted(document.keys() - KNOWN):
        known = ", ".join(sorted(KNOWN))
        raise _wrong(unknown[0][:100], f"This field is not known; known are {known}.")
    if ("input" in document) == ("inputs" in document):
        raise _wrong("input", 'Give one "input", or a list of "inputs".')
    model, scores = document.get("model"), document.get("scores", False)
    if model is not None and not isinstance(model, str):
        raise _wrong("model", "It must be a model's name.")
    if not isinstance(scores, bool):
        raise _wrong("scores", "It must be true or false.")
    single = "input" in document
    return PredictRequest(
        found=document["input"] if single else document["inputs"],
        single=single,
        model=model,
        scores=scores,
        seconds=seconds_of(document.get("timeout_ms"), "timeout_ms", per_second=1e3),
    )


def seconds_of(found: Any, where: str, *, per_second: float) -> float | None:
    """A time that a client gives, in seconds; None where it gives none. RefusedError (422)."""
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < math.inf:
        raise _wrong(where, "It must be a number above 0.")
    return float(min(found, 1e15)) / per_second


def inputs_asked(asked: PredictRequest, task: Task) -> list[Input]:
    """The inputs, as the task takes them. Raises RefusedError (422), telling which is wrong."""
    if asked.single:
        return [input_of(asked.found, task, "input")]
    if not isinstance(asked.found, list) or not asked.found:
        raise _wrong("inputs", f"It must be a list of one or more, such as [{example_of(task)}].")
    return [input_of(one, task, f"inputs[{at}]") for at, one in enumerate(asked.found)]


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
    raise _wrong(where, f"It must be a {task.asks.one}, such as {example_of(task)}.")


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


def _wrong(where: str, message: str) -> RefusedError:
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "input", message, where=where)
