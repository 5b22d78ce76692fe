"""The standard streams of the process, as shells leave them: closed, full, never blocking.

Results go to stdout whole or end in an error; notes go to stderr or are lost.
"""

import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from edgeft.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["open_streams"]

LENIENT = ("strict", "surrogateescape")  # what is not the user's choice, by PYTHONIOENCODING


def open_streams() -> None:
    """Replace stdout and stderr by streams that behave; for the process of the command alone.

    A character that the encoding lacks is spelt out as ``\\u4e0a``, and a write waits where
    a stream would not block. Where stderr is closed or takes no more, notes are lost and
    the work goes on. Where stdout takes no more, OutputError is raised, or BrokenPipeError
    where its reader went away. ``sys.stdin`` and ``sys.stdout`` stay None where they are
    closed, but nothing that is opened later gets their numbers.
    """
    _fill_gaps()
    if sys.stderr is None or not _is_windows_console(sys.stderr):
        sys.stderr = _text(_Notes, 2, sys.stderr, "backslashreplace")
    if sys.stdout is not None and not _is_windows_console(sys.stdout):
        # Only the errors that Python chose itself are replaced.
        errors = sys.stdout.errors or "strict"
        errors = "backslashreplace" if errors in LENIENT else errors
        sys.stdout = _text(_Results, 1, sys.stdout, errors)


def _fill_gaps() -> None:
    """Open what is closed, the wrong way round, so that using it is an error.

    As gnulib's "stdopen" does. Else the next file would be the standard stream.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)  # the lowest number that is free: this one
            os.set_inheritable(opened, True)


def _is_windows_console(stream: TextIO) -> bool:
    return sys.platform == "win32" and stream.isatty()  # which has a Unicode writer of its own


def _text(kind: Callable[..., "_Patient"], number: int, old: TextIO | None, errors: str) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(kind(number, "w", closefd=False)),
        encoding=old.encoding if old is not None else "utf-8",
        errors=errors,
        # Python would not buffer at all where PYTHONUNBUFFERED is set.
        line_buffering=number == 2 or _is_unbuffered(old),
    )


def _is_unbuffered(stream: TextIO | None) -> bool:
    return isinstance(stream, io.TextIOWrapper) and (stream.line_buffering or stream.write_through)


class _Patient(io.FileIO):
    """A stream that waits where somebody made it one that does not block."""

    def write(self, data: "ReadableBuffer", /) -> int:
        while (count := super().write(data)) is None:
            select.select([], [self], [])
        return count


class _Results(_Patient):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"The output could not be written: {error.strerror}.") from error


class _Notes(_Patient):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
