"""What an objective is: how truths become targets, targets a batch, and a batch a number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded, Part

__all__ = ["Figure", "Objective", "LearnedRow"]

LearnedRow = tuple[Part, Any]  # what is learned from at once, and its target


@dataclass(frozen=True)
class Figure:
    """What a data report says of the rows of one task alone.

    name: in JSON. told: in words. value: a number, or several by their names. warning: a sentence
    where it should worry.
    """

    name: str
    told: str
    value: int | Mapping[str, int]
    warning: str = ""


@dataclass(frozen=True)
class Objective:
    """The part of a task that needs torch.

    targets(inputs, encoded, truths, labels): for each input its rows, one for each part that is
        learned from: of a classifier (part, class id); of a tagger (part, T label ids, -100 where
        nothing is asked); of an answer finder (part, (first, last, tokens)): the answer's tokens,
        0 and 0 where it is none of this part's, and how many tokens the part has.
    pad(targets, width): tensors by the names under which ``loss`` finds them; never an input's.
    count(targets): how many things the loss is a mean of; rows or tokens.
    weights(rows, labels): (C,) float32, how often an example of each class counts; see
        ``classes.class_weights``.
    loss(outputs, batch, weights, label_smoothing): the sum over a batch, a scalar tensor. The
        Trainer divides by ``count`` over the whole update; distillation wraps this.
    numpy_loss(outputs, rows): the plain mean over parts' outputs, for validation.
    figures(inputs, encoded, truths, labels): what is worth knowing of rows before they are learned
        from, as Figures.
    config(labels): what the model's config must say: num_labels, id2label, label2id, problem_type.
    smoothed: whether targets are smoothed where there are many labels, unless the user says.
    """

    targets: Callable[
        [Sequence[Input], Sequence[Encoded], Sequence[Any], tuple[str, ...]], list[list[LearnedRow]]
    ]
    pad: Callable[[Sequence[Any], int], dict[str, Any]]
    count: Callable[[Sequence[Any]], int]
    weights: Callable[[Sequence[LearnedRow], tuple[str, ...]], Any]
    loss: Callable[[Any, Mapping[str, Any], Any, float], Any]
    numpy_loss: Callable[[Mapping[str, Any], Sequence[LearnedRow]], float]
    figures: Callable[
        [Sequence[Input], Sequence[Encoded], Sequence[Any], tuple[str, ...]], Sequence[Figure]
    ]
    config: Callable[[tuple[str, ...]], dict[str, Any]]
    smoothed: bool
