"""A split as the model reads it, and how well a model does on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.data import Examples
from edgeft.errors import ModelError
from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Outputs, finite
from edgeft.tasks.task import Scores, Task
from edgeft.train.hardware import Hardware
from edgeft.train.objectives.objective import LearnedRow, Objective, parts_of

__all__ = ["Readied", "ready", "scored"]


@dataclass(frozen=True)
class Readied:
    """N inputs in parts, what is true of each, and the rows that are learned from them."""

    inputs: Sequence[Input]
    encoded: Sequence[Encoded]
    truths: Sequence[Any]
    rows: list[LearnedRow]

    @property
    def learned(self) -> list[int]:
        """The places of each row's parts among all parts; of some there is nothing to learn."""
        places = {id(part): at for at, part in enumerate(self.parts)}
        return [places[id(part)] for row in self.rows for part in parts_of(row)]

    @property
    def parts(self) -> list[Part]:
        """All parts of all inputs, in order."""
        return [part for one in self.encoded for part in one.parts]


def ready(
    examples: Examples, encoder: TextEncoder, objective: Objective, labels: tuple[str, ...]
) -> Readied:
    """Examples, encoded, and the objective's targets of each."""
    encoded = encoder.encode(examples.inputs)
    targets = objective.targets(examples.inputs, encoded, examples.truths, labels)
    rows = [row for one in targets for row in one]
    return Readied(examples.inputs, encoded, examples.truths, rows)


def scored(
    model: Any,
    readied: Readied,
    task: Task,
    labels: tuple[str, ...],
    pad_id: int,
    hardware: Hardware,
    *,
    head: Head | None = None,
    progress: Progress = silent,
) -> tuple[Outputs, Scores, Head]:
    """What a model gives for each part, the scores of its likeliest answers, and their head.

    They are those of the runtime. Without a ``head`` these rows choose the one that suits them,
    where answers depend on thresholds; rows that may choose nothing are given that of others.

    All are the same on every process. Raises ModelError where an output is no number.
    """
    from edgeft.train.predict import predict_outputs

    outputs = predict_outputs(model, readied.parts, task, pad_id, hardware, progress=progress)
    if not finite(outputs).all():
        raise ModelError(
            "Training diverged: the model answers with values that are no numbers.",
            hint="Start anew with --force and a lower --learning-rate.",
        )
    joined = task.join(outputs, readied.encoded)
    if head is None:
        head = task.suited(joined, readied.truths, labels)
    answers = task.answer(joined, readied.encoded, readied.inputs, labels, head)
    return outputs, task.score(readied.truths, answers.likeliest, labels), head
