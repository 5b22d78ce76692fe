"""Files here and in object stores, by fsspec: found, opened, and written whole or not at all."""

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.data.arrow import guarded
from edgeft.errors import DataError, DependencyError, EdgeftError, OutputError, first_line
from edgeft.folders import new_file, write_file

__all__ = ["Folder", "opened", "parquet_files", "reading"]

SUFFIX = ".parquet"
UNFINISHED = "_unfinished-"  # begins what another name is given once it is whole
OURS = re.compile(r"\..+\.[0-9a-f]{8}\.edgeft-new")  # what ``new_file`` had begun
HIDDEN = ("_", ".")  # begin names that readers of folders of Parquet pass over


def parquet_files(source: str) -> list[str]:
    """The Parquet files that a file, a folder with all below it, or a pattern names, sorted.

    Of a folder those that end in .parquet, in no folder whose name begins with "_" or ".". Raises
    DataError where there is none, DependencyError where fsspec lacks a package for such addresses.
    """
    system, path = _at(source)
    with reading(source):
        if any(one in path for one in "*?["):
            found = [one for one in system.glob(path) if system.isfile(one)]
        elif system.isdir(path):
            found = [one for one in system.find(path) if _is_parquet(one, path)]
        elif system.isfile(path):
            found = [path]
        else:
            raise DataError(f"{source} does not exist.", hint="Check the path.")
    if not found:
        raise DataError(
            f"{source} holds no Parquet files.",
            hint="Name a file, a folder whose files end in .parquet, or a pattern in quotes.",
        )
    return [_address(system, one) for one in sorted(found)]


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """A file, open for reading. Raises DataError for whatever the file's system says."""
    system, path = _at(address)
    with (
        reading(address),
        # A file of this machine is read without Python between.
        Path(path).open("rb") if _is_local(system) else system.open(path, "rb") as file,
    ):
        yield file


def reading(source: str) -> AbstractContextManager[None]:
    """Turn whatever a file system or a reader raises in here into one DataError."""
    return guarded(source, hint="Check the address, and what may be read there.")


@dataclass(frozen=True)
class Folder:
    """A folder that is written to, here or in an object store: a path or an address."""

    address: str

    def names(self) -> list[str] | None:
        """The names of what stands in it; None where nothing stands there. Raises OutputError."""
        with self._writing():
            system, path = _at(self.address)
            system.invalidate_cache()
            if system.isfile(path):
                raise OutputError(
                    f"{self.address} is a file.", hint="Name a folder for the parts with -o."
                )
            if not system.isdir(path):
                return None
            found = system.ls(path, detail=False)
            return sorted(one.rstrip("/").rpartition("/")[2] for one in found)

    def holds(self, name: str) -> bool:
        """Whether a file of that name stands in it."""
        with self._writing():
            system, path = _at(self.address)
            system.invalidate_cache()
            return bool(system.exists(f"{path}/{name}"))

    def read(self, name: str) -> bytes:
        """A file of it."""
        with opened(f"{self.address.rstrip('/')}/{name}") as file:
            return bytes(file.read())

    def put(self, name: str, text: str) -> None:
        """Write a text whole or not at all."""
        system, path = _at(self.address)
        if _is_local(system):
            write_file(Path(path, name), text)
            return
        with self.place_for(name) as place:
            place.write_text(text, encoding="utf-8")

    @contextmanager
    def place_for(self, name: str) -> Iterator[Path]:
        """A place of this machine for a file, which stands in the folder once the block ends.

        Whole or not at all: it is given its name when all of it is there. Raises OutputError.
        """
        system, path = _at(self.address)
        if _is_local(system):
            with new_file(Path(path, name)) as place:
                yield place
            return
        handle, made = tempfile.mkstemp(prefix="edgeft-part-")
        os.close(handle)
        try:
            yield Path(made)
            with self._writing():
                system.makedirs(path, exist_ok=True)
                spare = f"{path}/{UNFINISHED}{secrets.token_hex(4)}-{name}"
                system.put_file(made, spare)
                try:
                    system.mv(spare, f"{path}/{name}")
                except FileNotFoundError:  # another run wrote the same, and cleared this
                    if not system.exists(f"{path}/{name}"):
                        raise
        finally:
            Path(made).unlink()

    def clear(self) -> None:
        """Delete what killed workers left unfinished; for when all that is wanted is there."""
        system, path = _at(self.address)
        for name in self.names() or ():
            if name.startswith(UNFINISHED) or OURS.fullmatch(name):
                with suppress(Exception):  # another run cleared it
                    system.rm_file(f"{path}/{name}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except EdgeftError:
            raise
        except Exception as error:
            raise OutputError(
                f"{self.address} cannot be written: {first_line(error).rstrip('.')}.",
                hint="Check the address, and what may be written there.",
            ) from error


def _at(address: str) -> tuple[Any, str]:
    """The file system of an address and the path there; a path that is none is this machine's."""
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        raise DependencyError(
            f"{address} takes a package that is not installed: {first_line(error).rstrip('.')}.",
            hint="Install it, on every machine that works on it.",
        ) from error
    except Exception as error:
        raise DataError(
            f"{address} cannot be opened: {first_line(error).rstrip('.')}.",
            hint="Give a path, or an address such as s3://bucket/folder.",
        ) from error
    return system, str(path)


def _address(system: Any, path: str) -> str:
    return path if _is_local(system) else str(system.unstrip_protocol(path))


def _is_local(system: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(system, LocalFileSystem)


def _is_parquet(path: str, folder: str) -> bool:
    names = path.removeprefix(folder).strip("/").split("/")
    return path.endswith(SUFFIX) and not any(name.startswith(HIDDEN) for name in names)
