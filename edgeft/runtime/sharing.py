"""Texts of concurrent callers, answered in shared batches by one thread."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import ClosedError, OverloadError
from edgeft.runtime.batching import join_oldest
from edgeft.runtime.tokenize import Encoded

__all__ = ["SharedBatches"]

Answer = TypeVar("Answer")
Logits = NDArray[np.float32]


@dataclass(eq=False)
class _Request(Generic[Answer]):
    """A text on its way; ``logits`` gathers those of its windows, None where still open."""

    text: str
    future: "Future[Answer]"
    encoded: Encoded | None = None
    logits: list[Logits | None] = field(default_factory=list)

    def abandoned(self) -> bool:
        """Whether nobody waits any more, or it has failed already."""
        return self.future.cancelled() or self.future.done()


@dataclass(frozen=True, eq=False)
class _Row(Generic[Answer]):
    """One window of a request: what stands in a batch."""

    request: _Request[Answer]
    at: int
    ids: list[int]


class SharedBatches(Generic[Answer]):
    """Collects texts from many callers and runs those of like length together.

    While a batch runs, new texts gather; the next batch holds the one that has
    waited longest and those nearest to it in length, so nothing starves. A text
    that finds the engine idle is run at once. Only after a batch that was
    shared is there a pause, of at most ``wait_s``, for the same callers to come
    back with their next texts.

    encode: texts to ids.
    run: rows of ids to (B, C) float32 logits.
    answer: an encoded text and its windows' logits to the caller's answer.
    most: texts that may wait; one more is refused.
    budget: padded tokens in a batch.
    """

    def __init__(
        self,
        *,
        encode: Callable[[Sequence[str]], list[Encoded]],
        run: Callable[[Sequence[Sequence[int]]], Logits],
        answer: Callable[[Encoded, Sequence[Logits]], Answer],
        most: int,
        budget: int,
        wait_s: float,
    ) -> None:
        self._encode, self._run, self._answer = encode, run, answer
        self._most, self._budget, self._wait_s = most, budget, wait_s
        self._arrived: list[_Request[Answer]] = []
        self._rows: list[_Row[Answer]] = []  # encoded and waiting, the oldest first
        self._waiting = 0  # requests that are not answered yet, those in a batch included
        self._served = 0  # texts in the batch before
        self._closed = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="edgeft-batches", daemon=True)
        self._thread.start()

    def submit(self, text: str) -> "Future[Answer]":
        """Queue a text. Raises OverloadError where too many wait, ClosedError after ``close``."""
        future: Future[Answer] = Future()
        with self._wake:
            if self._closed:
                raise ClosedError("The model is closed.", hint="Load it again with edgeft.load.")
            if self._waiting >= self._most:
                raise OverloadError(
                    f"{self._waiting} texts are waiting already.",
                    hint="Try again later, or load the model with a larger max_waiting.",
                )
            self._waiting += 1
            self._arrived.append(_Request(text, future))
            self._wake.notify()
        future.add_done_callback(self._left)
        return future

    def close(self) -> None:
        """Let the batch that runs end, and fail all that wait with ClosedError."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _left(self, _: "Future[Answer]") -> None:
        with self._wake:
            self._waiting -= 1

    def _work(self) -> None:
        try:
            while self._gather():
                self._rows = [row for row in self._rows if not row.request.abandoned()]
                if self._rows:
                    self._serve()
        finally:  # whatever happened, nobody is left waiting
            with self._wake:
                self._closed = True
                left = [*self._arrived, *(row.request for row in self._rows)]
            error = ClosedError("The model was closed before the text was answered.")
            for request in left:
                _fail(request, error)

    def _gather(self) -> bool:
        """Take in what has arrived, waiting where nothing is left to do; False once closed."""
        with self._wake:
            crowd = self._served if self._served > 1 and not self._rows else 0
            if crowd and self._wait_s > 0:
                self._wake.wait_for(
                    lambda: self._closed or len(self._arrived) >= crowd, timeout=self._wait_s
                )
            self._wake.wait_for(lambda: self._closed or self._arrived or self._rows)
            arrived, self._arrived = self._arrived, []
            if self._closed:
                self._arrived = arrived
                return False
        arrived = [request for request in arrived if not request.abandoned()]
        try:
            encoded = self._encode([request.text for request in arrived]) if arrived else []
        except Exception as error:
            for request in arrived:
                _fail(request, error)
            return True
        for request, one in zip(arrived, encoded, strict=True):
            request.encoded, request.logits = one, [None] * len(one.rows)
            self._rows += [_Row(request, at, ids) for at, ids in enumerate(one.rows)]
        return True

    def _serve(self) -> None:
        """Run the oldest row with those that suit it, and answer whom that completes."""
        chosen = set(join_oldest([len(row.ids) for row in self._rows], budget=self._budget))
        batch = [row for at, row in enumerate(self._rows) if at in chosen]
        self._rows = [row for at, row in enumerate(self._rows) if at not in chosen]
        self._served = len(batch)
        try:
            logits = self._run([row.ids for row in batch])  # (B, C) float32
        except Exception as error:
            for row in batch:
                _fail(row.request, error)
            return
        for row, one in zip(batch, logits, strict=True):
            request = row.request
            request.logits[row.at] = one
            done = [part for part in request.logits if part is not None]
            if len(done) == len(request.logits) and request.encoded is not None:
                self._complete(request, request.encoded, done)

    def _complete(
        self, request: _Request[Answer], encoded: Encoded, logits: Sequence[Logits]
    ) -> None:
        try:
            answer = self._answer(encoded, logits)
        except Exception as error:
            _fail(request, error)
        else:
            if request.future.set_running_or_notify_cancel():
                request.future.set_result(answer)


def _fail(request: _Request[Answer], error: Exception) -> None:
    if not request.abandoned() and request.future.set_running_or_notify_cancel():
        request.future.set_exception(error)
