"""Output folders that appear whole or not at all."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeft.errors import OutputError

__all__ = [
    "apply_umask",
    "check_destination",
    "check_file",
    "fresh_folder",
    "is_write_failure",
    "new_folder",
    "replace_folder",
    "sync_tree",
    "write_file",
]

_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM)


def check_destination(destination: Path, *, force: bool) -> None:
    """Refuse a destination that exists, unless ``force``; raise OutputError."""
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise OutputError(
            f"{destination} exists and is not a folder.",
            hint="Name another folder with -o.",
        )
    if destination.exists() and not force:
        raise OutputError(
            f"{destination} exists already.",
            hint="Name another folder with -o, or replace it with --force.",
        )


@contextmanager
def new_folder(destination: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside ``destination`` and rename it into place.

    The rename happens only when the block ends without an error, after the
    files are synced to disk. With ``force`` an existing folder is moved aside
    first, brought back on failure and deleted last. On any failure the
    temporary folder is removed. Raises OutputError.
    """
    destination = destination.absolute()
    check_destination(destination, force=force)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(
            tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".tmp", dir=destination.parent)
        )
    except OSError as error:
        raise _cannot_write(destination, error) from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())  # mkdtemp makes it 0700
        sync_tree(temporary)
        replace_folder(temporary, destination, force=force)
    except Exception as error:
        if is_write_failure(error):
            raise _cannot_write(destination, error) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def fresh_folder(destination: Path, *, force: bool = False) -> Iterator[None]:
    """Make ``destination`` an empty folder for a block of steps that work inside it.

    With ``force`` an existing folder is moved aside, brought back when the block
    fails and deleted when it ends. A failed block's own files are removed.
    Raises OutputError.
    """
    destination = destination.absolute()
    check_destination(destination, force=force)
    aside = _aside(destination)
    had_one = destination.exists()
    try:
        if had_one:
            destination.rename(aside)
        destination.mkdir(parents=True)
    except OSError as error:
        if aside.exists() and not destination.exists():
            aside.rename(destination)
        raise _cannot_write(destination, error) from error
    try:
        yield
    except BaseException:
        shutil.rmtree(destination, ignore_errors=True)
        if had_one:
            aside.rename(destination)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def replace_folder(source: Path, destination: Path, *, force: bool) -> None:
    """Rename ``source`` to ``destination``; with ``force`` in place of what is there.

    If the rename fails, what was there is put back. Raises OutputError, OSError.
    """
    check_destination(destination, force=force)
    aside = _aside(destination)
    if not destination.exists():
        source.rename(destination)
    else:
        destination.rename(aside)
        try:
            source.rename(destination)
        except BaseException:
            aside.rename(destination)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    _sync(destination.parent)


def check_file(path: Path, *, force: bool) -> None:
    """Refuse a file that exists, unless ``force``, or has no place; raise OutputError."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder.", hint="Name a file.")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already.", hint="Name another file, or use --force.")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"Nothing can be written in {folder}.", hint="Name another file with -o.")


def write_file(path: Path, text: str, *, force: bool = False) -> None:
    """Write a UTF-8 file whole or not at all. Raises OutputError."""
    check_file(path, force=force)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def apply_umask(folder: Path) -> None:
    """Give every file right below ``folder`` the mode that a newly made one has."""
    mode = 0o666 & ~_umask()
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(mode)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below ``folder`` to disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            _sync(Path(root, name))
        _sync(Path(root))


def _sync(path: Path) -> None:
    if sys.platform == "win32":  # neither folders nor read-only handles can be synced there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_write_failure(error: BaseException) -> bool:
    """Whether ``error`` says that the disk refused to take more.

    Libraries wrap the operating system's error in types of their own
    (safetensors, torch, onnx), so the text is looked at too.
    """
    if isinstance(error, OSError) and error.errno in _WRITE_ERRORS:
        return True
    text = str(error)
    return any(os.strerror(code) in text for code in _WRITE_ERRORS)


def _aside(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.{os.getpid()}.old")


def _umask() -> int:
    try:  # os.umask cannot ask without setting, which other threads' new files would feel
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        found = (line for line in status.splitlines() if line.startswith("Umask:"))
        return int(next(found).split()[1], 8)
    except (OSError, StopIteration):
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


def _cannot_write(destination: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(
        f"{destination} could not be written: {reason}.",
        hint="Nothing was changed. Free some space or name another place with -o.",
    )
