"""How much of a long text a tokenizer must read for its first tokens to be those of the whole.

A tokenizer takes some 200 bytes of memory for each character, and a model reads
a few hundred tokens. So a long text is cut before it is tokenized, and its
beginning, the head, is taken for the whole where these things show that no more
text could change the tokens that are kept:

- the head ends between two characters that no normalizer joins or reorders;
- normalizers and pre-tokenizers are such that look at most at neighbours, so
  that a longer text only goes on where the head ends;
- behind the kept tokens there is a place that no token can straddle, and behind
  that more tokens than the longest one has characters.

In a tokenizer of whole words (WordPiece) the place is the beginning of a word.
In one of pieces (BPE, Unigram) it is a place such that no text across it is in
the vocabulary: merges and paths on its two sides know nothing of each other.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer

__all__ = ["LONGEST_HEAD", "Heads"]

SHORTEST = 4096  # characters of a head, at least
FOR_EACH = 16  # characters of a head for each token that is kept
GROWTH = 4  # times as much is read where a head does not suffice
# No text is read further than this, unless the model takes many tokens: one that holds fewer
# tokens or that cannot be cut (a single letter again and again) ends here.
LONGEST_HEAD = 1 << 18
MARGIN = 32  # tokens, at least, between the place and the end of a head
SEARCHED = 2048  # characters before its wanted end in which a head may end
TRIED = 64  # places that are looked at, the last first
RUN = 1000  # characters of a word or of white space of which more make no difference

_WORDS = ("WordPiece", "WordLevel")
_NORMALIZERS = frozenset({
    "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled",
    "Prepend", "Replace", "Sequence", "Strip", "StripAccents",
})  # fmt: skip
_PRE_TOKENIZERS = frozenset({
    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation",
    "Sequence", "Split", "UnicodeScripts", "Whitespace", "WhitespaceSplit",
})  # fmt: skip
# Regular expressions that look at most one character beyond what they match: those of white
# space, and how GPT-2, Llama 3 and Qwen 2 split.
_PATTERNS = frozenset({
    r"\s", r"\s+", " +", " {2,}", r"\d", r"\d+", r"\n+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
})  # fmt: skip
# Letters that never join with one another: Latin, Cyrillic, Hebrew, Arabic, Thai consonants,
# kana, Han, Hangul syllables.
_PLAIN = re.compile("[0-9A-Za-zА-яא-תء-غف-يก-ฮぁ-ゖァ-ヺ㐀-䶿一-鿿가-힣]")
_BYTE = re.compile("<0x[0-9A-F]{2}>")
_LONG_WORD = re.compile(rf"(?<![0-9A-Za-z])([0-9A-Za-z]{{{RUN}}})[0-9A-Za-z]+")
_LONG_SPACE = re.compile(rf"(?<![ \t\n\r])([ \t\n\r]{{{RUN}}})[ \t\n\r]+")


class Heads:
    """The heads of texts for one tokenizer that keeps ``kept`` tokens, special ones not counted."""

    def __init__(self, tokenizer: Tokenizer, content: Mapping[str, Any], kept: int) -> None:
        """``content`` is that of tokenizer.json."""
        model = content["model"]
        self._tokenizer = tokenizer
        self._kept = kept
        self._words = model.get("type") in _WORDS
        self._prefix = model.get("continuing_subword_prefix") or ""
        self._known = _looks_at_neighbours(content)
        self._squeezes = _ignores_length(content)
        # Pieces that are found whole may hold characters that are unknown alone; merges may not.
        self._found_whole = model.get("type") == "Unigram" or bool(model.get("ignore_merges"))
        self._unknown = (model.get("unk_id"), tokenizer.token_to_id(model.get("unk_token") or ""))
        self._longest_token = 0  # not counted yet
        self._closed: frozenset[str] = frozenset()
        self.shortest = max(SHORTEST, FOR_EACH * kept)
        self.longest = max(LONGEST_HEAD, self.shortest)

    def sizes(self) -> list[int]:
        """How many characters are tried in turn; a text no longer than the first is read whole."""
        if not self._known:
            return [self.longest]
        sizes = [self.shortest]
        while sizes[-1] < self.longest:
            sizes.append(min(self.longest, GROWTH * sizes[-1]))
        return sizes

    def cut(self, text: str, size: int) -> str:
        """The text up to about ``size`` characters."""
        for at in range(min(size, len(text) - 1), max(0, size - SEARCHED), -1):
            before, behind = text[at - 1], text[at]
            if (behind in " \n\t" and before.isalnum()) or (
                _PLAIN.match(before) and _PLAIN.match(behind)
            ):
                return text[:at]
        return text[:size]

    def squeezed(self, text: str) -> str:
        """The text without most of its longest words and gaps, where that changes no token."""
        if not self._squeezes:
            return text
        return _LONG_SPACE.sub(r"\1", _LONG_WORD.sub(r"\1", text))

    def settled(self, ids: Sequence[int]) -> int:
        """How many of a head's first tokens no text behind it could change.

        0 where that cannot be shown of more tokens than are kept. ``ids`` are all
        of the head, without special ones.
        """
        if not self._known:
            return 0
        if not self._longest_token:
            self._measure_vocabulary()
        last = len(ids) - max(self._longest_token, MARGIN) - 1
        parted = self._begins_word if self._words else self._nothing_straddles
        places = range(last, max(self._kept, last - TRIED), -1)
        return next((at for at in places if parted(ids, at)), 0)

    def _begins_word(self, ids: Sequence[int], at: int) -> bool:
        return not (self._prefix and self._token(ids[at]).startswith(self._prefix))

    def _nothing_straddles(self, ids: Sequence[int], at: int) -> bool:
        """Whether no token of the vocabulary fits a text that reaches across the place ``at``."""
        most = self._longest_token
        begin, end = max(0, at - most), at + most
        left = "".join(self._token(one) for one in ids[begin:at])[-most:]
        right = "".join(self._token(one) for one in ids[at:end])[:most]
        if right[:1] in self._closed and left[-1:] != right[:1]:
            return True
        if self._found_whole and any(map(self._stands_for_others, ids[begin:end])):
            return False
        known = self._tokenizer.token_to_id
        return all(
            known(left[-before:] + right[:behind]) is None
            for before in range(1, len(left) + 1)
            for behind in range(1, min(most - before, len(right)) + 1)
        )

    def _stands_for_others(self, one: int) -> bool:
        return one in self._unknown or _BYTE.fullmatch(self._token(one)) is not None

    def _token(self, one: int) -> str:
        return str(self._tokenizer.id_to_token(one))

    def _measure_vocabulary(self) -> None:
        """The longest token's characters, and which mark of a blank is only at a token's front."""
        tokens = list(self._tokenizer.get_vocab())
        self._longest_token = max(map(len, tokens), default=1)
        self._closed = frozenset(
            mark for mark in "Ġ▁" if not any(mark in one.lstrip(mark) for one in tokens)
        )


def _looks_at_neighbours(content: Mapping[str, Any]) -> bool:
    """Whether every step of the tokenizer is one whose reach is known."""
    model = content["model"]
    if model.get("type") == "BPE" and (
        model.get("continuing_subword_prefix") or model.get("dropout")
    ):
        return False
    if model.get("type") not in (*_WORDS, "BPE", "Unigram"):
        return False
    return all(
        step["type"] in known and _pattern_is_known(step)
        for part, known in (("normalizer", _NORMALIZERS), ("pre_tokenizer", _PRE_TOKENIZERS))
        for step in _steps(content.get(part))
    )


def _pattern_is_known(step: Mapping[str, Any]) -> bool:
    pattern = step.get("pattern")
    if not isinstance(pattern, dict) or "Regex" not in pattern:
        return True
    return pattern["Regex"] in _PATTERNS


def _steps(step: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """A step and those within it."""
    if step is None:
        return []
    inner = [*step.get("normalizers", ()), *step.get("pretokenizers", ())]
    return [step, *(one for part in inner for one in _steps(part))]


def _ignores_length(content: Mapping[str, Any]) -> bool:
    """Whether a word of RUN letters is as unknown as a longer one, and so with white space.

    So it is where BERT's steps meet WordPiece, unless an added token could lie
    within such a word.
    """
    model = content["model"]
    return (
        model.get("type") == "WordPiece"
        and model["max_input_chars_per_word"] < RUN
        and [one["type"] for one in _steps(content.get("normalizer"))] in ([], ["BertNormalizer"])
        and [one["type"] for one in _steps(content.get("pre_tokenizer"))] == ["BertPreTokenizer"]
        and not any(
            one["content"][:1].isalnum() or one["content"][:1].isspace()
            for one in content.get("added_tokens", ())
        )
    )
