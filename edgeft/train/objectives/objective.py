"""What an objective is: how truths become targets, targets a batch, and a batch a number."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded, Part

__all__ = ["Figure", "LearnedRow", "Objective", "OF_CLASSES", "as_it_is", "no_classes",
           "parts_of"]  # fmt: skip

# What is learned from at once, and its target: a part, or several that are read apart.
LearnedRow = tuple[Part | tuple[Part, ...], Any]


# Fields of a recipe that say how classes are weighed against each other.
OF_CLASSES = frozenset({"class_weights", "label_smoothing"})


def parts_of(row: LearnedRow) -> tuple[Part, ...]:
    """The parts that a row is learned from."""
    parts, _ = row
    return (parts,) if isinstance(parts, Part) else parts


def as_it_is(model: Any) -> AbstractContextManager[None]:
    """``Objective.within`` where a model learns its outputs as they are; ``begin``, too."""
    return nullcontext()


def no_classes(rows: Sequence[LearnedRow], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """``Objective.weights`` where there are no classes to weigh: empty."""
    return np.zeros(0, np.float32)


@dataclass(frozen=True)
class Figure:
    """What a data report says of the rows of one task alone.

    name: in JSON. told: in words. value: a number, or several by their names. warning: a sentence
    where it should worry.
    """

    name: str
    told: str
    value: int | Mapping[str, float]
    warning: str = ""


@dataclass(frozen=True)
class Objective:
    """The part of a task that needs torch.

    fitted(truths): the same for train's truths, where it hangs on their size.
    begin(model): makes a head that is new begin where the truths lie; the model is changed.
    within(model): a context in which the model learns; it may bring weights to a form that is
        learned better and back, and the model's outputs are the same all along.
    choices: those of OF_CLASSES that mean something here; a user may choose no other.
    targets(inputs, encoded, truths, labels): for each input its rows, one for each part that is
        learned from: of a classifier (part, class id); of a tagger (part, T label ids, -100 where
        nothing is asked); of an answer finder (part, (first, last, tokens)): the answer's tokens,
        0 and 0 where it is none of this part's, and how many tokens the part has; of vectors
        ((part, part), number), or ((part, part) or with a third, (passages, all that belong)). A
        batch of rows of several parts holds the first of each row, then the second of each, then
        the third of those that have one.
    pad(targets, width): tensors by the names under which ``loss`` finds them; never an input's.
    count(targets): how many things the loss is a mean of; rows or tokens.
    weights(rows, labels): (C,) float32, how often an example of each class counts; see
        ``classes.class_weights``.
    loss(outputs, batch, weights, label_smoothing): the sum over a batch, a scalar tensor. The
        Trainer divides by ``count`` over the whole update; distillation wraps this.
    soft(said, taught, temperature): (…,) how far each row of a student's (…, C) outputs is from its
        teacher's; see ``classes.soft_loss``.
    numpy_loss(outputs, rows): the plain mean over parts' outputs, for validation.
    figures(inputs, encoded, truths, labels): what is worth knowing of rows before they are learned
        from, as Figures.
    config(labels): what the model's config must say: num_labels, id2label, label2id, problem_type.
    smoothed: whether targets are smoothed where there are many labels, unless the user says.
    blank: stands for the truth of an input that nobody labelled, of which a teacher alone says
        something, and is never asked for; None where labelled rows alone teach.
    """

    fitted: Callable[[Sequence[Any]], "Objective"]
    begin: Callable[[Any], object]
    within: Callable[[Any], AbstractContextManager[None]]
    choices: frozenset[str]
    targets: Callable[
        [Sequence[Input], Sequence[Encoded], Sequence[Any], tuple[str, ...]], list[list[LearnedRow]]
    ]
    pad: Callable[[Sequence[Any], int], dict[str, Any]]
    count: Callable[[Sequence[Any]], int]
    weights: Callable[[Sequence[LearnedRow], tuple[str, ...]], Any]
    loss: Callable[[Any, Mapping[str, Any], Any, float], Any]
    soft: Callable[[Any, Any, float], Any]
    numpy_loss: Callable[[Mapping[str, Any], Sequence[LearnedRow]], float]
    figures: Callable[
        [Sequence[Input], Sequence[Encoded], Sequence[Any], tuple[str, ...]], Sequence[Figure]
    ]
    config: Callable[[tuple[str, ...]], dict[str, Any]]
    smoothed: bool
    blank: Any
