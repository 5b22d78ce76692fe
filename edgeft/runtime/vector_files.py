"""Rows of numbers into files that numpy reads, as they come: .npz, or .npy for the rows alone."""

import struct
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import OutputError
from edgeft.folders import new_file

__all__ = ["SUFFIXES", "check_suffix", "write_vectors"]

SUFFIXES = (".npz", ".npy")
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = 128  # bytes of all that stands before the numbers, whatever their count
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can tell; the same in all


def check_suffix(path: Path) -> None:
    """Raise OutputError where a file of that name can hold no vectors."""
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{path}: vectors are written to a file called {' or '.join(SUFFIXES)}.",
            hint=f"Name such a file: {path.with_suffix('.npz').name}",
        )


def write_vectors(
    path: Path,
    like: NDArray[Any],
    groups: Iterable[NDArray[Any]],
    beside: Mapping[str, NDArray[Any]],
) -> int:
    """Write groups of rows, (n, D) each, whole or not at all, in bounded memory; how many rows.

    ``like`` has their width and their kind of numbers. A .npz file holds them as "array", and what
    is ``beside`` them; a .npy file them alone. Raises OutputError.
    """
    check_suffix(path)
    with new_file(path) as place:
        if path.suffix.lower() == ".npy":
            with place.open("wb") as stream:
                return _write(stream, like, groups)
        # A zip file tells the sum of what it holds before that is known: so by way of another file.
        with tempfile.TemporaryFile(dir=place.parent) as rows:
            count = _write(rows, like, groups)
            rows.seek(0)
            with zipfile.ZipFile(place, "w") as archive:
                with _entry(archive, "array") as stream:
                    copyfileobj(rows, stream)
                for name, value in beside.items():
                    with _entry(archive, name) as stream:
                        np.lib.format.write_array(stream, value)
        return count


def _entry(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    return archive.open(zipfile.ZipInfo(f"{name}.npy", LONG_AGO), "w", force_zip64=True)


def _write(stream: IO[bytes], like: NDArray[Any], groups: Iterable[NDArray[Any]]) -> int:
    """Rows as a .npy file, whose beginning is written anew once their count is known."""
    stream.write(_header(like, 0))
    count = 0
    for rows in groups:
        stream.write(np.ascontiguousarray(rows, like.dtype).data)
        count += len(rows)
    stream.seek(0)
    stream.write(_header(like, count))
    stream.seek(0, 2)
    return count


def _header(like: NDArray[Any], count: int) -> bytes:
    """What stands before (count, D) numbers: numpy's format 1.0, filled up with blanks."""
    told = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": (count, like.shape[1]),
    }
    room = HEADER - len(MAGIC) - 2
    return MAGIC + struct.pack("<H", room) + f"{told!r:<{room - 1}}\n".encode("latin1")
