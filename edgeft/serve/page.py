"""The pages of a server: their documents, and the headers that go with them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from edgeft.page.document import PageDocument, document_with

__all__ = ["docs_page", "try_page"]

WITHOUT_SCRIPTS = "This page needs JavaScript. POST /v1/predict answers without it."
WITHOUT_DOCS = "This page needs JavaScript. GET /openapi.json tells the same without it."
LINK = '<p><a href="docs">All routes of this server</a></p>'

Page = tuple[bytes, Mapping[str, str]]


@cache
def try_page() -> Page:
    """The page at "/", and its headers."""
    return _served(document_with(_server(), WITHOUT_SCRIPTS, link=LINK))


@cache
def docs_page() -> Page:
    """The page at "/docs", and its headers."""
    return _served(document_with(_server(), WITHOUT_DOCS, page="docs"))


def _server() -> str:
    return files("edgeft.page").joinpath("server.js").read_text(encoding="utf-8")


def _served(page: PageDocument) -> Page:
    """A document, and its headers.

    Its policy lets run what stands in it, by its digest, and connect to this server alone.
    """
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
