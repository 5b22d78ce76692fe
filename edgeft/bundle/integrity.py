"""Whether a bundle's files are the recorded ones, and stay inside the bundle. Stdlib only."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Literal

from edgeft.errors import BundleError, IntegrityError

__all__ = [
    "AGAIN",
    "FileRecord",
    "Verify",
    "check_record",
    "check_files",
    "check_open",
    "confined",
    "leaves",
    "open_file",
    "open_regular",
    "path_of",
    "record_of",
    "sha256_of",
]

Verify = Literal["full", "fast", "off"]

AGAIN = "Copy the bundle again from where it was made, or export it anew."
OPEN_FILES = Path("/proc/self/fd")  # where Linux lets an open file be opened once more


@dataclass(frozen=True)
class FileRecord:
    """What a file of the bundle must be."""

    sha256: str
    bytes: int


def record_of(path: Path) -> FileRecord:
    """The record of a file as it is now."""
    with path.open("rb") as stream:
        return FileRecord(sha256_of(stream), os.fstat(stream.fileno()).st_size)


def check_files(
    folder: Path, records: Mapping[str, FileRecord], names: Iterable[str], *, verify: Verify
) -> None:
    """Compare files with their records; see ``check_open``. Raises BundleError, IntegrityError."""
    for name in names:
        check_record(folder, records, name, verify=verify)


def check_record(
    folder: Path, records: Mapping[str, FileRecord], name: str, *, verify: Verify
) -> None:
    """Compare one file with its record. Raises BundleError, IntegrityError."""
    with open_file(folder, name) as stream:
        check_open(stream, folder / name, records.get(name), verify=verify)


def check_open(
    stream: BufferedReader, path: Path, record: FileRecord | None, *, verify: Verify
) -> None:
    """Compare an open file with its record and rewind it.

    verify: "full" compares size and sha256, "fast" the size, "off" nothing.
    ``path`` is what the message calls it. Raises IntegrityError.
    """
    if record is None:
        raise IntegrityError(f"{path} is not listed in the manifest.", hint=AGAIN)
    if verify == "off":
        return
    size = os.fstat(stream.fileno()).st_size
    if size != record.bytes:
        raise IntegrityError(
            f"{path} has {size} bytes where {record.bytes} were recorded.", hint=AGAIN
        )
    if verify == "full" and sha256_of(stream) != record.sha256:
        raise IntegrityError(f"{path} does not have the recorded sha256.", hint=AGAIN)
    stream.seek(0)


def open_file(folder: Path, name: str) -> BufferedReader:
    """Open a bundle's file, which must be an ordinary one inside the bundle.

    Raises BundleError where it is not, IntegrityError where it cannot be opened.
    """
    path = confined(folder, name)
    try:
        return open_regular(path)
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read: {error.strerror}.", hint=AGAIN) from None


def open_regular(path: Path) -> BufferedReader:
    """Open an ordinary file for reading. Raises IntegrityError for any other, OSError."""
    if stat.S_ISREG(path.stat().st_mode):  # opening a device may already do something
        with ExitStack() as closing:
            stream = closing.enter_context(open(path, "rb", opener=_open_at_once))
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # it may have been replaced
                closing.pop_all()
                return stream
    raise IntegrityError(f"{path} is not a file.", hint=AGAIN)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer


def path_of(stream: BufferedReader, path: Path) -> Path:
    """A path under which a library gets the very file that is open here.

    On Linux that is the open file itself, so what is loaded is what was hashed
    even if ``path`` is replaced meanwhile; elsewhere it is ``path``.
    """
    if sys.platform == "linux" and OPEN_FILES.is_dir():
        return OPEN_FILES / str(stream.fileno())
    return path


def confined(folder: Path, name: str) -> Path:
    """The path of a bundle's file; raises BundleError where it would leave the folder.

    A symbolic link may lead to another place inside the folder, or, as in the
    Hub's cache, from models--…/snapshots/REVISION to models--…/blobs.
    """
    if leaves(name):
        raise BundleError(f"The manifest in {folder} names {name!r}, which leaves the folder.")
    path = folder / PurePosixPath(name)
    try:
        root, target = folder.resolve(), path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name with NUL
        raise BundleError(f"{str(path)!r} leads nowhere: {error}.", hint=AGAIN) from None
    if target.is_relative_to(root):
        return path
    repository = root.parent.parent
    in_hub_cache = root.parent.name == "snapshots" and repository.name.startswith("models--")
    if in_hub_cache and target.is_relative_to(repository / "blobs"):
        return path
    raise BundleError(
        f"{path} is a link that leaves the folder.", hint="Put the file itself in its place."
    )


def leaves(name: str) -> bool:
    """Whether a relative path, by its name alone, leads out of the folder or is a system's own."""
    parts = PurePosixPath(name)
    return parts.is_absolute() or ".." in parts.parts or "\\" in name or ":" in name


def sha256_of(stream: BufferedReader) -> str:
    """The sha256 of the rest of a binary stream, as lower-case hex."""
    return hashlib.file_digest(stream, "sha256").hexdigest()
