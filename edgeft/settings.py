"""What a process has but once, and how a stage gives it back as it found it.

A stage runs inside a program that has settings of its own: random states, torch's
threads, variables, log levels. Whatever a stage must change it changes in here,
and the program finds it as it was, also after an error.
"""

import logging
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

__all__ = ["contained", "environment", "random_states", "shared", "torch_threads"]


def shared(
    change: Callable[[], AbstractContextManager[None]],
) -> Callable[[], AbstractContextManager[None]]:
    """Like ``change``, but for any number of threads: the first makes it, the last undoes it.

    Each on its own would put back what it found, and that may be another's change.
    """
    lock, users, made = threading.Lock(), [0], ExitStack()

    @contextmanager
    def used() -> Iterator[None]:
        with lock:
            if not users[0]:
                made.enter_context(change())
            users[0] += 1
        try:
            yield
        finally:
            with lock:
                users[0] -= 1
                if not users[0]:
                    made.close()

    return used


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set ``variables`` of the process for as long as the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@shared
@contextmanager
def contained() -> Iterator[None]:
    """Import and use in here a library that changes sys.path, variables or logging when imported.

    All are as before after the block; in the next one the library finds its paths again.
    """
    variables, path, root = dict(os.environ), sys.path[:], logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    sys.path += [one for one in _paths if one not in path]
    try:
        yield
    finally:
        _paths.extend(one for one in sys.path if one not in path and one not in _paths)
        sys.path[:] = path
        root.setLevel(level)
        root.handlers[:] = handlers
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)


_paths: list[str] = []  # that such libraries have added


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute on ``count`` threads in the block."""
    import torch

    with _torch_threads_kept():
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@shared
@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def random_states(seed: int | None = None) -> Iterator[None]:
    """Give the caller's random states of Python, numpy and torch back after the block.

    With a ``seed`` torch starts from it in the block, on every device.
    """
    import torch

    with _random_states_kept():
        if seed is not None:
            torch.manual_seed(seed)
        yield


@shared
@contextmanager
def _random_states_kept() -> Iterator[None]:
    import numpy as np
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if on_gpus:
            torch.cuda.set_rng_state_all(on_gpus)
        elif torch.cuda.is_available():  # what the caller's own seeding would have left there
            torch.cuda.manual_seed_all(torch.initial_seed())
