"""The page at "/": its document, and the headers that go with it."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from edgeft.page.document import document_with

__all__ = ["try_page"]

WITHOUT_SCRIPTS = "This page needs JavaScript. POST /v1/predict answers without it."


@cache
def try_page() -> tuple[bytes, Mapping[str, str]]:
    """The document, and its headers.

    Its policy lets run what stands in it, by its digest, and connect to this server alone.
    """
    end = files("edgeft.page").joinpath("server.js").read_text(encoding="utf-8")
    page = document_with(end, WITHOUT_SCRIPTS)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {page.style}",
            f"script-src {page.script}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return page.html.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
