"""One run at a time writes to a destination; the lock ends with its process, however that ends."""

import errno
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeft.errors import OutputError
from edgeft.folders.names import lock_of

__all__ = ["locked"]

FAR = 2**30  # the byte that Windows locks: a locked one cannot be read, and the rest tells who
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def locked(destination: Path) -> Iterator[bool]:
    """Hold the lock of ``destination``, whose folder exists; yield whether the disk has locks.

    The lock is a hidden file beside it, which is gone when the block ends. Some
    network disks know no locks: then nothing is held. Raises OutputError where
    another run holds it, OSError where nothing can be written there.
    """
    path = lock_of(destination)
    handle, held = _open(path, destination)
    try:
        yield held
    finally:
        if sys.platform == "win32":  # which deletes no open file
            os.close(handle)
        path.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


def _open(path: Path, destination: Path) -> tuple[int, bool]:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            held = _lock(handle)
            if held is None:
                raise _is_held(destination, handle)
            # Its last holder may have deleted it after it was opened here.
            if held and not _is_still(path, handle):
                os.close(handle)
                continue
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(_who()).encode())
        except BaseException:
            os.close(handle)
            raise
        return handle, held


def _lock(handle: int) -> bool | None:
    """True when locked, None when another has it, False where the disk has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return None if error.errno in HELD else False
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _who() -> dict[str, object]:
    words = [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else []
    if words and words[0] == "__main__.py":
        words[0] = "edgeft"
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": shlex.join(words),
    }


def _is_held(destination: Path, handle: int) -> OutputError:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        one = json.loads(os.read(handle, 65536))
        where = "" if one["host"] == platform.node() else f" on {one['host']}"
        who = f": process {one['pid']}{where}, since {one['since']}, {one['command']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun
        who = ""
    return OutputError(
        f"Another run is writing {destination}{who}.",
        hint="Wait until it has ended, or name another place with -o.",
    )
