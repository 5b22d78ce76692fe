"""From texts to token ids, without padding."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from edgeft.errors import BundleError, UsageError
from edgeft.normalize import normalizer

__all__ = ["Encoded", "TextEncoder", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a long text: its ids, and how many of its tokens no earlier part has."""

    ids: list[int]
    fresh: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as token ids, special tokens included.

    ``truncated`` says that the text was longer than the model takes, by
    ``cut`` tokens; ``unknown_share`` is the share, 0 to 1, of the kept tokens
    that the vocabulary lacks, special tokens not counted. ``windows`` are the
    parts of a text that was split instead of cut; else it is empty.
    """

    ids: list[int]
    truncated: bool
    unknown_share: float
    cut: int = 0
    windows: tuple[Window, ...] = ()

    @property
    def rows(self) -> list[list[int]]:
        """The ids that the model reads: those of the whole, or of each window."""
        return [window.ids for window in self.windows] if self.windows else [self.ids]


class TextEncoder:
    """A tokenizer that cuts at ``max_length`` tokens and never pads.

    The padding and truncation that tokenizer.json itself may ask for are
    switched off: batches are padded to their own longest text, later.
    """

    def __init__(
        self,
        tokenizer_json: bytes,
        max_length: int,
        normalize: Sequence[str] = (),
        *,
        overlap: int | None = None,
        empty: int = 0,
    ) -> None:
        """With ``overlap`` long texts are split into windows that share so many tokens.

        ``empty`` is the id of a text that has no token at all.

        Raises BundleError where the JSON is no tokenizer, UsageError where an
        overlap leaves a window nothing of its own.
        """
        try:
            self._tokenizer = Tokenizer.from_buffer(tokenizer_json)
        except Exception as error:  # the library raises plain Exception
            raise BundleError(
                f"tokenizer.json cannot be loaded: {error}.",
                hint="Copy the bundle again, or update with: pip install --upgrade tokenizers",
            ) from error
        self._special = self._tokenizer.num_special_tokens_to_add(False)
        if overlap is not None and not 0 <= overlap < max_length - self._special:
            raise UsageError(
                f"Windows of {max_length} tokens cannot overlap by {overlap}.",
                hint=f"Choose from 0 to {max_length - self._special - 1}.",
            )
        self._overlap, self._empty = overlap, empty
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length, stride=overlap or 0)
        self._normalize = normalizer(normalize)
        self._unknown = _unknown_id(json.loads(tokenizer_json)["model"], self._tokenizer)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts in order. Raises TypeError where one is not a str."""
        if len(texts) == 1:
            return [self.encode_one(texts[0])]
        clean = [self._clean(text) for text in texts]
        return [self._wrap(one) for one in self._tokenizer.encode_batch_fast(clean)]

    def encode_one(self, text: str) -> Encoded:
        """Encode one text, the quickest way. Raises TypeError where it is not a str."""
        return self._wrap(self._tokenizer.encode(self._clean(text)))

    def frame(self) -> tuple[list[int], list[int], str]:
        """The special ids before and behind each text, and a token that is sure to exist."""
        encoding = self._tokenizer.encode("a")
        marks = encoding.special_tokens_mask
        begin = marks.index(0) if 0 in marks else len(marks)
        end = begin + sum(1 for mark in marks[begin:] if not mark)
        ids: list[int] = encoding.ids
        known = self._unknown if self._unknown is not None else 0
        return ids[:begin], ids[end:], str(self._tokenizer.id_to_token(known))

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The tokens of ids, by name."""
        return [str(self._tokenizer.id_to_token(one)) for one in ids]

    def _clean(self, text: str) -> str:
        if not isinstance(text, str):
            raise TypeError(f"a text must be a str, not {type(text).__name__}")
        if self._normalize is not None:
            text = self._normalize(text)
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate, such as broken JSON leaves
            text = text.encode("utf-8", "replace").decode()
        return text

    def _wrap(self, encoding: Any) -> Encoded:
        # A tokenizer without special tokens gives an empty text nothing, which no graph can run.
        ids: list[int] = encoding.ids or [self._empty]
        rest = encoding.overflowing
        if rest and self._overlap is not None:
            return self._split([encoding, *rest], self._overlap)
        own = len(ids) - self._special
        cut = sum(len(one.ids) - self._special for one in rest)
        return Encoded(ids, bool(rest), self._unknown_share(ids, own), cut)

    def _split(self, encodings: Sequence[Any], overlap: int) -> Encoded:
        windows, known = [], []
        for at, one in enumerate(encodings):
            marks = zip(one.ids, one.special_tokens_mask, strict=True)
            fresh = [token for token, special in marks if not special][overlap if at else 0 :]
            known += fresh
            windows.append(Window(one.ids, len(fresh)))
        share = self._unknown_share(known, len(known))
        return Encoded(windows[0].ids, False, share, windows=tuple(windows))

    def _unknown_share(self, ids: list[int], own: int) -> float:
        return ids.count(self._unknown) / own if self._unknown is not None and own > 0 else 0.0


def _unknown_id(model: dict[str, Any], tokenizer: Tokenizer) -> int | None:
    """The id that stands for what the vocabulary lacks; None for byte-level vocabularies."""
    if model.get("unk_id") is not None:  # Unigram
        return int(model["unk_id"])
    token = model.get("unk_token")  # WordPiece, WordLevel, BPE
    return tokenizer.token_to_id(token) if token else None
