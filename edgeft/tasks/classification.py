"""One label for each text."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["UNKNOWN", "Classification"]

UNKNOWN = "unknown"  # the label of a text that the model abstains on


@dataclass(frozen=True, slots=True)
class Classification:
    """One text's predicted class.

    ``score`` is the softmax probability of ``label``; ``scores`` holds that of
    every label. Where the model was told to rather abstain, ``abstained`` is True,
    ``label`` is "unknown" and ``score`` that of the label it would
    have given. ``truncated`` says that the text was longer than the model
    takes, so only its beginning was read; ``unknown_share`` is the share of its
    tokens, 0 to 1, that the tokenizer did not know; ``windows`` is the number of
    overlapping parts in which it was read (``on_long="window"``).
    """

    label: str
    score: float
    scores: Mapping[str, float]
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    abstained: bool = False
