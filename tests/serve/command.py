"""Runs a start command of `edgeft serve` and talks to it over a real socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

__all__ = ["EDGEFT", "at_loopback", "served"]

EDGEFT = (sys.executable, "-m", "edgeft")


def at_loopback(command: Sequence[str], **options: str) -> list[str]:
    """A command on a free port of this machine alone, and at once gone when it is told to end.

    Its options may be two words or one; ``options`` are further ones that it must have, with the
    value that they get.
    """
    words = [part for one in command for part in (one.split("=", 1) if one[:2] == "--" else [one])]
    for name, value in {"port": "0", "host": "127.0.0.1", "drain": "0", **options}.items():
        words[words.index(f"--{name}") + 1] = value
    return words


@contextmanager
def served(
    command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server; give its process and its URL once it is ready. Its log goes on unread."""
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(variables or {})}
    ) as process:
        try:
            assert process.stderr is not None
            url, log = "", []
            for line in process.stderr:
                log.append(line)
                event = json.loads(line)
                url = event.get("url", url)
                if event["event"] == "ready":
                    yield process, url
                    return
            raise AssertionError("".join(log))
        finally:
            process.kill()
