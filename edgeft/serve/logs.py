"""Structured logs: a JSON object a line, written by a thread: no request waits for a disk."""

import json
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["Log", "raised_at"]

GATHER_S = 0.05  # for which lines gather, unless one tells of a fault: a thread that wakes costs
MOST_LINES = 10_000  # that wait to be written; what comes then is dropped, and counted


class Log:
    """Lines to stderr, or to ``stream``. What cannot be written is dropped and counted.

    It says what happened and to which request, and never what was asked or answered unless the
    caller hands it that.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.dropped = 0
        self._lines: deque[str] = deque()
        self._wake = threading.Condition()
        self._ended = self._at_once = False
        self._thread = threading.Thread(target=self._write, name="edgeft-log", daemon=True)
        self._thread.start()

    def tell(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Note an event. Fields that are None are left out."""
        when = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        found = {"time": when, "level": level, "event": event}
        found |= {name: one for name, one in fields.items() if one is not None}
        line = _ENCODER.encode(found)
        with self._wake:
            if self._ended or len(self._lines) >= MOST_LINES:
                self.dropped += 1
                return
            self._lines.append(line)
            self._at_once |= level != "info"
            if len(self._lines) == 1 or self._at_once:
                self._wake.notify()

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, as long as that takes no longer than ``seconds``."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(seconds)

    def _write(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._lines or self._ended)
                self._wake.wait_for(lambda: self._ended or self._at_once, GATHER_S)
                self._at_once = False
                lines = list(self._lines)
                self._lines.clear()
            if not lines:
                return
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # full, or closed
                self.dropped += len(lines)


_ENCODER = json.JSONEncoder(default=str)  # in ASCII, so that no text can break a line


def raised_at(error: BaseException) -> str:
    """Where an error was raised, without its message, which may quote a text."""
    last = ""
    with suppress(Exception):
        trace = error.__traceback__
        while trace is not None:
            last = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            trace = trace.tb_next
    return last
