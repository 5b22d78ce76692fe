"""An encoder whose tokens' vectors become one vector for a text, in torch.

The pooling is that of sentence-transformers (Reimers and Gurevych, "Sentence-BERT", 2019): the
mean over the tokens, the first token ("cls"), or the last one of the text ("last").
"""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import ModelOutput

from edgeft.checkpoint.sentences import Sentences, write_sentences

__all__ = ["Embedded", "Embedder", "pooled"]

# What divisors have more, so that nothing is divided by 0; beside any other number it is lost.
# (To clip them would be an operator of which onnxruntime cannot tell the shape, and so fuse less.)
TINY_COUNT, TINY_SQUARE = 1e-9, 1e-24


@dataclass
class Embedded(ModelOutput):  # type: ignore[misc]
    """What an ``Embedder`` gives: (B, D) vectors of texts, and (B, T, D) those of tokens.

    ``hidden_states``, where they are asked for, are the encoder's.
    """

    sentence_embedding: Any = None
    last_hidden_state: Any = None
    hidden_states: Any = None


class Embedder(nn.Module):  # type: ignore[misc]
    """An encoder of transformers, and how its tokens' vectors become a text's.

    It stands wherever a model with a head does: what it does not have itself, such as ``config``,
    is the encoder's.
    """

    def __init__(self, encoder: Any, sentences: Sentences) -> None:
        super().__init__()
        self.encoder = encoder
        self.sentences = sentences
        own = inspect.signature(encoder.forward).parameters
        self._typed = "token_type_ids" in own

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> Embedded:
        """(B, T) int64 ids, and 1 where ``attention_mask`` says that a token is the text's."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._typed and token_type_ids is not None:
            feed["token_type_ids"] = token_type_ids
        deep = {"output_hidden_states": True} if output_hidden_states else {}
        said = self.encoder(**feed, **deep)
        tokens = said[0]  # (B, T, D)
        vectors = pooled(tokens, attention_mask, self.sentences.pooling)  # (B, D)
        if self.sentences.unit_length:
            vectors = vectors / ((vectors * vectors).sum(dim=1, keepdim=True) + TINY_SQUARE).sqrt()
        states = said.hidden_states if deep else None
        return Embedded(vectors, tokens, states)

    def write_modules(self, folder: Path, *, max_length: int) -> None:
        """Write beside the encoder's weights how its tokens' vectors become a text's."""
        width = int(self.encoder.config.hidden_size)
        write_sentences(self.sentences, folder, dimensions=width, max_length=max_length)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "encoder":
                raise
            return getattr(self.encoder, name)


def pooled(tokens: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """(B, T, D) vectors of tokens → (B, D), one for each row of the (B, T) mask."""
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "last":
        last = mask.sum(dim=1) - 1  # (B,)
        at = last.clamp(min=0)[:, None, None].expand(-1, 1, tokens.shape[2])
        return tokens.gather(1, at)[:, 0]
    weights = mask[:, :, None].to(tokens.dtype)  # (B, T, 1)
    return (tokens * weights).sum(dim=1) / (weights.sum(dim=1) + TINY_COUNT)
