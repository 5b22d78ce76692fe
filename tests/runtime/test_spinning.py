"""Threads that spin only while the cores are the process's own."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from edgeft.errors import BundleError
from edgeft.runtime import spinning
from edgeft.runtime.spinning import OWN, CoreShare, SpinningEngine, may_spin
from edgeft.tasks.encoded import Part
from edgeft.tasks.outputs import Array
from tests.encoded import parts


def test_cores_of_its_own_are_told_from_shared_ones() -> None:
    share = CoreShare(threads=2)
    for _ in range(1000):
        share.observe(0.004, 0.0078, overlapping=False)
    assert share.value == pytest.approx(0.975, abs=1e-3)
    for _ in range(15):  # a short visit of a neighbour, 60 ms
        share.observe(0.004, 0.0048, overlapping=False)
    assert share.value > OWN
    for _ in range(100):  # one that stays
        share.observe(0.004, 0.0048, overlapping=False)
    assert share.value < OWN


def test_calls_that_overlap_have_no_core_of_their_own() -> None:
    share = CoreShare(threads=2)
    for _ in range(40):
        share.observe(0.004, 0.008, overlapping=True)
    assert share.value < OWN


def test_what_others_do_in_the_process_is_no_more_than_all() -> None:
    share = CoreShare(threads=2)
    share.observe(0.1, 0.8, overlapping=False)
    share.observe(0.0, 0.0, overlapping=False)
    assert share.value == 1.0


def test_nothing_spins_on_fewer_cores_than_threads_or_under_a_quota(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spinning, "own_cores", lambda: [0, 1])
    monkeypatch.setattr(spinning, "cgroup_quota", lambda: None)
    monkeypatch.setattr("sys.platform", "linux")
    assert may_spin(2)
    assert not may_spin(1)  # it waits for nobody
    assert not may_spin(3)
    monkeypatch.setattr(spinning, "cgroup_quota", lambda: 2.0)
    assert not may_spin(2)
    monkeypatch.setattr(spinning, "cgroup_quota", lambda: None)
    monkeypatch.setattr("sys.platform", "win32")
    assert not may_spin(2)


class Waits:
    """An engine that takes wall time and no CPU time, as if others had the cores."""

    def __init__(self, answer: float) -> None:
        self.answer = answer

    def run(self, parts: Sequence[Part]) -> dict[str, Array]:
        time.sleep(0.02)
        return {"logits": np.full((len(parts), 1), self.answer, np.float32)}

    def padded_length(self, longest: int) -> int:
        return longest


def run_until(engine: SpinningEngine, done: Callable[[], bool]) -> None:
    for _ in range(200):
        engine.run(parts([1]))
        if done():
            return
    pytest.fail("it never came")


def test_sleeping_threads_take_over_once_where_the_cores_are_shared() -> None:
    opened: list[Waits] = []

    def open_sleeping() -> Waits:
        opened.append(Waits(2.0))
        return opened[-1]

    engine = SpinningEngine(Waits(1.0), open_sleeping, threads=2)
    assert engine.spins
    assert engine.run(parts([1], [2]))["logits"].tolist() == [[1.0], [1.0]]
    run_until(engine, lambda: engine.run(parts([1]))["logits"].tolist() == [[2.0]])
    assert not engine.spins
    assert len(opened) == 1


def test_what_runs_goes_on_where_the_graph_cannot_be_opened_again() -> None:
    tried = threading.Event()

    def open_sleeping() -> Waits:
        tried.set()
        raise BundleError("The bundle is gone.")

    engine = SpinningEngine(Waits(1.0), open_sleeping, threads=2)
    run_until(engine, tried.is_set)
    assert engine.run(parts([1]))["logits"].tolist() == [[1.0]]
    assert not engine.spins


def test_a_failure_is_the_callers_and_changes_nothing() -> None:
    class Fails(Waits):
        def run(self, parts: Sequence[Part]) -> dict[str, Array]:
            raise ValueError("no")

    engine = SpinningEngine(Fails(1.0), lambda: Waits(2.0), threads=2)
    with pytest.raises(ValueError, match="no"):
        engine.run(parts([1]))
    assert engine.spins
