"""Answers that are remembered from one call to the next, by the exact input."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from edgeft.inputs import Input, size_of

__all__ = ["MOST_CHARACTERS", "Memory", "Remembered"]

MOST_CHARACTERS = 1 << 24  # of all inputs that are kept: 16 to 64 MB

Prediction = TypeVar("Prediction")


@dataclass(frozen=True, slots=True)
class Remembered:
    """How often an answer was found or not, since the model was loaded, and how many are kept."""

    hits: int
    misses: int
    size: int


class Memory(Generic[Prediction]):
    """At most ``most`` answers, to inputs of ``characters`` together.

    Beyond either the one that was not asked for longest is forgotten. An answer is given to many,
    so it must be one that cannot be changed. Safe to use from many threads; a forked child, in
    which one of them may hold the lock for ever, finds nothing and keeps nothing.
    """

    def __init__(self, most: int, characters: int = MOST_CHARACTERS) -> None:
        self._most, self._most_characters = most, characters
        self._kept: OrderedDict[Input, Prediction] = OrderedDict()
        self._characters = 0
        self._hits = self._misses = 0
        self._lock = threading.Lock()
        self._process = os.getpid()

    def find(self, one: Input, times: int = 1) -> Prediction | None:
        """What was answered to an equal input; None where that is not known.

        Of the ``times`` that it is asked for at once, all but the first count as found.
        """
        if os.getpid() != self._process:
            return None
        with self._lock:
            found = self._kept.get(one)
            missed = found is None
            self._misses += missed
            self._hits += times - missed
            if not missed:
                self._kept.move_to_end(one)
            return found

    def keep(self, one: Input, prediction: Prediction) -> None:
        """Remember an answer, unless its input alone is too long."""
        size = size_of(one)
        if size > self._most_characters or os.getpid() != self._process:
            return
        with self._lock:
            if one not in self._kept:
                self._characters += size
            self._kept[one] = prediction
            self._kept.move_to_end(one)
            while len(self._kept) > self._most or self._characters > self._most_characters:
                forgotten, _ = self._kept.popitem(last=False)
                self._characters -= size_of(forgotten)

    def told(self) -> Remembered:
        """The counts. They are read without the lock, which a forked child might never get."""
        return Remembered(self._hits, self._misses, len(self._kept))

    def end(self) -> None:
        """Forget all answers, and keep none from here on."""
        with self._lock:
            self._most = self._characters = 0
            self._kept.clear()
