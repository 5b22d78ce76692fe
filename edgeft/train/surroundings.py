"""Torch and accelerate as a run needs them; the caller finds both as they were."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from accelerate.state import AcceleratorState, GradientState, PartialState

from edgeft.settings import environment, random_states, torch_threads
from edgeft.train.hardware import Hardware, alone

__all__ = ["repeats", "surroundings"]

MIXED_PRECISION = "ACCELERATE_MIXED_PRECISION"
USE_IPEX = "ACCELERATE_USE_IPEX"
CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def surroundings(hardware: Hardware) -> Iterator[None]:
    """Torch on the given threads, in the given precision and, on a GPU, repeatable; or an error."""
    # TrainingArguments reads the first and sets both, and would leave them to the next run.
    variables = {
        **alone(),
        MIXED_PRECISION: "no" if hardware.precision == "fp32" else hardware.precision,
        USE_IPEX: "false",
    }
    if hardware.device == "cuda" and CUBLAS_WORKSPACE not in os.environ:
        variables[CUBLAS_WORKSPACE] = ":4096:8"  # read when CUDA starts
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with (
        environment(**variables),
        torch_threads(hardware.threads),
        random_states(),
        _accelerate_states(),
    ):
        if hardware.device == "cuda":
            # Only warned, attention would not compute its slopes in a repeatable way.
            torch.use_deterministic_algorithms(True, warn_only=False)
            torch.utils.deterministic.fill_uninitialized_memory = False  # a kernel for each tensor
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = filled


def repeats(step: Callable[[], None]) -> bool:
    """Take a step, and say whether it could be taken in a way that gives the same every time.

    Where torch knows none it is not insisted on any more.
    """
    try:
        step()
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        torch.use_deterministic_algorithms(True, warn_only=True)
        return False
    return True


@contextmanager
def _accelerate_states() -> Iterator[None]:
    """What accelerate shares among all its objects: an Accelerator of the caller's stays as set."""
    states = (PartialState, AcceleratorState, GradientState)
    before = [dict(state._shared_state) for state in states]
    try:
        yield
    finally:
        for state, content in zip(states, before, strict=True):
            state._shared_state.clear()
            state._shared_state.update(content)
