"""Text in Markdown: as it is, in a table, with its article."""

import html
import re
from collections.abc import Sequence

__all__ = ["an", "escape", "labels_told", "table"]

MOST_LABELS = 200  # that a card lists

_SPECIAL = re.compile(r"([\\`*_{}\[\]()!|~$:])")


def escape(text: str) -> str:
    """``text`` as Markdown that shows it as it is, on one line, in a table too.

    Not for the start of a line, where "#" and "-" mean something else.
    """
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def an(words: str) -> str:
    """The words with the article that they are spoken with."""
    return f"an {words}" if words.startswith((*"aeiouAEIOF", "nDCG")) else f"a {words}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what stands in its cells is Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def labels_told(labels: Sequence[str]) -> str:
    """The labels of a model in the order of its logits; of very many the first."""
    shown = ", ".join(map(escape, labels[:MOST_LABELS]))
    if len(labels) <= MOST_LABELS:
        return f"In the order of the logits: {shown}."
    return (
        f"In the order of the logits, the first {MOST_LABELS} of {len(labels):,}, which "
        f"config.json names: {shown} …"
    )
