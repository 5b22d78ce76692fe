"""Runner: inputs to joined outputs, whatever the task makes of them."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edgeft.errors import ClosedError, DataError
from edgeft.inputs import Input
from edgeft.runtime.ahead import groups, one_ahead
from edgeft.runtime.batching import plan_batches
from edgeft.runtime.engine import Engine
from edgeft.runtime.native import kept_by_children, native_call
from edgeft.runtime.observer import Observer
from edgeft.runtime.pairs import Tokens
from edgeft.runtime.providers import Device
from edgeft.runtime.tokenize import MOST_WINDOWED, TextEncoder
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.outputs import Array, Outputs, picked
from edgeft.tasks.task import LongTexts, Task

if TYPE_CHECKING:
    from edgeft.runtime.sharing import SharedBatches, Step

__all__ = ["GROUP", "GROUP_CHARACTERS", "Group", "Runner", "Serving", "while_it_lives"]

GROUP = 1024  # inputs that are planned together; bounds the memory of stream()
GROUP_CHARACTERS = 1 << 21  # the same for long texts
# Padded tokens a batch. On a CPU more than what its caches hold is slower, not faster.
BATCH_TOKENS = {"cpu": 512, "cuda": 32768, "directml": 8192}
OTHER_TOKENS = 4096

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Serving:
    """How inputs are taken and put together; see ``load``.

    alone: every part is a batch of its own. batch_tokens: padded tokens in a batch,
    at most; None for what suits the device. max_rows: parts in a batch, at most.
    """

    on_long: LongTexts = "truncate"
    alone: bool = False
    batch_tokens: int | None = None
    max_rows: int | None = None
    max_waiting: int = 1024
    wait_s: float = 0.001


@dataclass(frozen=True, slots=True)
class Group:
    """N inputs that are run together; of them U differ, and these are encoded.

    inputs: N of them. numbers: (N,) which of the caller's each is. places: (N,) which of the
    different ones each is. unique, encoded: U of them.
    """

    inputs: list[Input]
    numbers: Sequence[int]
    places: list[int]
    unique: list[Input]
    encoded: list[Encoded]

    def first(self, at: int) -> int:
        """Which of the caller's inputs was the first that is the different one ``at``."""
        return self.numbers[self.places.index(at)]


class Runner:
    """A tokenizer and an engine: inputs are encoded a group ahead, planned and run.

    Safe to use from many threads. It stays in the process that made it; ``close`` frees it.
    """

    group = GROUP

    def __init__(
        self,
        *,
        task: Task,
        labels: int,
        encoder: TextEncoder,
        engine: Engine,
        device: Device,
        max_length: int,
        serving: Serving,
        turns: threading.Semaphore,
        observer: Observer | None = None,
    ) -> None:
        """``labels``: how many the model has.

        ``turns``: how many calls of engines there may be at a time. More than threads only fight
        for caches, and each holds its own buffers; the stages of a cascade take turns together.
        """
        self.observer = observer
        self._task, self._labels = task, labels
        self._ragged = {name for name, axes in task.outputs.items() if "tokens" in axes}
        self.encoder = encoder
        self.max_length, self.serving = max_length, serving
        self._engine: Engine | None = engine
        suits = BATCH_TOKENS.get(device.name.partition(":")[0], OTHER_TOKENS)
        self._budget = 1 if serving.alone else serving.batch_tokens or suits
        self._turns = turns
        self._process = os.getpid()
        kept_by_children(engine)

    def encode(
        self, inputs: Sequence[Input], known: dict[str, Tokens] | None = None
    ) -> list[Encoded]:
        """Inputs in parts, in order. Raises RunError where the tokenizer fails.

        ``known`` is what ``TextEncoder.encode`` keeps from one call to the next.
        """
        if self.observer is None:
            return self.encoder.encode(inputs, known)
        begin = time.perf_counter()
        encoded = self.encoder.encode(inputs, known)
        self.observer.tokenized(time.perf_counter() - begin, len(inputs))
        return encoded

    def one(self, one: Input) -> tuple[Encoded, Outputs]:
        """An input encoded, and its joined outputs: the quickest way for one."""
        encoded = self.encode_one(one)
        return encoded, self.outputs_of(encoded)

    def encode_one(self, one: Input) -> Encoded:
        """An input in parts. Raises RunError where the tokenizer fails."""
        self.usable()
        if self.observer is None:
            return self.encoder.encode_one(one)
        begin = time.perf_counter()
        encoded = self.encoder.encode_one(one)
        self.observer.tokenized(time.perf_counter() - begin, 1)
        return encoded

    def outputs_of(self, encoded: Encoded) -> Outputs:
        """The joined outputs of one input. Raises DataError where it is too long, RunError."""
        if encoded.truncated or len(encoded.parts) > 1 or self._ragged:
            return self.outputs((encoded,))
        return self._task.join(self.run_batch(encoded.parts), (encoded,))

    def stream(
        self,
        inputs: Iterable[Input],
        *,
        group: int | None = None,
        numbers: Sequence[int] | None = None,
        alone: bool = False,
    ) -> Iterator[tuple[list[Input], list[Encoded], Outputs]]:
        """Inputs, encoded, and their joined outputs, ``group`` by group, of GROUP unless told.

        The next group is encoded while one is run; equal inputs are run once. ``numbers`` tells
        which of the caller's inputs each is, where these are not all of them.
        """
        for some in self.ahead(inputs, group=group or self.group, numbers=numbers):
            outputs = self.outputs(some.encoded, first=some.first, alone=alone)  # of U inputs
            yield (
                some.inputs,
                [some.encoded[at] for at in some.places],
                picked(outputs, some.places),
            )

    def ahead(
        self, inputs: Iterable[Input], *, group: int, numbers: Sequence[int] | None = None
    ) -> Iterator[Group]:
        """Inputs, ``group`` by group: each is encoded while the caller uses the one before.

        A context on which one group ends and the next goes on is tokenized once.
        """
        known: dict[str, Tokens] = {}
        begin = 0

        def encode(some: list[Input]) -> Group:
            nonlocal begin
            index: dict[Input, int] = {}
            places = [index.setdefault(one, len(index)) for one in some]
            unique = list(index)
            end = begin + len(some)
            its = range(begin, end) if numbers is None else numbers[begin:end]
            begin = end
            return Group(some, its, places, unique, self.encode(unique, known))

        source = groups(inputs, most=group, most_characters=GROUP_CHARACTERS)
        waited = None if self.observer is None else self.observer.waited
        yield from one_ahead(encode, source, waited)

    def outputs(
        self,
        encoded: Sequence[Encoded],
        *,
        alone: bool = False,
        first: Callable[[int], int] | None = None,
    ) -> Outputs:
        """The joined outputs of encoded inputs.

        ``first`` tells which of the caller's inputs one of them is, for the message about one
        that is too long: DataError. Raises RunError.
        """
        if self.serving.on_long != "truncate":
            for at, one in enumerate(encoded):
                if self._refused(one):
                    raise self._too_long(one, None if first is None else first(at))
        parts = [part for one in encoded for part in one.parts]
        return self._task.join(self.run(parts, alone=alone), encoded)

    def run(self, parts: Sequence[Part], *, alone: bool = False) -> Outputs:
        """The outputs of R parts, run in batches of like length, each part alone where told."""
        lengths = [len(part.ids) for part in parts]
        if alone:
            plan = [[at] for at in range(len(parts))]
        else:
            plan = plan_batches(lengths, budget=self._budget, most=self.serving.max_rows)
        dense: dict[str, Array] = {}
        ragged: dict[str, list[Any]] = {name: [None] * len(parts) for name in self._ragged}
        for batch in plan:
            for name, found in self.run_batch([parts[at] for at in batch]).items():  # (B, …)
                if name in ragged:
                    rows = ragged[name]
                    for at, row in zip(batch, found, strict=True):
                        rows[at] = row[: lengths[at]]  # a view
                else:
                    if name not in dense:
                        dense[name] = np.empty((len(parts), *found.shape[1:]), np.float32)
                    dense[name][batch] = found
        return self._named(dense, ragged)

    def _named(self, dense: dict[str, Array], ragged: Mapping[str, list[Array]]) -> Outputs:
        """All outputs in the task's order; of no part, arrays of the right width."""
        return {
            name: ragged[name]
            if name in ragged
            else dense[name]
            if name in dense
            else np.empty((0, *(self._labels for _ in axes[1:])), np.float32)
            for name, axes in self._task.outputs.items()
        }

    def run_batch(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The outputs of B parts by name, (B, …), an axis along tokens padded: one call."""
        self.usable()
        with native_call(), self._turns:
            engine = self.usable()  # it may have been closed while others had their turn
            if self.observer is None:
                return engine.run(parts)
            begin = time.perf_counter()
            found = engine.run(parts)
            seconds = time.perf_counter() - begin
            padded = len(parts) * engine.padded_length(max(len(part.ids) for part in parts))
        self.observer.ran(seconds, parts, padded)
        return found

    def usable(self) -> Engine:
        """The engine. Raises ClosedError after ``close``, and in a forked child."""
        if os.getpid() != self._process:
            raise ClosedError(
                f"The model was loaded by process {self._process}, and its threads stayed there.",
                hint="Call edgeft.load after the fork, in each process that predicts.",
            )
        engine = self._engine
        if engine is None:
            raise ClosedError("The model is closed.", hint="Load it again with edgeft.load.")
        return engine

    def close(self) -> None:
        """Free the engine; later calls get ClosedError."""
        if os.getpid() == self._process:  # freeing a session without its threads can hang
            self._engine = None

    # --- shared batches ----------------------------------------------------------------

    def share(self, answer: Callable[[Input, Encoded, Outputs], Answer]) -> "SharedBatches[Answer]":
        """Batches that concurrent callers share. ``answer`` makes one of joined outputs.

        Its thread keeps neither this runner nor what ``answer`` is a method of alive.
        """
        return self.shared([self.step(while_it_lives(answer))])

    def shared(self, steps: "Sequence[Step[Answer]]") -> "SharedBatches[Answer]":
        """Shared batches that this runner encodes inputs for, and that then go through steps."""
        from edgeft.runtime.sharing import SharedBatches

        return SharedBatches(
            encode=while_it_lives(self.encode),
            steps=steps,
            most=self.serving.max_waiting,
            wait_s=self.serving.wait_s,
            queued=None if self.observer is None else self.observer.queued,
        )

    def step(self, answer: Callable[[Input, Encoded, Outputs], Answer | Encoded]) -> "Step[Answer]":
        """What this runner does for shared batches.

        ``answer`` makes an answer of joined outputs, or what the next step reads; it may keep
        nothing alive.
        """
        from edgeft.runtime.sharing import Step

        joined = while_it_lives(self._join_rows)
        return Step(
            run=while_it_lives(self._run_rows),
            answer=lambda one, encoded, rows: answer(one, encoded, joined(encoded, rows)),
            budget=self._budget,
            max_rows=self.serving.max_rows,
        )

    def _run_rows(self, parts: Sequence[Part]) -> list[dict[str, Array]]:
        """The outputs of each part of a batch, an axis along tokens cut to the part's length."""
        found = self.run_batch(parts)
        return [
            {
                name: array[at, : len(part.ids)] if name in self._ragged else array[at]
                for name, array in found.items()
            }
            for at, part in enumerate(parts)
        ]

    def _join_rows(self, encoded: Encoded, rows: Sequence[Mapping[str, Array]]) -> Outputs:
        """The joined outputs of an input from those of each of its parts."""
        if self.serving.on_long != "truncate" and self._refused(encoded):
            raise self._too_long(encoded)
        outputs = {
            name: [row[name] for row in rows]
            if name in self._ragged
            else np.stack([row[name] for row in rows])
            for name in self._task.outputs
        }
        return self._task.join(outputs, (encoded,))

    # --- what is too long --------------------------------------------------------------

    def _refused(self, one: Encoded) -> bool:
        """Whether an input is longer than was agreed to, where long ones are not just cut.

        In windows everything is read but what lies beyond all bounds, and a question's own end.
        """
        return one.unread > 0 if self.serving.on_long == "window" else one.truncated

    def _too_long(self, one: Encoded, at: int | None = None) -> DataError:
        asked = self._task.asks.one
        which = f"The {asked}" if at is None else f"{asked.capitalize()} {at}"
        if self.serving.on_long == "window":
            return DataError(
                f"{which} has more than {MOST_WINDOWED:,} characters, which is too long for "
                "windows.",
                hint='Split it, or load with on_long="truncate".',
            )
        size = f"{'more than ' * (one.unread > 0)}{len(one.ids) + one.cut}"
        return DataError(
            f"{which} has {size} tokens; the model reads {self.max_length}.",
            hint='Shorten it, or load with on_long="truncate" or on_long="window".',
        )


def while_it_lives(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that keeps no object alive: a thread that waits for inputs must not."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        living = reference()
        if living is None:
            raise ClosedError("The model is gone.", hint="Load it again with edgeft.load.")
        return living(*arguments)

    return call
