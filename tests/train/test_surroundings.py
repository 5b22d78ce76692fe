"""Torch's settings during a run, and what a model gets that cannot be trained repeatably."""

import pytest
import torch

from edgeft.train.hardware import Hardware
from edgeft.train.surroundings import repeats, surroundings

CPU = Hardware("cpu", "fp32", 1, 0, 1)


def _scatter() -> None:
    """One of the few operations that even a CPU has no repeatable way for."""
    torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


def _fail() -> None:
    raise RuntimeError("another fault")


def test_what_cannot_be_repeated_is_told_and_then_taken_as_it_is() -> None:
    with surroundings(CPU):
        torch.use_deterministic_algorithms(True)  # as on a GPU
        assert repeats(lambda: None)
        with pytest.raises(RuntimeError, match="deterministic"):
            _scatter()
        assert not repeats(_scatter)
        with pytest.warns(UserWarning, match="deterministic"):
            _scatter()
    assert not torch.are_deterministic_algorithms_enabled()


def test_other_faults_are_no_answer() -> None:
    with surroundings(CPU), pytest.raises(RuntimeError, match="another fault"):
        repeats(_fail)


def test_a_gpu_is_asked_for_repeatable_kernels_and_no_filled_memory() -> None:
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with surroundings(Hardware("cuda", "bf16", 1, 0, 1)):  # settings alone: no GPU is touched
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory is filled
