"""What is here is grouped, and a group never waits."""

import io
import os
from itertools import islice
from typing import Any

import pytest

from edgeft.cli import arrivals as room
from edgeft.cli.arrivals import Arrivals
from edgeft.errors import DataError


def groups(arrivals: Arrivals, most: int = 1024) -> "list[list[str]]":
    texts = (line.decode().rstrip("\n") for line in arrivals)
    return list(room.groups_arriving(texts, arrivals=arrivals, most=most))


def pipe() -> tuple[Arrivals, int]:
    read, write = os.pipe()
    return Arrivals(os.fdopen(read, "rb", buffering=0)), write


def test_what_a_pipe_holds_is_one_group() -> None:
    arrivals, write = pipe()
    os.write(write, b"text\n" * 1000)
    os.close(write)
    with arrivals:
        assert groups(arrivals) == [["text"] * 1000]


def test_a_group_ends_where_it_would_wait() -> None:
    arrivals, write = pipe()
    texts = (line.decode() for line in arrivals)
    found = room.groups_arriving(texts, arrivals=arrivals, most=10)
    with arrivals:
        os.write(write, b"one\ntwo\nthr")
        assert next(found) == ["one\n", "two\n"]
        os.write(write, b"ee\n")
        assert next(found) == ["three\n"]
        os.write(write, b"\nlast")
        assert next(found) == ["\n"]
        os.close(write)
        assert list(found) == [["last"]]


def test_a_group_is_bounded() -> None:
    arrivals, write = pipe()
    os.write(write, b"x\n" * 5)
    os.close(write)
    with arrivals:
        assert [len(one) for one in groups(arrivals, most=2)] == [2, 2, 1]


def test_a_line_without_an_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = bytes(len(buffer))
            return len(buffer)

    monkeypatch.setattr(room, "LONGEST_FIELD", 1 << 22)
    with pytest.raises(DataError, match=r"stdin, line 1: it is longer than 4 MiB"):
        next(iter(Arrivals(Endless())))


def test_without_a_stream_only_the_size_counts() -> None:
    endless = iter(lambda: "x", None)
    assert [len(one) for one in islice(room.groups_arriving(endless, most=3), 2)] == [3, 3]
