"""The page's parts as one HTML document that fetches nothing but answers."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["PageDocument", "document_with"]


@dataclass(frozen=True)
class PageDocument:
    """A page, and what its style and its script are known by in a policy (Content-Security-Policy).

    style, script: each the source expression of the one inline element.
    """

    html: str
    style: str
    script: str


@cache
def document_with(end: str, without_scripts: str) -> PageDocument:
    """The page with ``end``, the script that defines ``ask`` and ``WAY`` before all others.

    ``without_scripts`` is what stands there where JavaScript is switched off.
    """
    folder = files("edgeft.page")
    html, style, script = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "page.js")
    )
    script = f"{end}\n{script}"
    html = html.replace("<!--without scripts-->", without_scripts)
    html = html.replace("/*page.css*/", style).replace("/*page.js*/", script)
    return PageDocument(html, _digest(style), _digest(script))


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{found}'"
