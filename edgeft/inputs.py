"""What a model is asked: a text, two texts, or a question about a context. Stdlib only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Input",
    "Pair",
    "Question",
    "columns_of",
    "group_of",
    "input_from",
    "json_of",
    "size_of",
    "with_texts",
]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that are judged together, such as a claim and what should bear it out."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the text in which its answer may stand."""

    question: str
    context: str


Input = str | Pair | Question


def columns_of(one: Input) -> tuple[str, ...]:
    """Its texts, in order: what tells it from another input."""
    match one:
        case str():
            return (one,)
        case Pair():
            return one.first, one.second
        case Question():
            return one.question, one.context


def group_of(one: Input) -> tuple[str, ...]:
    """What stands on one side of a split alone: the input itself, or the context of a question."""
    return (one.context,) if isinstance(one, Question) else columns_of(one)


def with_texts(one: Input, change: Callable[[str], str]) -> Input:
    """The same kind of input, each of its texts changed."""
    texts = map(change, columns_of(one))
    return next(texts) if isinstance(one, str) else type(one)(*texts)


def size_of(one: Input) -> int:
    """Its characters."""
    return len(one) if isinstance(one, str) else sum(map(len, columns_of(one)))


def json_of(one: Input) -> Any:
    """As JSON: a string, a list of two, or an object with "question" and "context"."""
    match one:
        case str():
            return one
        case Pair():
            return [one.first, one.second]
        case Question():
            return {"question": one.question, "context": one.context}


def input_from(found: Any) -> Input:
    """The input that ``json_of`` gave. Raises ValueError for anything else."""
    if isinstance(found, str):
        return found
    if isinstance(found, Sequence) and len(found) == 2 and all(isinstance(x, str) for x in found):
        return Pair(found[0], found[1])
    if isinstance(found, Mapping) and found.keys() == {"question", "context"}:
        question, context = found["question"], found["context"]
        if isinstance(question, str) and isinstance(context, str):
            return Question(question, context)
    raise ValueError("is no text, pair of texts or question with its context")
