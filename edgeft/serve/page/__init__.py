"""The page at "/", to try models by hand: one HTML document that fetches nothing but answers."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["try_page"]


@cache
def try_page() -> tuple[bytes, Mapping[str, str]]:
    """The document, and the headers that go with it.

    Its policy lets run what stands in it, by its digest, and connect to this server alone.
    """
    folder = files("edgeft.serve.page")
    html, style, script = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "page.js")
    )
    body = html.replace("/*page.css*/", style).replace("/*page.js*/", script)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_digest(style)}",
            f"script-src {_digest(script)}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return body.encode(), {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{found}'"
