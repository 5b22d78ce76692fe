"""From texts to token ids, without padding."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from edgeft.errors import BundleError
from edgeft.normalize import normalizer

__all__ = ["Encoded", "TextEncoder"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as token ids, special tokens included.

    ``truncated`` says that the text was longer than the model takes;
    ``unknown_share`` is the share, 0 to 1, of the kept tokens that the
    vocabulary lacks, special tokens not counted.
    """

    ids: list[int]
    truncated: bool
    unknown_share: float


class TextEncoder:
    """A tokenizer that cuts at ``max_length`` tokens and never pads.

    The padding and truncation that tokenizer.json itself may ask for are
    switched off: batches are padded to their own longest text, later.
    """

    def __init__(
        self, tokenizer_json: bytes, max_length: int, normalize: Sequence[str] = ()
    ) -> None:
        """Raises BundleError where the JSON is no tokenizer."""
        try:
            self._tokenizer = Tokenizer.from_buffer(tokenizer_json)
        except Exception as error:  # the library raises plain Exception
            raise BundleError(
                f"tokenizer.json cannot be loaded: {error}.",
                hint="Copy the bundle again, or update with: pip install --upgrade tokenizers",
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._normalize = normalizer(normalize)
        self._special = self._tokenizer.num_special_tokens_to_add(False)
        self._unknown = _unknown_id(json.loads(tokenizer_json)["model"], self._tokenizer)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts in order. Raises TypeError where one is not a str."""
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text must be a str, not {type(text).__name__}")
        if self._normalize is not None:
            texts = [self._normalize(text) for text in texts]
        # A lone surrogate, such as broken JSON leaves, has no UTF-8 form.
        clean = [
            text if _encodable(text) else text.encode("utf-8", "replace").decode() for text in texts
        ]
        if len(clean) == 1:
            return [self._wrap(self._tokenizer.encode(clean[0]))]
        return [self._wrap(one) for one in self._tokenizer.encode_batch_fast(clean)]

    def _wrap(self, encoding: Any) -> Encoded:
        ids: list[int] = encoding.ids
        own = len(ids) - self._special
        unknown = ids.count(self._unknown) / own if self._unknown is not None and own > 0 else 0.0
        return Encoded(ids, bool(encoding.overflowing), unknown)


def _unknown_id(model: dict[str, Any], tokenizer: Tokenizer) -> int | None:
    """The id that stands for what the vocabulary lacks; None for byte-level vocabularies."""
    if model.get("unk_id") is not None:  # Unigram
        return int(model["unk_id"])
    token = model.get("unk_token")  # WordPiece, WordLevel, BPE
    return tokenizer.token_to_id(token) if token else None


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
