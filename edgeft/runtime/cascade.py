"""Cascade: stages that are asked one after the other, each only for what those before left open."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeft.inputs import Input
from edgeft.runtime.observer import Observer
from edgeft.runtime.runner import GROUP, Runner, while_it_lives
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN
from edgeft.tasks.outputs import Outputs, picked, tempered
from edgeft.tasks.task import LabelNames, Task

if TYPE_CHECKING:
    from edgeft.runtime.sharing import SharedBatches

__all__ = ["Cascade", "Stage"]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Stage:
    """A model, and when the next is asked: where its sureness is less than ``below``.

    below: 1 asks the next in any case, as no probability is surely 1; None the last stage.
    temperature: its outputs are divided by it, so that one head reads those of all stages.
    tokenizer: what makes tokens of inputs, by a name that no other has.
    whole: what it could read only the beginning of is for the next stage, however sure it is.
    """

    name: str
    runner: Runner
    below: float | None
    temperature: float = 1.0
    tokenizer: str = ""
    whole: bool = False

    def can_read(self, encoded: Encoded, before: "Stage") -> bool:
        """Whether this stage would make the same of an input that one before it encoded."""
        if self.tokenizer != before.tokenizer:
            return False
        return self.runner.encoder is before.runner.encoder or (
            len(encoded.parts) == 1
            and not encoded.truncated
            and len(encoded.ids) <= self.runner.max_length
        )


class Cascade:
    """Stages that answer together, in the place of one ``Runner``.

    The first is asked for every input, each further one for those of which the one before is not
    sure enough. An input is encoded anew only where the next stage reads other tokens. ``stage`` of
    what is encoded names the stage whose outputs those of the input are.
    """

    group = 4 * GROUP  # inputs planned together: what is left of them should still fill batches

    def __init__(
        self,
        task: Task,
        labels: LabelNames,
        stages: Sequence[Stage],
        observer: Observer | None = None,
    ) -> None:
        self.observer = observer
        self.stages = tuple(stages)
        self._task, self._labels = task, labels

    def doubting(self, below: float) -> Self:
        """The same stages, of which each but the last asks the next below this sureness."""
        *before, last = self.stages
        stages = (*(replace(one, below=below) for one in before), last)
        return type(self)(self._task, self._labels, stages, self.observer)

    def one(self, one: Input) -> tuple[Encoded, Outputs]:
        """An input encoded, and the outputs of the stage that answers it."""
        stage, *further = self.stages
        encoded = stage.runner.encode_one(one)
        while True:
            outputs = tempered(stage.runner.outputs_of(encoded), stage.temperature)
            if not len(self._unsure(stage, outputs, (encoded,), (one,))):
                self._answered(stage, (encoded,), 1)
                return encoded, outputs
            before, stage, *further = stage, *further
            if not stage.can_read(encoded, before):
                encoded = stage.runner.encode_one(one)

    def stream(
        self,
        inputs: Iterable[Input],
        *,
        group: int | None = None,
        numbers: Sequence[int] | None = None,
        alone: bool = False,
    ) -> Iterator[tuple[list[Input], list[Encoded], Outputs]]:
        """As that of a ``Runner``, but for larger groups unless told."""
        first = self.stages[0].runner
        for some in first.ahead(inputs, group=group or self.group, numbers=numbers):
            encoded, outputs = self._asked(some.unique, some.encoded, some.first, alone=alone)
            yield some.inputs, [encoded[at] for at in some.places], picked(outputs, some.places)

    def outputs(self, encoded: Sequence[Encoded]) -> Outputs:
        """What the full model alone gives for encoded inputs, such as none at all."""
        last = self.stages[-1]
        return tempered(last.runner.outputs(encoded), last.temperature)

    def _asked(
        self,
        inputs: Sequence[Input],
        encoded: list[Encoded],
        first: Callable[[int], int],
        *,
        alone: bool,
    ) -> tuple[list[Encoded], Outputs]:
        """Each of N inputs as the stage read it that answers, and its outputs."""
        found: Outputs = {}
        places = np.arange(len(inputs))  # (R,) the rest: what no stage yet has answered
        rest, read = inputs, encoded
        before: Stage | None = None
        for stage in self.stages:
            if before is not None:
                left = places.tolist()
                rest = [inputs[at] for at in left]
                read = self._read(stage, before, rest, [encoded[at] for at in left])
            outputs = stage.runner.outputs(read, first=_those(first, places), alone=alone)
            outputs = tempered(outputs, stage.temperature)
            unsure = self._unsure(stage, outputs, read, rest)  # (U,) places among the rest
            if before is None:
                found = outputs
            else:
                for at, one in zip(places.tolist(), read, strict=True):
                    encoded[at] = one
                _put(outputs, found, places)
            self._answered(stage, read, len(rest) - len(unsure))
            places, before = places[unsure], stage
            if not len(places):
                break
        return encoded, found

    def _unsure(
        self, stage: Stage, outputs: Outputs, encoded: Sequence[Encoded], inputs: Sequence[Input]
    ) -> NDArray[np.int64]:
        """Which of the inputs the next stage is asked for, from outputs by temperature."""
        if stage.below is None:
            return np.empty(0, np.int64)
        if stage.below >= 1.0:
            return np.arange(len(inputs))
        unsure = np.zeros(len(inputs), np.bool_)  # (N,)
        if stage.below:  # else it is never doubted
            sure = self._task.sure(outputs, encoded, inputs, self._labels, PLAIN)
            unsure = sure < stage.below
        if stage.whole:
            unsure |= np.array([one.truncated for one in encoded], np.bool_)
        return np.flatnonzero(unsure)

    def _read(
        self, stage: Stage, before: Stage, inputs: Sequence[Input], encoded: list[Encoded]
    ) -> list[Encoded]:
        """Inputs as a stage reads them, given how the one before did."""
        anew = [at for at, one in enumerate(encoded) if not stage.can_read(one, before)]
        if anew:
            found = stage.runner.encode([inputs[at] for at in anew])
            for at, one in zip(anew, found, strict=True):
                encoded[at] = one
        return encoded

    def _answered(self, stage: Stage, encoded: Iterable[Encoded], inputs: int) -> None:
        """Note the stage on what it read; what goes on from it is noted anew by the next."""
        for one in encoded:
            one.stage = stage.name
        if self.observer is not None and inputs:
            self.observer.answered(stage.name, inputs)

    def share(self, answer: Callable[[Input, Encoded, Outputs], Answer]) -> "SharedBatches[Answer]":
        """As that of a ``Runner``: each stage fills batches of its own."""
        living, judged = while_it_lives(answer), while_it_lives(self._judged)

        def answer_of(number: int) -> Callable[[Input, Encoded, Outputs], Answer | Encoded]:
            def told(one: Input, encoded: Encoded, outputs: Outputs) -> Answer | Encoded:
                found = judged(number, one, encoded, outputs)
                return found if isinstance(found, Encoded) else living(one, encoded, found)

            return told

        runners = [stage.runner for stage in self.stages]
        return runners[0].shared([one.step(answer_of(at)) for at, one in enumerate(runners)])

    def _judged(
        self, number: int, one: Input, encoded: Encoded, outputs: Outputs
    ) -> Encoded | Outputs:
        """A stage's outputs for one input, or where it is not sure what the next one reads."""
        stage = self.stages[number]
        outputs = tempered(outputs, stage.temperature)
        if not len(self._unsure(stage, outputs, (encoded,), (one,))):
            self._answered(stage, (encoded,), 1)
            return outputs
        further = self.stages[number + 1]
        return encoded if further.can_read(encoded, stage) else further.runner.encode([one])[0]

    def usable(self) -> None:
        """Raise ClosedError after ``close``, and in a forked child."""
        for stage in self.stages:
            stage.runner.usable()

    def close(self) -> None:
        """Free the engines; later calls get ClosedError."""
        for stage in self.stages:
            stage.runner.close()


def _those(first: Callable[[int], int], places: NDArray[np.int64]) -> Callable[[int], int]:
    """Which of the caller's inputs are those at ``places`` among the ones that ``first`` tells."""
    return lambda at: first(int(places[at]))


def _put(outputs: Outputs, into: Outputs, places: NDArray[np.int64]) -> None:
    """Write the outputs of some inputs in the place of what was there for them."""
    for name, rows in outputs.items():
        there = into[name]
        if isinstance(there, list):
            for at, row in zip(places.tolist(), rows, strict=True):
                there[at] = row
        else:
            there[places] = rows
