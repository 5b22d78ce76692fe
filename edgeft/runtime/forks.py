"""What a forked process inherits: sessions that it must never free, and none half open."""

import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["kept_by_children", "not_while_forking"]

MOST_S = 60.0  # that a fork waits for sessions that other threads open

_changed = threading.Condition()
_opening = 0  # sessions that are being opened, in any thread
_engines: "weakref.WeakSet[Any]" = weakref.WeakSet()


def kept_by_children(engine: object) -> None:
    """Let a forked child never free an engine that it inherits.

    It has its parent's sessions but not their threads, and freeing one waits for
    those for ever. So in a child each gets one more reference, which nobody gives
    back, not even as the interpreter ends.
    """
    _engines.add(engine)


@contextmanager
def not_while_forking() -> Iterator[None]:
    """Open a session in here: a process that is forked meanwhile is forked before or after.

    Half open it would leave onnxruntime's own locks taken in the child, for ever.
    """
    global _opening
    with _changed:
        _opening += 1
    try:
        yield
    finally:
        with _changed:
            _opening -= 1
            _changed.notify_all()


def _before() -> None:
    _changed.acquire()
    _changed.wait_for(lambda: not _opening, MOST_S)


def _in_parent() -> None:
    _changed.release()


def _in_child() -> None:
    global _opening
    _opening = 0
    _changed.release()
    for engine in list(_engines):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
