"""Asks an `edgeft serve`: one file to copy, on Python's standard library.

    from edgeft_client import Client
    Client("http://127.0.0.1:8000").predict(["Shares fell after the report"])

As a program it answers its arguments, or the lines of standard input, one JSON line each:

    python edgeft_client.py http://127.0.0.1:8000 "Shares fell after the report"
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from email.utils import mktime_tz, parsedate_tz
from http.client import HTTPException
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TRY_AGAIN = (429, 503)  # too much at a time, or the model is being loaded


class ServerError(Exception):
    """What the server told: its status (0: there was no answer), one word, and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Client:
    """A server. ``key``: what it asks for; ``tries``: how often a request is sent at most."""

    def __init__(self, url: str, *, key: str = "", timeout_s: float = 30, tries: int = 8) -> None:
        self._url, self._timeout_s, self._tries = url.rstrip("/"), timeout_s, tries
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def predict(self, inputs: list[Any], **wishes: Any) -> list[dict[str, Any]]:
        """A prediction for each input: texts, pairs [a, b], or {"question", "context"}.

        ``wishes``: model="news" where there are several, scores=True, timeout_ms=500. Raises
        ServerError.
        """
        return self._post("/v1/predict", {"inputs": inputs, **wishes})["predictions"]

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = Request(self._url + path, json.dumps(body).encode(), self._headers)
        left = self._tries
        while True:
            left -= 1
            try:
                with urlopen(request, timeout=self._timeout_s) as response:
                    return json.load(response)
            except HTTPError as error:
                if error.code not in TRY_AGAIN or not left:
                    raise _told(error.code, error.read()) from None
                time.sleep(_wait(error.headers.get("Retry-After", "")))
            except (OSError, HTTPException) as error:
                raise ServerError(0, "network", f"{self._url} does not answer: {error}") from None


def _wait(told: str) -> float:
    """What Retry-After says, in seconds or as a date; 1 where it says neither, at most a minute."""
    try:
        seconds = float(told)
    except ValueError:
        try:
            date = parsedate_tz(told)
            seconds = mktime_tz(date) - time.time() if date else 1.0
        except (ValueError, OverflowError):
            seconds = 1.0
    return 1.0 if math.isnan(seconds) else min(max(seconds, 0.0), 60.0)


def _told(status: int, body: bytes) -> ServerError:
    try:
        error = json.loads(body)["error"]
        return ServerError(status, error["code"], error["message"])
    except (ValueError, KeyError, TypeError):  # not of edgeft: a proxy's
        return ServerError(status, "http", f"HTTP {status}")


def main(url: str, texts: Iterable[str]) -> Iterator[str]:
    """Answer texts, 32 a request."""
    client = Client(url, key=os.environ.get("EDGEFT_API_KEY", ""))
    rest = iter(texts)
    while some := list(islice(rest, 32)):
        yield from (json.dumps(one, ensure_ascii=False) for one in client.predict(some))


if __name__ == "__main__":
    try:
        for line in main(sys.argv[1], sys.argv[2:] or (line.rstrip("\n") for line in sys.stdin)):
            print(line)
    except ServerError as error:
        sys.exit(f"{error.status} {error.code}: {error}")
