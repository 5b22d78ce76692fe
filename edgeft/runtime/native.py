"""Calls into native code, and what waits for them: a fork, and the interpreter's end."""

import atexit
import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["kept_by_children", "native_call"]

FORK_S = 60.0  # that a fork waits, at most, for sessions that other threads open
EXIT_S = 30.0  # that the interpreter's end waits, at most, for calls of threads that nobody joins

_changed = threading.Condition()
_calling: set[int] = set()  # the threads that are in native code, by identifier
_opening = 0  # sessions that are being opened, in any thread
_exiting = False
_engines: "weakref.WeakSet[Any]" = weakref.WeakSet()


@contextmanager
def native_call(*, opens: bool = False) -> Iterator[None]:
    """Call the tokenizer or onnxruntime in here; ``opens`` where a session is opened.

    A thread that nobody joins is cut off as the interpreter ends, and in the middle
    of native code that brings the process down: so its call ends first, and it begins
    no other. And a process that is forked while another thread opens a session would
    leave onnxruntime's own locks taken in the child, for ever: so it is forked before
    or after.
    """
    global _opening
    thread = threading.get_ident()
    with _changed:
        nested = thread in _calling
        if _exiting and not nested and threading.current_thread() is not threading.main_thread():
            _changed.wait_for(lambda: False)  # until the interpreter is gone, and this with it
        _calling.add(thread)
        _opening += opens
    try:
        yield
    finally:
        with _changed:
            _opening -= opens
            if not nested:
                _calling.discard(thread)
            _changed.notify_all()


def kept_by_children(engine: object) -> None:
    """Let a forked child never free an engine that it inherits.

    It has its parent's sessions but not their threads, and freeing one waits for
    those for ever. So in a child each gets one more reference, which nobody gives
    back, not even as the interpreter ends.
    """
    _engines.add(engine)


@atexit.register
def _before_exit() -> None:
    global _exiting
    with _changed:
        _exiting = True
        _changed.wait_for(lambda: _calling <= {threading.get_ident()}, EXIT_S)


def _before_fork() -> None:
    _changed.acquire()
    _changed.wait_for(lambda: not _opening, FORK_S)


def _after_fork_in_parent() -> None:
    _changed.release()


def _after_fork_in_child() -> None:
    global _opening
    _opening = 0
    _calling.intersection_update({threading.get_ident()})
    _changed.release()
    for engine in list(_engines):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
