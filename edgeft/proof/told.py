"""What a model tells of some inputs: its outputs, and the answers that they lead to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.runtime.model import Model
from edgeft.runtime.runner import GROUP
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.outputs import Outputs, in_a_row
from edgeft.tasks.task import Answers, LabelNames, Rows, Task

__all__ = ["Told", "tell"]


@dataclass(frozen=True)
class Told:
    """A model's joined outputs for N inputs, beside these and what its tokenizer made of them."""

    task: Task
    labels: LabelNames
    inputs: Sequence[Input]
    encoded: Sequence[Encoded]
    outputs: Outputs

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def stages(self) -> dict[str, float]:
        """The share of the inputs that each stage of a cascade answered, most first; else {}."""
        counts = Counter(one.stage for one in self.encoded if one.stage)
        return {name: count / len(self) for name, count in counts.most_common()}

    def judged_by(self, truths: Rows) -> "Told":
        """The same, read in the form in which such truths judge it."""
        task = self.task.judging(truths)
        return self if task is self.task else replace(self, task=task)

    def answers(self, head: Head = PLAIN) -> Answers:
        """What the head makes of the outputs. Raises RunError where they are no numbers."""
        return self.task.answer(self.outputs, self.encoded, self.inputs, self.labels, head)


def tell(
    model: Model, inputs: Sequence[Input], step: str = "", progress: Progress = silent
) -> Told:
    """Run a model on inputs, with progress.

    Texts whose answers would depend on their neighbours in a batch are run
    alone, so that the same texts in another order get the same figures.
    """
    alone = not model.batch_invariant
    encoded: list[Encoded] = []
    parts = []
    progress(step, 0, len(inputs))
    for at in range(0, max(1, len(inputs)), GROUP):
        some, outputs = model.outputs(inputs[at : at + GROUP], alone=alone)
        encoded += some
        parts.append(outputs)
        progress(step, min(at + GROUP, len(inputs)), len(inputs))
    return Told(model.task, model.labels, inputs, encoded, in_a_row(parts))
