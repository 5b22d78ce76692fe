"""A finished folder takes its place at once, and what a kill left is cleared at the next start."""

import ctypes
import os
import sys
from pathlib import Path

from edgeft.folders.disk import remove, sync
from edgeft.folders.names import leftovers_of, spare

__all__ = ["clear_leftovers", "discard", "replace_folder"]

AT_CWD = -100  # AT_FDCWD of fcntl.h
EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2(2), RENAME_SWAP of macOS's renamex_np(2)


def replace_folder(source: Path, destination: Path) -> None:
    """Rename ``source`` to ``destination``, in place of a folder that stands there.

    Where the system can exchange two names, one of the two folders stands there
    at every moment. Else the old one is moved aside first; if the process dies
    between, ``clear_leftovers`` brings it back. Raises OSError, and then the old
    one is in place.
    """
    if not destination.exists():
        source.rename(destination)
        sync(destination.parent)
        return
    if _exchange(source, destination):
        sync(destination.parent)
        discard(source, destination)
        return
    aside = spare(destination, "old")
    destination.rename(aside)
    try:
        source.rename(destination)
    except BaseException:
        aside.rename(destination)
        raise
    sync(destination.parent)
    discard(aside, destination)


def discard(folder: Path, destination: Path) -> None:
    """Delete a folder beside ``destination``; if the process dies, the next one goes on."""
    gone = spare(destination, "gone")
    folder.rename(gone)
    remove(gone)


def clear_leftovers(destination: Path) -> None:
    """Bring back what a killed process had moved aside, and delete what it left unfinished.

    Only for who holds the destination's lock: all that is found is a dead process's.
    """
    found = leftovers_of(destination)
    for aside in found["old"]:
        if destination.exists():
            remove(aside)
        else:
            aside.rename(destination)
    for path in (*found["new"], *found["gone"]):
        remove(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where this system or disk cannot."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        first, second = os.fsencode(one), os.fsencode(other)
        if sys.platform == "linux":
            done = library.renameat2(AT_CWD, first, AT_CWD, second, EXCHANGE)
        elif sys.platform == "darwin":
            done = library.renamex_np(first, second, EXCHANGE)
        else:
            return False
    except (OSError, AttributeError, TypeError):  # a C library without the call
        return False
    return bool(done == 0)
