"""Answers that are remembered from one call to the next, by the exact input."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from edgeft.inputs import Input

__all__ = ["Memory", "Remembered"]

Prediction = TypeVar("Prediction")


@dataclass(frozen=True, slots=True)
class Remembered:
    """How often an answer was found or not, since the model was loaded, and how many are kept."""

    hits: int
    misses: int
    size: int


class Memory(Generic[Prediction]):
    """At most ``most`` answers; beyond that the one that was not asked for longest is forgotten.

    Safe to use from many threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Input, Prediction] = OrderedDict()
        self._hits = self._misses = 0
        self._lock = threading.Lock()

    def find(self, one: Input) -> Prediction | None:
        """What was answered to an equal input; None where that is not known."""
        with self._lock:
            found = self._kept.get(one)
            if found is None:
                self._misses += 1
            else:
                self._hits += 1
                self._kept.move_to_end(one)
            return found

    def keep(self, one: Input, prediction: Prediction) -> None:
        """Remember an answer."""
        with self._lock:
            self._kept[one] = prediction
            self._kept.move_to_end(one)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def told(self) -> Remembered:
        """The counts."""
        with self._lock:
            return Remembered(self._hits, self._misses, len(self._kept))

    def end(self) -> None:
        """Forget all answers, and keep none from here on."""
        with self._lock:
            self._most = 0
            self._kept.clear()
