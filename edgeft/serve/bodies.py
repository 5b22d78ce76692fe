"""A request's body: read within its bounds, and JSON that is what it says."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, NoReturn

from edgeft.serve.admission import Ticket
from edgeft.serve.refusals import RefusedError

__all__ = ["ClientGoneError", "Receive", "json_bytes", "parsed", "read_body"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """There is nobody to answer any more."""


async def read_body(
    receive: Receive, declared: str | None, ticket: Ticket, *, most: int, seconds: float
) -> bytes:
    """The body. ``declared``: its header Content-Length, None where it comes in chunks.

    Raises RefusedError: 413 before more than ``most`` bytes are read, 429 where all bodies
    together are too much, 408 where it takes longer than ``seconds``. ClientGoneError.
    """
    size = int(declared) if declared is not None and declared.isdecimal() else None
    if size is not None:
        _check_size(size, most)
        ticket.take(bytes=size)
    chunks: list[bytes] = []
    read = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                chunk: bytes = message.get("body", b"")
                read += len(chunk)
                _check_size(read, most)
                if size is None:
                    ticket.take(bytes=len(chunk))
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise RefusedError(
            HTTPStatus.REQUEST_TIMEOUT,
            "slow_body",
            f"The body did not arrive within {seconds:g} s.",
            headers={"Connection": "close"},
        ) from None


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            f"A body may have at most {most:,} bytes.",
            hint="Send it in several requests.",
        )


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises RefusedError (400) for what is none by RFC 8259 in UTF-8."""
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8"
    except json.JSONDecodeError as error:
        why = f"line {error.lineno}, column {error.colno}: {error.msg}"
    except RecursionError:
        why = "it is nested too deep"
    except ValueError as error:  # NaN, or a number of thousands of digits
        why = str(error) if "JSON" in str(error) else "a number is too long"
    raise RefusedError(HTTPStatus.BAD_REQUEST, "json", f"The body is no JSON: {why}.")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def json_bytes(document: Any) -> bytes:
    """JSON in UTF-8; half of a pair, which a text can hold and UTF-8 cannot, as an escape."""
    return _ENCODER.encode(document).encode("utf-8", "backslashreplace")


# Made once: json.loads and json.dumps make one for each call that says how.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
