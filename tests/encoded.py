"""Encoded texts of one part, and a model's logits: for what looks only at these."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import edgeft
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.outputs import Array, dense


def encoded(ids: Iterable[int], unknown_share: float = 0.0, *, truncated: bool = False) -> Encoded:
    """A text of one part, without special tokens."""
    own = list(ids)
    part = Part(own, range(len(own)), len(own))
    return Encoded((part,), truncated, unknown_share)


def parts(*rows: Iterable[int]) -> list[Part]:
    """Parts of these ids, as an engine is given them."""
    return [one.parts[0] for one in map(encoded, rows)]


def logits_for(model: edgeft.Model, texts: Sequence[str], **how: Any) -> Array:
    """The (N, C) logits that a model gives for N texts."""
    return dense(model.outputs(texts, **how)[1], "logits")


WORD = re.compile(r"\w+|[^\w\s]")


def in_pieces(text: str, *, most: int = 0, overlap: int = 0, piece: int = 3) -> Encoded:
    """A text between two special tokens, its words in pieces of so many characters.

    With ``most`` it is read in windows of so many tokens of its own.
    """
    tokens = [
        (word, (start, min(start + piece, found.end())))
        for word, found in enumerate(WORD.finditer(text))
        for start in range(found.start(), found.end(), piece)
    ]
    step = (most or len(tokens) + 1) - overlap
    parts, read = [], 0
    for begin in range(0, max(len(tokens) - overlap, 1), step):
        some = tokens[begin : begin + step + overlap]
        parts.append(
            Part(
                ids=[101, *(1000 + start % 900 for _, (start, _) in some), 102],
                own=range(1, 1 + len(some)),
                fresh=begin + len(some) - read,
                offsets=[(0, 0), *(span for _, span in some), (0, 0)],
                words=[-1, *(word for word, _ in some), -1],
            )
        )
        read = begin + len(some)
    return Encoded(tuple(parts))
