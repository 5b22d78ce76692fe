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
def document_with(
    end: str, without_scripts: str, *, page: str = "page", link: str = ""
) -> PageDocument:
    """The page with ``end``, the script that defines ``ask`` and ``WAY`` before all others.

    ``without_scripts`` is what stands there where JavaScript is switched off; ``link`` an element
    at the head that leads elsewhere. ``page``: "page", or "docs" for the one that tells routes.
    """
    folder = files("edgeft.page")
    html, style, script = (
        "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
        for names in (
            (f"{page}.html",),
            dict.fromkeys(("page.css", f"{page}.css")),
            ("common.js", f"{page}.js"),
        )
    )
    script = f"{end}\n{script}"
    html = html.replace("<!--without scripts-->", without_scripts).replace("<!--link-->", link)
    html = html.replace("/*style*/", style).replace("/*script*/", script)
    return PageDocument(html, _digest(style), _digest(script))


def _digest(text: str) -> str:
    found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{found}'"
