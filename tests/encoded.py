"""Encoded texts of one part, for what looks only at their ids."""

from collections.abc import Iterable

from edgeft.tasks.encoded import Encoded, Part


def encoded(ids: Iterable[int], unknown_share: float = 0.0, *, truncated: bool = False) -> Encoded:
    """A text of one part, without special tokens."""
    own = list(ids)
    part = Part(own, range(len(own)), len(own))
    return Encoded((part,), truncated, unknown_share)
