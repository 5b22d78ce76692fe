"""Runs a start command of the example service and talks to it over a real socket."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

__all__ = ["ask", "serving"]

ANNOUNCED = re.compile(r"Serving .* at http://[\d.]+:(\d+)")
TIMEOUT_S = 30
NONE: Mapping[str, str] = {}


@contextmanager
def serving(command: Sequence[str], folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a service; give its process and port once it says that it serves."""
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            found = ANNOUNCED.search(first)
            assert found, first + process.stderr.read()
            yield process, int(found[1])
        finally:
            process.kill()


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = NONE
) -> tuple[int, dict[str, Any]]:
    """Send one request; give the status and the JSON of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
