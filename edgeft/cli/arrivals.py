"""Lines as they arrive: what is here already is answered together, without waiting for more."""

import io
import select
from collections.abc import Iterable, Iterator
from typing import TypeVar

from edgeft.data.source import too_long
from edgeft.data.table import LONGEST_FIELD

__all__ = ["Arrivals", "groups_arriving"]

T = TypeVar("T")
CHUNK = 1 << 20  # bytes; a pipe holds less and gives what it has


class Arrivals(io.BufferedReader):
    """The lines of a byte stream; ``ready`` tells whether the next one is here already."""

    ready = False

    def __iter__(self) -> Iterator[bytes]:
        parts: list[bytes] = []  # of a line whose end has not arrived
        number = 1
        while chunk := self._chunk():
            *lines, rest = chunk.split(b"\n")
            for at, line in enumerate(lines, start=1):
                self.ready = at < len(lines)
                yield b"".join([*parts, line, b"\n"])
                parts.clear()
            number += len(lines)
            parts.append(rest)
            if sum(map(len, parts)) > LONGEST_FIELD:
                raise too_long("stdin", number, LONGEST_FIELD)
        if any(parts):
            yield b"".join(parts)

    def _chunk(self) -> bytes:
        """What has arrived; waits for the first byte, never for more. Empty at the end."""
        while (chunk := self.raw.read(CHUNK)) is None:  # a stream that would not block
            select.select([self.raw], [], [])
        return chunk


def groups_arriving(
    inputs: Iterable[T], *, arrivals: Arrivals | None = None, most: int
) -> Iterator[list[T]]:
    """Group inputs, at most ``most`` together.

    With ``arrivals``, the stream that they are read from, a group ends
    where the next one would have to be waited for.
    """
    group: list[T] = []
    for one in inputs:
        group.append(one)
        if len(group) >= most or (arrivals is not None and not arrivals.ready):
            yield group
            group = []
    if group:
        yield group
