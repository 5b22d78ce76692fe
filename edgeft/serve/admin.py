"""POST /admin/reload: who may ask for it, and what it tells."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request

from edgeft.serve.refusals import RefusedError
from edgeft.serve.service import Service

__all__ = ["reload_asked"]


async def reload_asked(request: Request, service: Service, names: Sequence[str]) -> dict[str, str]:
    """Load bundles anew; the digest of each.

    Raises RefusedError: 409 where some cannot take over, which tells what became of each; 403 for
    another site's page, which a browser lets ask where it needs to send nothing of its own.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise RefusedError(
            HTTPStatus.FORBIDDEN, "origin", "Pages of other sites may not reload bundles."
        )
    found = await service.reload(names)
    if found.failed:
        why = " ".join(f"{name}: {error.message}" for name, error in found.failed.items())
        others = f" Reloaded: {', '.join(found.done)}." if found.done else ""
        old = [name for name in found.failed if service.models[name].ready]
        stays = f"Still served as before: {', '.join(old)}." if old else "They are not served."
        raise RefusedError(
            HTTPStatus.CONFLICT, "reload", why, hint=stays + others, beside={"models": found.done}
        )
    return dict(found.done)
