"""Flushing to disk, modes, deleting, and what a disk says that takes no more."""

import errno
import os
import shutil
import stat
import sys
from pathlib import Path

from edgeft.errors import OutputError

__all__ = ["apply_umask", "cannot_write", "is_write_failure", "remove", "sync", "sync_tree",
           "umask"]  # fmt: skip

_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM)


def apply_umask(folder: Path) -> None:
    """Give every file right below ``folder`` the mode that a newly made one has."""
    mode = 0o666 & ~umask()
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(mode)


def umask() -> int:
    """The process's mask of modes."""
    try:  # os.umask cannot ask without setting, which other threads' new files would feel
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        found = (line for line in status.splitlines() if line.startswith("Umask:"))
        return int(next(found).split()[1], 8)
    except (OSError, StopIteration):
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below ``folder`` to disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            sync(Path(root, name))
        sync(Path(root))


def sync(path: Path) -> None:
    """Flush one file or folder to disk."""
    if sys.platform == "win32":  # neither folders nor read-only handles can be synced there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, as far as that can be done."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():  # folders that are read-only keep what is in them
        path.chmod(stat.S_IRWXU)
        for root, names, _ in os.walk(path):
            for inner in (Path(root, name) for name in names):
                if not inner.is_symlink():
                    inner.chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)


def is_write_failure(error: BaseException) -> bool:
    """Whether ``error`` says that the disk refused to take more.

    Libraries wrap the operating system's error in types of their own
    (safetensors, torch, onnx), so the text is looked at too.
    """
    if isinstance(error, OSError) and error.errno in _WRITE_ERRORS:
        return True
    text = str(error)
    return any(os.strerror(code) in text for code in _WRITE_ERRORS)


def cannot_write(destination: Path, error: Exception) -> OutputError:
    """The error of a destination that the system refused."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(
        f"{destination} could not be written: {reason}.",
        hint="Nothing was changed. Free some space or name another place with -o.",
    )
