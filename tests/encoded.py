"""Encoded texts of one part, and a model's logits: for what looks only at these."""

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


def logits_for(model: edgeft.Model, texts: Sequence[str], **how: Any) -> Array:
    """The (N, C) logits that a model gives for N texts."""
    return dense(model.outputs(texts, **how)[1], "logits")
