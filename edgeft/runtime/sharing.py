"""Texts of concurrent callers, answered in shared batches by one thread."""

import asyncio
import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import ClosedError, OverloadError, RunError
from edgeft.runtime.batching import join_oldest
from edgeft.tasks.encoded import Encoded

__all__ = ["SharedBatches"]

Answer = TypeVar("Answer")
Logits = NDArray[np.float32]


@dataclass(eq=False, slots=True)
class _Request(Generic[Answer]):
    """A text on its way; ``logits`` gathers those of its windows, None where still open."""

    text: str
    future: "asyncio.Future[Answer]"
    queued: bool = True
    unchosen: int = 1
    encoded: Encoded | None = None
    logits: list[Logits | None] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class _Row(Generic[Answer]):
    """One window of a request: what stands in a batch."""

    request: _Request[Answer]
    at: int
    ids: list[int]


class SharedBatches(Generic[Answer]):
    """Collects texts from many callers and runs those of like length together.

    While a batch runs, new texts gather; the next batch holds the one that has
    waited longest and those nearest to it in length, so nothing starves. A text
    that finds nothing going on is run at once. Only after a batch that was
    shared is there a pause, of at most ``wait_s``, for its callers to come back
    together.

    encode: texts to ids.
    run: rows of ids to (B, C) float32 logits.
    answer: a text, encoded, and its windows' logits to the caller's answer.
    most: texts that may wait; one more is refused.
    budget: padded tokens in a batch. max_rows: rows in a batch.
    """

    def __init__(
        self,
        *,
        encode: Callable[[Sequence[str]], list[Encoded]],
        run: Callable[[Sequence[Sequence[int]]], Logits],
        answer: Callable[[str, Encoded, Sequence[Logits]], Answer],
        most: int,
        budget: int,
        max_rows: int | None = None,
        wait_s: float,
    ) -> None:
        self._encode, self._run, self._answer = encode, run, answer
        self._most, self._wait_s = most, wait_s
        self._budget, self._max_rows = budget, max_rows
        self._process = os.getpid()
        # Shared with the callers, under ``_wake``:
        self._wake = threading.Condition()
        self._arrived: list[_Request[Answer]] = []
        self._waiting = 0  # texts that have arrived or are tokenized, but are in no batch yet
        self._idle = True
        self._closed = False
        # The thread's own:
        self._rows: list[_Row[Answer]] = []  # tokenized and waiting, the oldest first
        self._flight: list[_Request[Answer]] = []  # being tokenized or run at this moment
        self._crowd, self._crowd_until = 0, 0.0  # callers that may come back, and until when
        self._thread = threading.Thread(target=self._work, name="edgeft-batches", daemon=True)
        self._thread.start()
        _RUNNING.add(self)

    def submit(self, text: str) -> "asyncio.Future[Answer]":
        """Queue a text for the running event loop.

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
            request = _Request(text, future)
            self._arrived.append(request)
            if self._idle:
                self._wake.notify()
        future.add_done_callback(lambda _: self._give_up(request))
        return future

    def close(self) -> None:
        """Let the batch that runs end, and fail all that wait with ClosedError."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """The same without waiting for that batch: the garbage collector, in any thread, may."""
        if os.getpid() == self._process:  # a forked child has neither the thread nor a sure lock
            with self._wake:
                self._closed = True
                self._wake.notify()

    def _give_up(self, request: _Request[Answer]) -> None:
        """Make room at once when a caller is gone; does nothing once the text was run."""
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
                if not (self._rows or self._arrived):
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
                left = [*self._flight, *self._arrived, *(row.request for row in self._rows)]
            _settle([(request, error) for request in left])

    def _gather(self, *, wait: bool) -> bool:
        """Take in what has arrived, if ``wait`` waiting for something to do; False once closed."""
        with self._wake:
            if wait and not self._rows:
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
            request.encoded, request.logits = one, [None] * len(one.parts)
            request.unchosen = len(one.parts)
            self._rows += [_Row(request, at, part.ids) for at, part in enumerate(one.parts)]
        self._flight = []
        return True

    def _encoded(self, requests: "Sequence[_Request[Answer]]") -> list[Encoded | Exception]:
        """Each text's ids, or why it has none: one text's failure is no other caller's."""
        texts = [request.text for request in requests]
        try:
            return [*self._encode(texts)] if texts else []
        except Exception as error:
            if len(texts) == 1:
                return [error]
        found: list[Encoded | Exception] = []
        for text in texts:
            try:
                found += self._encode([text])
            except Exception as error:
                found.append(error)
        return found

    def _choose(self) -> "list[_Row[Answer]]":
        """The oldest row and those that suit it, without what nobody waits for any more."""
        rows = [row for row in self._rows if not row.request.future.done()]
        lengths = [len(row.ids) for row in rows]
        chosen = join_oldest(lengths, budget=self._budget, most=self._max_rows) if rows else []
        taken = set(chosen)
        self._rows = [row for at, row in enumerate(rows) if at not in taken]
        for at in chosen:
            rows[at].request.unchosen -= 1
        return [rows[at] for at in chosen]

    def _serve(
        self, batch: "list[_Row[Answer]]"
    ) -> "list[tuple[_Request[Answer], Answer | Exception]]":
        """Run a batch; return the answers of those whom that completes."""
        self._flight = [row.request for row in batch]
        self._leave_queue([request for request in self._flight if request.unchosen == 0])
        try:
            logits = self._run([row.ids for row in batch])  # (B, C) float32
            if len(logits) != len(batch):
                raise RunError(f"The graph gave {len(logits)} answers to {len(batch)} texts.")
        except Exception as error:
            self._flight = []
            return [(row.request, error) for row in batch]
        answers: list[tuple[_Request[Answer], Answer | Exception]] = []
        for row, one in zip(batch, logits, strict=True):
            request = row.request
            request.logits[row.at] = one
            done = [part for part in request.logits if part is not None]
            if len(done) == len(request.logits) and request.encoded is not None:
                try:
                    answers.append((request, self._answer(request.text, request.encoded, done)))
                except Exception as error:
                    answers.append((request, error))
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
