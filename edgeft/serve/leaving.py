"""A client that leaves: what is done for it is given up."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import Request

from edgeft.serve.bodies import ClientGoneError
from edgeft.serve.connections import LEAVING

__all__ = ["unless_gone"]

Result = TypeVar("Result")


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What ``work`` gives; where the client leaves meanwhile it is given up: ClientGoneError."""
    task = asyncio.current_task()
    gone = False

    def leave() -> None:
        nonlocal gone
        gone = True
        if task is not None:
            task.cancel()

    with listening(request, leave):
        try:
            return await work
        except asyncio.CancelledError:
            if gone and task is not None:
                task.uncancel()
                raise ClientGoneError from None
            raise


@contextmanager
def listening(request: Request, leave: Callable[[], None]) -> Iterator[None]:
    """Call ``leave`` once the client leaves, in here.

    Our own connections tell. Another server's are listened to by a task, which costs more.
    """
    leaving: set[Callable[[], None]] | None = request.scope.get(LEAVING)
    if leaving is not None:
        leaving.add(leave)
        try:
            yield
        finally:
            leaving.discard(leave)
        return

    async def listen() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        leave()

    listener = asyncio.get_running_loop().create_task(listen())
    try:
        yield
    finally:
        listener.cancel()
