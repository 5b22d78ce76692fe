"""Inputs of concurrent callers, answered in shared batches by one thread."""

import asyncio
import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from edgeft.errors import ClosedError, OverloadError, RunError
from edgeft.inputs import Input
from edgeft.runtime.batching import join_oldest
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.outputs import Array

__all__ = ["SharedBatches", "Step"]

Answer = TypeVar("Answer")
Row = Mapping[str, Array]  # the outputs of one part, by name


@dataclass(eq=False, slots=True)
class _Request(Generic[Answer]):
    """An input on its way; ``rows`` gathers its parts' outputs, None where still open."""

    input: Input
    future: "asyncio.Future[Answer]"
    step: int = 0
    queued: bool = True
    unchosen: int = 1
    since: float = 0.0
    encoded: Encoded | None = None
    rows: list[Row | None] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class _Place(Generic[Answer]):
    """One part of a request: what stands in a batch."""

    request: _Request[Answer]
    at: int
    part: Part


@dataclass(frozen=True)
class Step(Generic[Answer]):
    """What one model does for the inputs that come to it.

    run: parts to the outputs of each.
    answer: an input, encoded, and its parts' outputs to the caller's answer; or to what the next
    step reads of it.
    budget: padded tokens in a batch. max_rows: parts in a batch.
    """

    run: Callable[[Sequence[Part]], Sequence[Row]]
    answer: Callable[[Input, Encoded, Sequence[Row]], Answer | Encoded]
    budget: int
    max_rows: int | None = None


class SharedBatches(Generic[Answer]):
    """Collects inputs from many callers and runs those of like length together.

    While a batch runs, new inputs gather; the next batch holds the one that has
    waited longest and those nearest to it in length, so nothing starves. An input
    that finds nothing going on is run at once. Only after a batch that was
    shared is there a pause, of at most ``wait_s``, for its callers to come back
    together. What goes on from one step to the next waits again, behind all that is there: so
    the next step's batches fill.

    encode: inputs to parts, as the first step reads them.
    steps: one after the other, until one answers; the last one always does.
    most: inputs that may wait; one more is refused.
    queued: told of each input how many seconds it waited for its batch, at each step.
    """

    def __init__(
        self,
        *,
        encode: Callable[[Sequence[Input]], list[Encoded]],
        steps: Sequence[Step[Answer]],
        most: int,
        wait_s: float,
        queued: Callable[[float], None] | None = None,
    ) -> None:
        self._encode, self._steps = encode, steps
        self._most, self._wait_s = most, wait_s
        self._queued = queued
        self._process = os.getpid()
        # Shared with the callers, under ``_wake``:
        self._wake = threading.Condition()
        self._arrived: list[_Request[Answer]] = []
        self._waiting = 0  # inputs that have arrived or are tokenized, but are in no batch yet
        self._idle = True
        self._closed = False
        # The thread's own:
        self._places: list[_Place[Answer]] = []  # tokenized and waiting, the oldest first
        self._flight: list[_Request[Answer]] = []  # being tokenized or run at this moment
        self._crowd, self._crowd_until = 0, 0.0  # callers that may come back, and until when
        self._thread = threading.Thread(target=self._work, name="edgeft-batches", daemon=True)
        self._thread.start()
        _RUNNING.add(self)

    def submit(self, one: Input) -> "asyncio.Future[Answer]":
        """Queue an input for the running event loop.

        Raises OverloadError where too many texts wait, ClosedError after ``close``.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._closed:
                raise ClosedError("The model is closed.", hint="Load it again with edgeft.load.")
            if self._waiting >= self._most:
                raise OverloadError(
                    f"{self._waiting} texts are waiting already.",
                    hint="Try again later, or load the model with a larger max_waiting.",
                )
            self._waiting += 1
            request = _Request(one, future, since=self._now())
            self._arrived.append(request)
            if self._idle:
                self._wake.notify()
        future.add_done_callback(lambda _: self._give_up(request))
        return future

    def close(self) -> None:
        """Let the batch that runs end, and fail all that wait with ClosedError."""
        self.stop()
        self._thread.join()

    @property
    def waiting(self) -> int:
        """How many inputs are in no batch yet."""
        return self._waiting

    def abandon(self) -> None:
        """Fail all that wait or are being run with ClosedError, and wait for nothing.

        For an engine that hangs: its thread ends when that comes back, or never.
        """
        self.stop()
        _RUNNING.discard(self)
        error = ClosedError("The model was given up before the text was answered.")
        with self._wake:
            left = [*self._flight, *self._arrived, *(place.request for place in self._places)]
        _settle([(request, error) for request in left])

    def stop(self) -> None:
        """The same without waiting for that batch: the garbage collector, in any thread, may."""
        if os.getpid() == self._process:  # a forked child has neither the thread nor a sure lock
            with self._wake:
                self._closed = True
                self._wake.notify()

    def _give_up(self, request: _Request[Answer]) -> None:
        """Make room at once when a caller is gone; does nothing once the input was run."""
        with self._wake:
            if request.queued:
                self._waiting -= 1
                request.queued = False
                if request in self._arrived:
                    self._arrived.remove(request)

    # --- the thread --------------------------------------------------------------------

    def _work(self) -> None:
        error: Exception = ClosedError("The model was closed before the text was answered.")
        answers: list[tuple[_Request[Answer], Answer | Exception]] = []
        try:
            while True:
                if not (self._places or self._arrived):
                    answers = self._give(answers)  # before a wait, nothing is held back
                if not self._gather(wait=not answers):
                    break
                batch = self._choose()
                # Given last, so that callers wake up while the next batch runs.
                answers = self._give(answers)
                if batch:
                    answers = self._serve(batch)
        except BaseException as failure:  # a library's panic; told to the callers, who wait
            error = RunError(f"Shared batches ended: {type(failure).__name__}: {failure}")
        finally:  # whatever happened, nobody is left waiting
            self._give(answers)
            with self._wake:
                self._closed = True
                left = [*self._flight, *self._arrived, *(place.request for place in self._places)]
            _settle([(request, error) for request in left])

    def _gather(self, *, wait: bool) -> bool:
        """Take in what has arrived, if ``wait`` waiting for something to do; False once closed."""
        with self._wake:
            if wait and not self._places:
                self._idle = True
                self._wake.wait_for(lambda: self._closed or self._arrived)
                pause_s = self._crowd_until - time.monotonic()
                if pause_s > 0:
                    self._wake.wait_for(
                        lambda: self._closed or len(self._arrived) >= self._crowd, timeout=pause_s
                    )
                self._idle = False
            if self._closed:
                return False
            arrived, self._arrived = self._arrived, []
        requests = [request for request in arrived if not request.future.done()]
        self._flight = requests
        for request, one in zip(requests, self._encoded(requests), strict=True):
            if isinstance(one, Exception):
                self._leave_queue([request])
                _settle([(request, one)])
                continue
            self._place(request, one)
        self._flight = []
        return True

    def _place(self, request: _Request[Answer], encoded: Encoded) -> None:
        """Let all parts of a request wait for a batch."""
        request.encoded, request.rows = encoded, [None] * len(encoded.parts)
        request.unchosen = len(encoded.parts)
        self._places += [_Place(request, at, part) for at, part in enumerate(encoded.parts)]

    def _go_on(self, request: _Request[Answer], encoded: Encoded) -> None:
        """Let a request wait for the next step, unless its caller is gone."""
        with self._wake:
            if request.future.done():
                return
            request.queued = True
            self._waiting += 1
        request.since = self._now()
        request.step += 1
        self._place(request, encoded)

    def _encoded(self, requests: "Sequence[_Request[Answer]]") -> list[Encoded | Exception]:
        """Each input's parts, or why it has none: one input's failure is no other caller's."""
        inputs = [request.input for request in requests]
        try:
            return [*self._encode(inputs)] if inputs else []
        except Exception as error:
            if len(inputs) == 1:
                return [error]
        found: list[Encoded | Exception] = []
        for one in inputs:
            try:
                found += self._encode([one])
            except Exception as error:
                found.append(error)
        return found

    def _choose(self) -> "list[_Place[Answer]]":
        """The oldest part and those that suit it, without what nobody waits for any more."""
        places = [one for one in self._places if not one.request.future.done()]
        chosen = self._suiting(places) if places else []
        taken = set(chosen)
        self._places = [one for at, one in enumerate(places) if at not in taken]
        for at in chosen:
            places[at].request.unchosen -= 1
        return [places[at] for at in chosen]

    def _suiting(self, places: "list[_Place[Answer]]") -> list[int]:
        """Which of the places share a batch with the first one, itself among them."""
        step = places[0].request.step
        same = [at for at, one in enumerate(places) if one.request.step == step]
        lengths = [len(places[at].part.ids) for at in same]
        limits = self._steps[step]
        chosen = join_oldest(lengths, budget=limits.budget, most=limits.max_rows)
        return [same[at] for at in chosen]

    def _serve(
        self, batch: "list[_Place[Answer]]"
    ) -> "list[tuple[_Request[Answer], Answer | Exception]]":
        """Run a batch; return the answers of those whom that completes."""
        self._flight = [place.request for place in batch]
        chosen = [request for request in self._flight if request.unchosen == 0]
        self._tell_waits(chosen)
        self._leave_queue(chosen)
        step = self._steps[batch[0].request.step]
        try:
            rows = step.run([place.part for place in batch])
        except Exception as error:
            self._flight = []
            return [(place.request, error) for place in batch]
        answers: list[tuple[_Request[Answer], Answer | Exception]] = []
        for place, row in zip(batch, rows, strict=True):
            request = place.request
            request.rows[place.at] = row
            done = [one for one in request.rows if one is not None]
            if len(done) == len(request.rows) and request.encoded is not None:
                try:
                    found = step.answer(request.input, request.encoded, done)
                except Exception as error:
                    answers.append((request, error))
                    continue
                if isinstance(found, Encoded):
                    self._go_on(request, found)
                else:
                    answers.append((request, found))
        self._flight = []
        return answers

    def _give(
        self, answers: "list[tuple[_Request[Answer], Answer | Exception]]"
    ) -> "list[tuple[_Request[Answer], Answer | Exception]]":
        """Give the answers to their callers; return that there are none left to give."""
        _settle(answers)
        if len(answers) > 1:
            self._crowd, self._crowd_until = len(answers), time.monotonic() + self._wait_s
        return []

    def _now(self) -> float:
        return 0.0 if self._queued is None else time.perf_counter()

    def _tell_waits(self, requests: "Sequence[_Request[Answer]]") -> None:
        if self._queued is None:
            return
        now = time.perf_counter()
        for request in dict.fromkeys(requests):  # however many of its parts are in the batch
            if request.queued:
                self._queued(now - request.since)

    def _leave_queue(self, requests: "Sequence[_Request[Answer]]") -> None:
        with self._wake:
            for request in requests:
                self._waiting -= request.queued
                request.queued = False


# A thread that runs a batch while the interpreter ends would bring the process down.
_RUNNING: "weakref.WeakSet[SharedBatches[Any]]" = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for shared in list(_RUNNING):
        shared.close()


def _settle(answers: "Sequence[tuple[_Request[Answer], Answer | Exception]]") -> None:
    """Give callers their answers: one call into each event loop, however many are in it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Request[Answer], Answer | Exception]]]
    by_loop = {}
    for one in answers:
        by_loop.setdefault(one[0].future.get_loop(), []).append(one)
    for loop, some in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
            loop.call_soon_threadsafe(_settle_here, some)


def _settle_here(answers: "Sequence[tuple[_Request[Answer], Answer | Exception]]") -> None:
    for request, answer in answers:
        if request.future.done():
            continue
        if isinstance(answer, Exception):
            request.future.set_exception(answer)
        else:
            request.future.set_result(answer)
