"""Connections within bounds: so many at a time, each with a small head that is soon here."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgeft.serve.unsent import left

__all__ = ["LEAVING", "MOST_HEAD", "bounded"]

LEAVING = "edgeft.leaving"  # in an ASGI scope: a set of what to call once the client has left
MOST_HEAD = 64 << 10  # bytes of a request line and its headers


def bounded(most: int, seconds: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, of which at most ``most`` are open.

    A head takes ``seconds`` at most. A client of whose answer nothing moves for as long is let go;
    one that takes it slowly is waited for.
    """

    class Bounded(HttpToolsProtocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._head = 0
            self._in_head = True
            self._late: asyncio.TimerHandle | None = None
            self._stalled: asyncio.TimerHandle | None = None
            self._leaving: set[Callable[[], None]] = set()

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self._late = self.loop.call_later(seconds, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            self._in_time()
            self._taken()
            super().connection_lost(exc)
            for leave in tuple(self._leaving):
                leave()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            cast(dict[str, Any], self.scope)[LEAVING] = self._leaving

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch(left(self.transport))

        def resume_writing(self) -> None:
            self._taken()
            super().resume_writing()

        def data_received(self, data: bytes) -> None:
            if self._in_head:
                self._head += len(data)
            super().data_received(data)
            if not (self._in_head and self._head):  # as mostly: a head comes as a whole
                return
            if self._head > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
            if self._late is None:  # a further request of this connection
                self._late = self.loop.call_later(seconds, self._give_up)

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._in_time()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._in_head, self._head = True, 0

        def _in_time(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _taken(self) -> None:
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None

        def _watch(self, before: tuple[int, int]) -> None:
            self._stalled = self.loop.call_later(seconds, self._look, before)

        def _look(self, before: tuple[int, int]) -> None:
            """Go on waiting where anything of the answer has moved."""
            now = left(self.transport)
            if now == before:
                self.transport.abort()
            else:
                self._watch(now)

        def _give_up(self) -> None:
            self._late = None
            if self._in_head and not self.transport.is_closing():
                self.transport.abort()

    return Bounded
