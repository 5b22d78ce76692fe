"""Signals that end the command: told in one line, whatever it is doing at the time.

Imports nothing heavy, so that it watches before anything else is imported.
"""

import os
import signal
from types import FrameType

__all__ = ["arrived", "release", "status", "watch", "words"]

# What a person is told, by the signal's name; not every system has all of them.
_WORDS = {"SIGINT": "Interrupted.", "SIGTERM": "Terminated.", "SIGHUP": "The terminal went away."}
_WATCHED = tuple(getattr(signal, name) for name in _WORDS if hasattr(signal, name))

_arrived: list[signal.Signals] = []


def watch() -> None:
    """From now on each of them raises KeyboardInterrupt, and is remembered.

    So folders that are half written are removed and child processes ended, whichever
    it was. What was ignored, as by nohup, stays so. Remembered, since native
    modules turn an interrupt of their import into other errors. For the process of the
    command alone: handlers are the whole process's.
    """
    owner = os.getpid()

    def handle(number: int, _: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child ends as if nobody had watched
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        _arrived.append(signal.Signals(number))
        raise KeyboardInterrupt

    for number in _WATCHED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def release() -> None:
    """From now on each of them ends the process at once, without a traceback."""
    for number in _WATCHED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def arrived() -> bool:
    """Whether one of them came since ``watch``."""
    return bool(_arrived)


def words() -> str:
    """What to say of the last one; of an interrupt where none came."""
    return _WORDS[_last().name]


def status() -> int:
    """The exit status that shells give for the last one, 130 for an interrupt."""
    return 128 + _last()


def _last() -> signal.Signals:
    return _arrived[-1] if _arrived else signal.SIGINT
