"""Logs that cannot be written stop nobody."""

import io
import json

import pytest

from edgeft.serve.logs import Log, raised_at


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_drops_lines_and_counts_them() -> None:
    log = Log(Full())
    for at in range(5):
        log.tell("request", at=at)
    log.close()
    assert log.dropped == 5
    log.tell("too late")
    assert log.dropped == 6


def test_a_line_is_one_object_whatever_it_quotes() -> None:
    stream = io.StringIO()
    log = Log(stream)
    log.tell("request", quoted=["two\nlines", "\u2028 half \ud83d"], nothing=None)
    log.close()
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["quoted"] == ["two\nlines", "\u2028 half \ud83d"]
    assert "nothing" not in line


def test_the_place_of_an_error_is_told_and_not_its_words() -> None:
    with pytest.raises(ValueError, match="zebra") as raised:
        int("zebra")
    assert "test_logs.py:" in raised_at(raised.value)
    assert "zebra" not in raised_at(raised.value)
