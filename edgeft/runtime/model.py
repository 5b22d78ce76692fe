"""Model: a bundle, loaded on one device, that predicts."""

import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, overload

from edgeft.bundle import Manifest
from edgeft.errors import DeadlineError, UsageError
from edgeft.inputs import Input
from edgeft.runtime import ranking
from edgeft.runtime.ahead import groups
from edgeft.runtime.memory import Memory, Remembered
from edgeft.runtime.providers import Device
from edgeft.runtime.runner import GROUP_CHARACTERS, Runner
from edgeft.runtime.texts import check_input, check_list, check_source, one_by_one
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Outputs, in_a_row
from edgeft.tasks.ranked import Ranked
from edgeft.tasks.task import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import TypeVar  # which checkers know; only there it takes a default

    from edgeft.runtime.cascade import Cascade
    from edgeft.runtime.sharing import SharedBatches
    from edgeft.runtime.vectors import VectorForm

    Prediction = TypeVar("Prediction", default=Any)
else:
    from typing import TypeVar

    Prediction = TypeVar("Prediction")

__all__ = ["Model"]


class Model(Generic[Prediction]):
    """A loaded bundle. Made by ``load``; safe to use from many threads.

    To a type checker it is one of the predictions of its task, such as ``Model[Entities]``.

    Attributes say what runs: ``task``, ``device`` (its name, provider and nodes),
    ``variant``, ``threads``, ``labels``, ``head`` (how outputs become answers),
    ``max_length`` (tokens), ``manifest``, ``batch_invariant`` (whether no answer depends on
    neighbours in a batch); ``runner`` is what runs. Of a cascade ``stages`` names
    those that answer, in the order of asking, else it is (); ``device``, ``labels`` and
    ``max_length`` are those of its full model, ``variant`` tells each stage's ("int8+fp32").
    It stays in the process that loaded it: one that is forked or spawned loads
    its own, after the fork; it is neither pickled nor copied. Dropping it frees what
    ``close`` frees.
    """

    def __init__(
        self,
        *,
        task: Task,
        head: Head,
        manifest: Manifest,
        variant: str,
        device: Device,
        threads: int,
        runner: "Runner | Cascade",
        batch_invariant: bool,
        remember: int = 0,
    ) -> None:
        """``remember``: how many answers are kept from one call to the next."""
        self.task = task
        self._takes: Any = task.takes
        self.manifest = manifest
        self.labels = manifest.model.labels
        self.stages = manifest.stages
        self.variant = variant
        self.device = device
        self.threads = threads
        self.max_length = manifest.model.max_length
        self.head = head
        self.runner = runner
        self.batch_invariant = batch_invariant
        self._memory: Memory[Prediction] | None = Memory(remember) if remember else None
        self._shared: SharedBatches[Prediction] | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    @overload  # a str is one input, though it is a sequence of such as well
    def predict(self, inputs: Input) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, inputs: Sequence[Input]) -> list[Prediction]: ...
    def predict(self, inputs: Any) -> Any:
        """Predict one input, or a list of inputs in the same order.

        What inputs are, ``task.takes`` says: texts, a ``Pair`` of texts, a ``Question``. One
        longer than ``max_length`` tokens is treated as ``load`` was told. A text of an encoder
        is read as it is; ``embed`` and ``rank`` put a prompt before it, where the model has one.
        Raises TypeError for anything else, DataError for an input that is too
        long, RunError.
        """
        if isinstance(inputs, self._takes):
            found = self._recalled(inputs)
            if found is not None:
                return found
            encoded, outputs = self.runner.one(inputs)
            return self._answer(inputs, encoded, outputs)
        self.runner.usable()
        if isinstance(inputs, Input):
            check_input(inputs, "what predict gets", self.task.takes)
        check_list(inputs, "predict", wanted=f"{_one_of(self.task)} or a list of such")
        return list(self.stream(inputs))

    def stream(self, inputs: Iterable[Input], *, group: int | None = None) -> Iterator[Prediction]:
        """Predict any iterable of inputs, in order and in bounded memory.

        ``group`` of them are planned together, by default 1,024, and 4,096 for a cascade.
        The next group is read before this one is run, and tokenized meanwhile: from a slow
        source take a small one. Where answers are remembered, it is read after that.
        Raises what ``predict`` raises; where the source fails, the answers to all
        inputs before are given first.
        """
        self.runner.usable()
        check_source(inputs, "stream")
        checked = self._checked(inputs)
        if self._memory is None:
            yield from self._fresh(checked, group)
            return
        begin, most = 0, group or self.runner.group
        for some in groups(checked, most=most, most_characters=GROUP_CHARACTERS):
            yield from self._recalled_or_fresh(some, begin, most)
            begin += len(some)

    def rank(
        self,
        query: str,
        texts: Sequence[str],
        *,
        top: int | None = 10,
        label: str | None = None,
    ) -> list[Ranked]:
        """The texts that suit a query best, the best first, at most ``top`` of them.

        Each text is judged as ``Pair(query, text)``; the query is tokenized once for a thousand of
        them. A classifier ranks by the probability of ``label``, by default of two labels the
        second; a model that gives pairs a number ranks by that. A model of vectors embeds query and
        texts once each, with their prompts where it has such, and ranks by their cosine. Of equals
        the earlier comes first.
        Raises UsageError where the model gives nothing to rank by or ``top`` is no number of texts,
        and what ``predict`` raises.
        """
        self.runner.usable()
        if top is not None and (not isinstance(top, int) or top < 1):
            raise UsageError(f"top must be 1 or more, not {top!r}.", hint="None gives all texts.")
        check_input(query, "the query", (str,))
        check_list(texts, "rank", wanted="a query and a list of str")
        every: list[Any] = list(one_by_one(texts, (str,)))
        inputs = ranking.asked_to_rank(self.task, self.head, query, every)
        ranking.check_ranks(self.task, self.labels, label)
        found = list(self._fresh(self._checked(inputs), None)) if every else []
        return ranking.best_texts(self.task, found, self.labels, every, top, label)

    def embed(
        self,
        texts: Sequence[str],
        dimensions: int | None = None,
        *,
        prompt: str | None = None,
        form: "VectorForm" = "float32",
    ) -> "NDArray[Any]":
        """The vectors of N texts, (N, D) float32, in the order of the texts.

        dimensions: only the first so many numbers of each vector, brought to length 1 anew where
            the model's are (Kusupati et al., "Matryoshka Representation Learning", 2022; whether a
            model was trained so that they suffice, its own card tells).
        prompt: the name of what is put before each text, one of ``head.prompts``; by default the
            model's own choice, which is mostly none. "" is none in any case.
        form: "float32"; "int8" or "binary" for what ``runtime.vectors.in_form`` makes of them.

        Memory is bounded but for the result. Vectors of two bundles must not be compared, which an
        array cannot tell: ``edgeft.vectors_of`` gives such as know their bundle. Whether a text was
        cut, ``predict`` tells. Raises UsageError where the bundle gives no vectors, or for what it
        has not; and what ``predict`` raises.
        """
        from edgeft.runtime.vectors import embedded

        self.runner.usable()
        check_list(texts, "embed", wanted="a list of texts")
        return embedded(self, texts, dimensions, prompt, form)

    async def apredict(self, one: Input, *, timeout_s: float | None = None) -> Prediction:
        """Predict one input; concurrent callers, of any event loop, share batches.

        Raises DeadlineError after ``timeout_s`` seconds, OverloadError where too
        many inputs wait, and what ``predict`` raises; each at once, as where the
        engine fails. A cancelled call takes its input out of the queue.
        """
        import asyncio  # which takes longer to import than many a program needs to predict

        check_input(one, "what apredict gets", self.task.takes)
        found = self._recalled(one)
        if found is not None:
            return found
        future = self._sharing().submit(one)
        if timeout_s is None:
            return await future
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise DeadlineError(
                f"No answer within {timeout_s:g} s.",
                hint="Allow more time, or send fewer texts at once.",
            ) from None

    def outputs(
        self, inputs: Sequence[Input], *, alone: bool = False, cut: bool = False
    ) -> tuple[list[Encoded], Outputs]:
        """What the tokenizer makes of N inputs, and what the graph gives for them, by name.

        ``alone`` runs every part by itself, so that no neighbour in a batch can
        touch its answer. ``cut`` reads of a long input the first part alone, whatever
        ``load`` was told. Raises what ``predict`` raises.
        """
        self.runner.usable()
        check_list(inputs, "outputs")
        if cut:
            runner = self._single()
            inputs = list(self._checked(inputs))
            encoded = runner.encode(inputs) if inputs else []
            first = [Encoded(one.parts[:1]) for one in encoded]
            parts = [one.parts[0] for one in encoded]
            return first, self.task.join(runner.run(parts, alone=alone), first)
        found = list(self.runner.stream(self._checked(inputs), alone=alone))
        if not found:
            return [], self.runner.outputs([])
        encoded = [one for _, some, _ in found for one in some]
        return encoded, in_a_row([outputs for _, _, outputs in found])

    @property
    def remembered(self) -> Remembered:
        """How often an answer was remembered, and how many are: all 0 unless ``load`` was told.

        What a list or a group of a stream holds twice was remembered the second time.
        """
        return Remembered(0, 0, 0) if self._memory is None else self._memory.told()

    @property
    def waiting(self) -> int:
        """How many inputs of ``apredict`` are in no batch yet."""
        shared = self._shared
        return 0 if shared is None else shared.waiting

    def abandon(self) -> None:
        """As ``close``, but for an engine that hangs: what it runs is not waited for.

        All callers of ``apredict`` that wait for an answer get ClosedError at once. The thread
        that hangs and the memory of its session stay until the engine comes back.
        """
        with self._lock:
            shared, self._shared = self._shared, None
            self.runner.close()
        if shared is not None:
            shared.abandon()

    def close(self) -> None:
        """Free the session; callers that wait, and later ones, get ClosedError."""
        if os.getpid() != self._process:
            return  # its threads stayed in the other process
        with self._lock:
            shared, self._shared = self._shared, None
            self.runner.close()
        if self._memory is not None:
            self._memory.end()
        if shared is not None:
            shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A Model can be neither pickled nor copied: its session is open in process "
            f"{self._process}. Threads share it as it is; another process gets the bundle's "
            "path, and calls edgeft.load with it."
        )

    def __repr__(self) -> str:
        return f"Model(variant={self.variant!r}, device={self.device}, labels={len(self.labels)})"

    # --- inputs to answers -------------------------------------------------------------

    def _checked(self, inputs: Iterable[Input]) -> Iterator[Input]:
        return one_by_one(inputs, self.task.takes)

    def _single(self) -> Runner:
        """What runs, where that is one model. Raises UsageError."""
        if isinstance(self.runner, Runner):
            return self.runner
        raise UsageError(
            "A cascade has no first part of an input: its stages may read different ones.",
            hint=f"Load a stage alone with variant=…: {', '.join(self.stages)}.",
        )

    def _decode(
        self, outputs: Outputs, encoded: Sequence[Encoded], inputs: Sequence[Input]
    ) -> list[Prediction]:
        observer = self.runner.observer
        if observer is None:
            return self.task.decode(outputs, encoded, inputs, self.labels, self.head)
        begin = time.perf_counter()
        found = self.task.decode(outputs, encoded, inputs, self.labels, self.head)
        observer.decoded(time.perf_counter() - begin, len(inputs))
        return found

    def _answer(self, one: Input, encoded: Encoded, outputs: Outputs) -> Prediction:
        prediction = self._decode(outputs, (encoded,), (one,))[0]
        if self._memory is not None:
            self._memory.keep(one, prediction)
        return prediction

    def _fresh(
        self, inputs: Iterable[Input], group: int | None, numbers: Sequence[int] | None = None
    ) -> Iterator[Prediction]:
        for some, encoded, outputs in self.runner.stream(inputs, group=group, numbers=numbers):
            yield from self._decode(outputs, encoded, some)

    # --- answers that are remembered ---------------------------------------------------

    def _recalled(self, one: Input) -> Prediction | None:
        if self._memory is None:
            return None
        self.runner.usable()
        return self._memory.find(one)

    def _recalled_or_fresh(
        self, inputs: list[Input], begin: int, group: int
    ) -> Iterator[Prediction]:
        """The answers to a group of inputs, in order, of which each unknown one is run once.

        They are those of the caller's from ``begin`` on.
        """
        memory = self._memory
        assert memory is not None, "nothing is remembered"
        self.runner.usable()
        found = {one: memory.find(one, times) for one, times in Counter(inputs).items()}
        unknown = [one for one, its in found.items() if its is None]
        first = {one: at for at, one in reversed([*enumerate(inputs, begin)])}
        fresh = self._fresh(unknown, group, [first[one] for one in unknown])
        for one in inputs:
            its = found[one]
            if its is None:
                its = found[one] = next(fresh)
                memory.keep(one, its)
            yield its

    def _sharing(self) -> "SharedBatches[Prediction]":
        self.runner.usable()
        with self._lock:
            self.runner.usable()  # it may have been closed before the lock was had
            if self._shared is None:
                self._shared = self.runner.share(self._answer)
                weakref.finalize(self, self._shared.stop).atexit = False
            return self._shared


def _one_of(task: Task) -> str:
    return " or ".join(f"a {kind.__name__}" for kind in task.takes)
