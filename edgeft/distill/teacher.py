"""What a teacher says of inputs, in the form in which a student learns it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.errors import ModelError
from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.tasks.outputs import Array, dense

__all__ = ["check_classifier", "logits_of"]


def check_classifier(teacher: Checkpoint, student: str) -> None:
    """Raise ModelError where a student that learns one row of logits an input cannot learn."""
    task = teacher.task
    if any("tokens" in axes for axes in task.outputs.values()):
        raise ModelError(
            f"A {student} student answers for a whole text; it cannot be a {task.noun}.",
            hint="Drop layers instead: --student layers:N",
        )
    if task.embeds:
        raise ModelError(
            f"A student of a {task.noun} keeps some of its layers, and learns beside it or beside "
            "a teacher with the same tokenizer.",
            hint="Name one with --student layers:N, without another --teacher.",
        )


def logits_of(
    teacher: Checkpoint, inputs: Sequence[Input], *, progress: Progress = silent
) -> dict[Input, Array]:
    """The (C,) logits of each different input. Raises ModelError where one is no number."""
    different = list(dict.fromkeys(inputs))
    told = torch_told(teacher, different, step="asking the teacher", progress=progress)
    name = next(iter(teacher.task.outputs))
    logits: Any = np.ascontiguousarray(dense(told.outputs, name))  # (N, C) float32
    return dict(zip(different, logits, strict=True))
