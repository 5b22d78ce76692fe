"""Threads that wait busily during a call, as long as the cores are this process's own.

Between two operators a thread that spins goes on at once where one that sleeps must first be
woken, so single texts are quicker. Beside a neighbour that wants the same cores spinning only
takes time from both, and the answer waits for a thread that has lost its turn.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Sequence

from edgeft.runtime.cpu import cgroup_quota, own_cores
from edgeft.runtime.engine import Engine
from edgeft.tasks.encoded import Part
from edgeft.tasks.outputs import Array

__all__ = ["CoreShare", "SpinningEngine", "may_spin"]

OWN = 0.85  # of the cores; a spinning process alone gets 0.97 and more, beside one neighbour 0.6
MEMORY_S = 0.5  # of running, after which an observation weighs a third of a fresh one


def may_spin(threads: int) -> bool:
    """Whether nothing forbids it from the start: a core for each thread, and no CPU quota.

    Only where the system tells the CPU time of a process to the microsecond.
    """
    told = sys.platform in ("linux", "darwin")
    return told and 1 < threads <= len(own_cores()) and cgroup_quota() is None


class CoreShare:
    """The share, 0 to 1, of its cores that a spinning process got lately; starts at 1.

    A spinning thread is always running, so the CPU time of a run is its wall time on every
    core, less what others took. Observations fade exponentially with the time spent running.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self.value = 1.0

    def observe(self, wall_s: float, cpu_s: float, *, overlapping: bool) -> None:
        """Take in one run. Overlapping ones have no core of their own, whatever they got."""
        if wall_s <= 0:
            return
        got = 0.0 if overlapping else min(1.0, cpu_s / (wall_s * self._threads))
        self.value += (1 - math.exp(-wall_s / MEMORY_S)) * (got - self.value)


class SpinningEngine:
    """Runs on spinning threads until the cores turn out to be shared, then on sleeping ones.

    The change is made once and for good, in a thread of its own while calls go on.
    """

    def __init__(self, spinning: Engine, open_sleeping: Callable[[], Engine], threads: int) -> None:
        """``open_sleeping`` opens the same graph with threads that sleep."""
        self._engine = spinning
        self._open_sleeping: Callable[[], Engine] | None = open_sleeping
        self._share = CoreShare(threads)
        self._running = 0
        self._lock = threading.Lock()

    @property
    def spins(self) -> bool:
        """Whether its threads still wait busily."""
        return self._open_sleeping is not None

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        """The outputs of B parts by name. Raises RunError."""
        if self._open_sleeping is None:
            return self._engine.run(parts)
        with self._lock:
            self._running += 1
            overlapping = self._running > 1
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return self._engine.run(parts)
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            with self._lock:
                self._running -= 1
                self._share.observe(wall, cpu, overlapping=overlapping)
                if self._share.value < OWN:
                    self._calm()

    def padded_length(self, longest: int) -> int:
        """That of the engine that runs."""
        return self._engine.padded_length(longest)

    def _calm(self) -> None:
        """Begin to change to sleeping threads, once."""
        open_sleeping, self._open_sleeping = self._open_sleeping, None
        if open_sleeping is not None:
            threading.Thread(target=self._change, args=(open_sleeping,), name="edgeft-calm").start()

    def _change(self, open_sleeping: Callable[[], Engine]) -> None:
        try:
            self._engine = open_sleeping()
        except Exception:  # the bundle is gone, or memory: what runs is right, if not as quick
            return
