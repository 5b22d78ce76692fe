"""What a tokenizer.json says, in the forms that its versions have it. Standard library only."""

from collections.abc import Mapping
from typing import Any

__all__ = ["merges_of", "vocabulary_of"]


def vocabulary_of(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """The model's tokens and ids; added tokens that the model lacks are not among them."""
    vocabulary = tokenizer["model"]["vocab"]
    if isinstance(vocabulary, list):  # Unigram: pieces with their scores
        return {piece: at for at, (piece, _) in enumerate(vocabulary)}
    return dict(vocabulary)


def merges_of(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A BPE's merges in their order; older files write each as one string."""
    pairs = (one.split(" ") if isinstance(one, str) else one for one in model["merges"])
    return [(left, right) for left, right in pairs]
