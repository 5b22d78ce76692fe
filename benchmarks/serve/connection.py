"""A connection of HTTP/1.1 that stays open, for requests one after the other; no more than that."""

import asyncio
from dataclasses import dataclass

__all__ = ["BrokenError", "Connection", "Reply", "connect"]


class BrokenError(Exception):
    """The connection ended before the whole answer was there. ``begun``: a part of it was."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("in the middle of an answer" if begun else "before an answer")
        self.begun = begun


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. head: the status line and the headers, in small letters."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        """A header's value, empty where there is none."""
        _, found, rest = self.head.partition(b"\r\n" + name + b":")
        return rest.partition(b"\r\n")[0].strip() if found else b""


class Connection(asyncio.Protocol):
    """``stray`` counts bytes that no request asked for, such as an answer given twice."""

    def __init__(self) -> None:
        self.stray = 0
        self.open = False
        self._buffer = b""
        self._wanted = -1  # bytes of the answer in all, once its head is here
        self._head = b""
        self._waiting: asyncio.Future[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.open = True

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Send a request; what comes back. Raises BrokenError."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self.open:
            self._transport.write(request)  # type: ignore[attr-defined]
        else:
            self._waiting.set_exception(BrokenError(begun=False))
        return self._waiting

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.stray += len(data)
            return
        self._buffer += data
        if self._wanted < 0:
            head, found, _ = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._head = head.lower()
            _, found, rest = self._head.partition(b"\r\ncontent-length:")
            size = int(rest.partition(b"\r\n")[0]) if found else 0
            self._wanted = len(head) + 4 + size
        if len(self._buffer) >= self._wanted:
            body = self._buffer[len(self._head) + 4 : self._wanted]
            self.stray += len(self._buffer) - self._wanted
            self._buffer, self._wanted = b"", -1
            self._waiting.set_result(Reply(int(self._head[9:12]), self._head, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BrokenError(begun=bool(self._buffer)))

    def close(self) -> None:
        """End it from here."""
        self._transport.close()


async def connect(host: str, port: int) -> Connection:
    """A new connection. Raises OSError."""
    _, made = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return made
