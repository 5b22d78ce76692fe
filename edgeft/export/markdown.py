"""Text in Markdown: as it is, in a table, with its article."""

import html
import re
from collections.abc import Sequence

__all__ = ["an", "escape", "table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]()!|~$:])")


def escape(text: str) -> str:
    """``text`` as Markdown that shows it as it is, on one line, in a table too.

    Not for the start of a line, where "#" and "-" mean something else.
    """
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def an(words: str) -> str:
    """The words with the article that they are spoken with."""
    return f"an {words}" if words[0] in "aeiouAEIOF" else f"a {words}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what stands in its cells is Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
