"""What stands before all routes: request ids, the API key, a line of log and a count for each."""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Response

from edgeft.errors import EdgeftError
from edgeft.serve.bodies import Receive, json_bytes
from edgeft.serve.logs import raised_at
from edgeft.serve.refusals import RETRY, RefusedError, refusal_of
from edgeft.serve.service import Service

__all__ = ["KIND", "NOTE", "Front", "Note", "refused_response"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,100}")
OPEN = ("/v2/health/live", "/v2/health/ready", "/", "/docs")  # probes have no key; pages ask for it
NOTE = "edgeft"  # its name in an ASGI scope
KIND = {"Content-Type": "application/json"}
STOPPING = RefusedError(
    HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "The server stops.", hint="Ask another one.",
    headers={**RETRY, "Connection": "close"},
)  # fmt: skip


@dataclass(slots=True)
class Note:
    """What routes tell of a request, for its line of log. ``route`` is a pattern, not a path."""

    id: str
    route: str = "-"
    reason: str = ""
    status: int = 0
    fields: dict[str, Any] = field(default_factory=dict)


class Front:
    """An ASGI application around another one."""

    def __init__(self, app: App, service: Service) -> None:
        self._app, self._service = app, service
        self._counts: dict[tuple[str, int], Callable[[], None]] = {}
        self._seconds: dict[str, Callable[[float], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begin = time.perf_counter()
        headers = dict(scope["headers"])
        found = headers.get(b"x-request-id", b"")
        given = REQUEST_ID.fullmatch(found) is not None
        note = Note(found.decode("ascii") if given else secrets.token_hex(16))
        scope[NOTE] = note

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                note.status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", note.id.encode("ascii")),
                ]
            await send(message)

        try:
            if scope["path"] not in OPEN:
                self._service.check_key(_key(headers))
            await self._app(scope, receive, told)
        except asyncio.CancelledError:
            if note.status or not self._service.draining:
                raise
            answer = refused_response(scope, note, STOPPING, self._service)
            await answer(scope, receive, told)  # there was no time left for it
        except Exception as error:
            if note.status:  # it has begun to be answered
                raise
            answer = refused_response(scope, note, error, self._service)
            await answer(scope, receive, told)
        finally:
            self._end(scope, note, time.perf_counter() - begin)

    def _end(self, scope: Scope, note: Note, seconds: float) -> None:
        metrics, log = self._service.metrics, self._service.log
        key = note.route, note.status
        if key not in self._counts:
            self._counts[key] = metrics.requests.labels(*key).inc
            self._seconds[note.route] = metrics.request_seconds.labels(note.route).observe
        self._counts[key]()
        self._seconds[note.route](seconds)
        if note.reason:
            metrics.errors.labels(note.reason).inc()
        log.tell(
            "request", level="error" if note.status >= 500 else "info", id=note.id,
            method=scope["method"], route=note.route, status=note.status,
            seconds=round(seconds, 6), reason=note.reason or None, **note.fields,
        )  # fmt: skip


def _key(headers: dict[bytes, bytes]) -> bytes | None:
    """The key that a client shows."""
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return key.strip()
    return headers.get(b"x-api-key")


def refused_response(scope: Scope, note: Note, error: Exception, service: Service) -> Response:
    """What a client is told of an error; the log gets the place of one that nobody expected."""
    refusal = refusal_of(error)
    note.reason = refusal.reason
    if not isinstance(error, EdgeftError):
        service.log.tell(
            "unexpected error", level="error", id=note.id, error=type(error).__name__,
            place=raised_at(error),
        )  # fmt: skip
    body = refused_body(refusal, scope["path"], note.id)
    return Response(body, status_code=int(refusal.status), headers={**refusal.headers, **KIND})


def refused_body(refusal: RefusedError, path: str, request_id: str) -> bytes:
    """A refusal as JSON: an object, or one string where the Open Inference Protocol wants that."""
    if path.startswith("/v2"):
        where = f"{refusal.where}: " if refusal.where else ""
        return json_bytes({"error": f"{where}{refusal}"})
    told = {
        "code": refusal.reason,
        "message": refusal.message,
        "hint": refusal.hint,
        "where": refusal.where,
        "request_id": request_id,
    }
    error = {name: one for name, one in told.items() if one}
    return json_bytes({"error": error, **refusal.beside})
