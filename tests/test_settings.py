import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest
import torch

from edgeft.checkpoint.pretrained import quiet
from edgeft.settings import contained, environment, random_states, shared, torch_threads


def test_variables_come_back_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEFT_ONE", "old")
    monkeypatch.delenv("EDGEFT_TWO", raising=False)

    def fail() -> None:
        with environment(EDGEFT_ONE="new", EDGEFT_TWO="new"):
            assert os.environ["EDGEFT_ONE"] == os.environ["EDGEFT_TWO"] == "new"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert os.environ["EDGEFT_ONE"] == "old"
    assert "EDGEFT_TWO" not in os.environ


def test_threads_are_those_asked_for_and_then_those_of_before() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        with torch_threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    expected = draw()
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    with random_states(seed=7):
        first = draw()[2]
    assert draw() == expected
    with random_states(seed=7):
        assert draw()[2] == first
    assert torch.initial_seed() == 3


def test_of_several_threads_the_last_puts_back_what_the_first_found() -> None:
    value, seen = ["before"], []

    @shared
    @contextmanager
    def changed() -> Iterator[None]:
        found = value[0]
        value[0] = "changed"
        try:
            yield
        finally:
            value[0] = found

    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with changed():
            inside.set()
            leave.wait()
            seen.append(value[0])

    thread = threading.Thread(target=other)
    with changed():
        thread.start()
        inside.wait()
    assert value == ["changed"]  # the other one still needs it
    leave.set()
    thread.join()
    assert seen == ["changed"]
    assert value == ["before"]


def _overlapping(block: Callable[[], AbstractContextManager[None]]) -> None:
    """Enter the block, have another thread enter it, leave it, and have the other leave it."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with block():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with block():
        thread.start()
        inside.wait()
    leave.set()
    thread.join()


def test_two_threads_are_quiet_and_stdout_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():  # what is imported in there may filter warnings of its own
        pass
    filters = list(warnings.filters)
    _overlapping(quiet)
    print("heard")
    assert capsys.readouterr().out == "heard\n"
    assert warnings.filters == filters


def test_of_two_that_count_torchs_threads_none_leaves_its_own() -> None:
    before = torch.get_num_threads()
    counts = iter((before + 1, before + 2))
    _overlapping(lambda: torch_threads(next(counts)))
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [before]
    assert torch.get_num_threads() == before


def test_two_that_draw_random_numbers_leave_none_drawn() -> None:
    state = torch.get_rng_state()
    seeds = iter((5, 6))
    _overlapping(lambda: random_states(next(seeds)))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_library_that_sets_up_logging_paths_and_variables_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDGEFT_ONE", "old")
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    path = sys.path[:]
    with contained():
        os.environ |= {"EDGEFT_ONE": "new", "EDGEFT_TWO": "new"}
        sys.path.append("/its/own")
        logging.basicConfig(level=logging.DEBUG, force=True)
    assert (root.level, root.handlers) == before
    assert sys.path == path
    with contained():  # where it looks for more of itself
        assert "/its/own" in sys.path
    assert sys.path == path
    assert os.environ["EDGEFT_ONE"] == "old"
    assert "EDGEFT_TWO" not in os.environ
