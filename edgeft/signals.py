"""Signals that end the command: told in one line, whatever it is doing at the time.

Imports next to nothing, so that it watches before anything else is imported.
"""

import _thread
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

__all__ = ["arrived", "begin", "leave", "release", "say", "status", "watch", "words"]

# What a person is told, by the signal's name; not every system has all of them.
_WORDS = {"SIGINT": "Interrupted.", "SIGTERM": "Terminated.", "SIGHUP": "The terminal went away."}
_WATCHED = tuple(getattr(signal, name) for name in _WORDS if hasattr(signal, name))
_IMPORTING = "<frozen importlib"  # the file name of the code that imports
_AGAIN_S = 0.02


class _State:
    """``waiting``: one came while a module was imported. ``again``: what comes now is that one."""

    def __init__(self) -> None:
        self.last: signal.Signals | None = None
        self.begun = self.waiting = self.again = False


_state = _State()


def watch() -> None:
    """From now on each of them is told, and ends the process; what was ignored stays so.

    For the process of the command alone: handlers are the whole process's.
    """
    owner = os.getpid()

    def handle(number: int, frame: "FrameType | None") -> None:
        if os.getpid() != owner:  # a forked child ends as if nobody had watched
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        again, _state.again = _state.again, False
        if again and not _state.waiting:  # it has been heard in another way
            return
        if not again:
            _state.last = signal.Signals(number)
        if not _state.begun or (_state.waiting and not again):
            say()
            os._exit(status())
        if not _is_importing(frame):
            _state.waiting = False
            raise KeyboardInterrupt
        if not _state.waiting:
            _state.waiting = True
            _thread.start_new_thread(_try_again, (signal.Signals(number),))

    for number in _WATCHED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def begin() -> None:
    """From now on each of them raises KeyboardInterrupt, and is remembered.

    So folders that are half written are removed and child processes ended, whichever
    it was. While a module is imported it waits: a native one would print a traceback,
    make another error of it, or swallow it. A second one then ends the process at once.
    """
    _state.begun = True


def leave() -> None:
    """From now on each of them ends the process at once: nothing is left to clean up.

    One that still waits is not raised any more: ``arrived`` tells of it.
    """
    _state.begun = _state.waiting = False


def release() -> None:
    """From now on each of them ends the process at once, without a traceback."""
    _state.waiting = False
    for number in _WATCHED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def arrived() -> bool:
    """Whether one of them came since ``watch``."""
    return _state.last is not None


def words() -> str:
    """What to say of the last one; of an interrupt where none came."""
    return _WORDS[_last().name]


def status() -> int:
    """The exit status that shells give for the last one, 130 for an interrupt."""
    return 128 + _last()


def say() -> None:
    """Say it on stderr, past Python's own stream."""
    try:  # noqa: SIM105  contextlib would have to be read first
        os.write(2, f"{words()}\n".encode())
    except OSError:  # closed or full
        pass


def _last() -> signal.Signals:
    return _state.last or signal.SIGINT


def _is_importing(frame: "FrameType | None") -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            return True
        frame = frame.f_back
    return False


def _try_again(number: signal.Signals) -> None:
    """Let the signal come again until it is heard. Runs in a thread of its own."""
    while True:
        time.sleep(_AGAIN_S)
        if not _state.waiting:
            return
        if not _state.again:  # what it sent last has come: two would be taken for a second one
            _state.again = True
            _thread.interrupt_main(number)
