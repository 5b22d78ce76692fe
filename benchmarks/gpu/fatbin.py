"""CUDA libraries without the code of the GPUs that are not there.

A CUDA library carries its kernels once for each architecture, in containers that the driver
reads: a header of 16 bytes (u32 magic, u16 version, u16 size of the header, u64 bytes that
follow) and entries, each with a header of its own (u16 kind: 1 PTX, 2 machine code; u16 version;
u32 size of the header; u64 bytes that follow it; the architecture as u32 at byte 28). The
container's header is that of `fatbinary_section.h` in NVIDIA's toolkit; the entries' is as found
in the libraries themselves, and every container has to add up or nothing is changed.

The driver picks an entry by its header. So the code of other architectures can become zeros in
place, which pack to nothing, and the library keeps its layout.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["FatbinError", "keep_architecture"]

MAGIC = struct.pack("<I", 0xBA55ED50)
CONTAINER = struct.Struct("<IHHQ")
ENTRY = struct.Struct("<HHIQ")
ARCHITECTURE_AT = 28
KINDS = (1, 2)  # PTX, machine code


class FatbinError(ValueError):
    """A container that does not add up, or no code for the architecture."""


@dataclass(frozen=True)
class _Entry:
    architecture: int
    begin: int  # of the code, in the library
    end: int


def keep_architecture(library: bytearray, architecture: int) -> dict[int, int]:
    """Fill the code for all but one architecture (90 for sm_90) with zeros, in place.

    Returns the bytes of code that each architecture had. Raises FatbinError, before
    anything is changed, where there is none for the wanted one.
    """
    entries = list(_entries(library))
    sizes: Counter[int] = Counter()
    for one in entries:
        sizes[one.architecture] += one.end - one.begin
    if not sizes[architecture]:
        there = ", ".join(map(str, sorted(sizes))) or "none"
        raise FatbinError(f"no code for architecture {architecture}; there is: {there}")
    for one in entries:
        if one.architecture != architecture:
            library[one.begin : one.end] = bytes(one.end - one.begin)
    return dict(sorted(sizes.items()))


def _entries(library: bytearray) -> Iterator[_Entry]:
    at = library.find(MAGIC)
    while at >= 0:
        end = at + len(MAGIC)
        if at + CONTAINER.size <= len(library):
            _, version, header, size = CONTAINER.unpack_from(library, at)
            if (version, header) == (1, CONTAINER.size):  # else these bytes mean something else
                end = at + header + size
                yield from _entries_of(library, at + header, end)
        at = library.find(MAGIC, end)


def _entries_of(library: bytearray, at: int, end: int) -> Iterator[_Entry]:
    if end > len(library):
        raise FatbinError(f"the container before byte {at} goes beyond the library's end")
    while at < end:
        if at + ARCHITECTURE_AT + 4 > end:
            raise FatbinError(f"the entry at byte {at} is cut short")
        kind, _, header, size = ENTRY.unpack_from(library, at)
        begin = at + header
        if kind not in KINDS or header < ARCHITECTURE_AT + 4 or begin + size > end:
            raise FatbinError(f"the entry at byte {at} does not add up")
        (architecture,) = struct.unpack_from("<I", library, at + ARCHITECTURE_AT)
        yield _Entry(architecture, begin, begin + size)
        at = begin + size
