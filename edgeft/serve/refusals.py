"""What went wrong, as a client is told it: a status, a word that programs read, and a message."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from edgeft.errors import (
    ClosedError,
    DataError,
    DeadlineError,
    EdgeftError,
    OverloadError,
    RunError,
    UsageError,
)

__all__ = ["RETRY", "RefusedError", "refusal_of"]

# What waits is bounded to what is answered in moments, so that is soon enough.
RETRY: Mapping[str, str] = {"Retry-After": "1"}


class RefusedError(EdgeftError):
    """A request that gets no answer.

    ``reason`` is one word for programs, logs and metrics; ``where`` names the place in the body;
    ``beside`` stands beside the error, where there is more to tell.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        hint: str = "",
        where: str = "",
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.reason, self.where = status, reason, where
        self.headers, self.beside = dict(headers or {}), dict(beside or {})


def refusal_of(error: Exception) -> RefusedError:
    """What a client is told of an error. One that nobody expected says nothing of itself."""
    if isinstance(error, RefusedError):
        return error
    if not isinstance(error, EdgeftError):
        return RefusedError(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The server failed; its log says where."
        )
    status, reason = _kind(error)
    headers = RETRY if status in (HTTPStatus.TOO_MANY_REQUESTS, 503) else None
    return RefusedError(status, reason, error.message, hint=_hint(error), headers=headers)


def _kind(error: EdgeftError) -> tuple[int, str]:
    match error:
        case OverloadError():
            return HTTPStatus.TOO_MANY_REQUESTS, "overloaded"
        case DeadlineError():
            return HTTPStatus.GATEWAY_TIMEOUT, "deadline"
        case ClosedError():
            return HTTPStatus.SERVICE_UNAVAILABLE, "restarted"
        case RunError():
            return HTTPStatus.SERVICE_UNAVAILABLE, "engine"
        case DataError() | UsageError():
            return HTTPStatus.UNPROCESSABLE_ENTITY, "input"
        case _:
            return HTTPStatus.SERVICE_UNAVAILABLE, "model"


def _hint(error: EdgeftError) -> str:
    """The next step, where it is the client's: other hints are for who runs the server."""
    return "Try again later." if isinstance(error, RunError) else ""
