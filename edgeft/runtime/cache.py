"""The user's cache folder: saved measurements and engines compiled for this machine."""

import os
import stat
import sys
from pathlib import Path

from edgeft.errors import OutputError

__all__ = ["cache_folder", "private_folder"]


def cache_folder() -> Path:
    """Where edgeft keeps what can be made anew; nothing is created.

    EDGEFT_CACHE names another place; one that cannot be a folder, such as /dev/null,
    means that nothing is kept. Else the system's own: XDG_CACHE_HOME or
    ~/.cache (XDG Base Directory Specification), ~/Library/Caches, %LOCALAPPDATA%.
    Raises OutputError where that is in a home folder and the system knows of none,
    as in a container whose user has no name.
    """
    try:
        if named := os.environ.get("EDGEFT_CACHE"):
            return Path(named).expanduser()
        if sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        elif sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise OutputError(
            "There is no place for a cache: the system knows no such home folder.",
            hint="Name a folder with the environment variable EDGEFT_CACHE.",
        ) from None
    return base / "edgeft"


def private_folder(*names: str) -> Path:
    """A folder below the cache that only its user can enter (mode 0700), made where missing.

    Raises OutputError where it cannot be made, has no place, or belongs to or can be
    written by somebody else: what lies in it is loaded and run.
    """
    folder = cache_folder()
    _make_private(folder)
    for name in names:
        folder = folder / name
        _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(folder):
            raise OutputError(
                f"The cache folder {folder} can be written by others than you.",
                hint="Remove it, or name another with the environment variable EDGEFT_CACHE.",
            )
        if hasattr(os, "getuid") and stat.S_IMODE(folder.lstat().st_mode) != 0o700:
            folder.chmod(0o700)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(
            f"The cache folder {folder} cannot be made: {reason}.",
            hint="Name another place with the environment variable EDGEFT_CACHE.",
        ) from error


def _is_own(folder: Path) -> bool:
    """Whether nobody but the user can write a folder, where the system tells."""
    if not hasattr(os, "getuid"):
        return True
    facts = folder.lstat()
    foreign = not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid()
    return not foreign and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
