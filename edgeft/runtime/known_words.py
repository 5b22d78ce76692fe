"""Words whose tokens were asked for before: a text is put together from them.

Where BERT's steps meet WordPiece no token reaches across white space or punctuation, and what a
word becomes depends on nothing around it. So the tokenizer reads each word once, and a text whose
words are all known is a few look-ups instead: its ids are the same, in about a quarter of the time.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

__all__ = ["KnownWords", "Read", "reads_by_word"]

MOST_CHARACTERS = 1 << 17  # of the words that are kept, about 20,000 of them
# Each step treats these apart from all around them: white space, ASCII's punctuation and, where it
# is told to, the Chinese characters of Unicode's main block, which nothing composes or decomposes.
_MARKS = re.escape(string.punctuation)
_WORDS = re.compile(rf"[^ \t\n\r{_MARKS}]+|[{_MARKS}]")
_WORDS_OR_CHINESE = re.compile(rf"[^ \t\n\r{_MARKS}一-鿿]+|[{_MARKS}一-鿿]")


@dataclass(slots=True)
class Read:
    """What is asked of the tokenizers library's Encoding, where places in the text are not.

    ids: of T tokens, ``before`` special ones first and ``behind`` special ones last.
    """

    ids: list[int]
    before: int
    behind: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def special_tokens_mask(self) -> list[int]:
        """For each token 1 where it is a special one, else 0."""
        own = len(self.ids) - self.before - self.behind
        return [1] * self.before + [0] * own + [1] * self.behind


class KnownWords:
    """The ids of texts, by those of their words. Safe to use from many threads."""

    def __init__(
        self,
        content: Mapping[str, Any],
        run: Callable[[Sequence[str], bool], list[Any]],
        pieces: Callable[[Sequence[str]], list[list[int]]],
        before: list[int],
        behind: list[int],
    ) -> None:
        """``content`` is that of a tokenizer.json that ``reads_by_word``.

        ``run`` makes Encodings of texts, with special tokens where told: these ids before and
        behind the text's own. ``pieces`` gives the ids of words that need no step before WordPiece.
        """
        chinese = content["normalizer"]["handle_chinese_chars"]
        self._lower = content["normalizer"]["lowercase"]
        self._split = (_WORDS_OR_CHINESE if chinese else _WORDS).findall
        self._added = [one["content"] for one in content.get("added_tokens", ())]
        self._run, self._pieces = run, pieces
        self._before, self._behind = before, behind
        self._known: dict[str, list[int]] = {}
        self._characters = 0

    def encode(self, texts: Sequence[str], *, special: bool) -> list[Any]:
        """What ``run`` makes of texts, or a Read that tells the same."""
        split = [self._split(text) for text in texts]
        known = self._known  # another thread may begin a new one
        fresh = set(chain.from_iterable(split)).difference(known)
        if fresh:
            known.update(self._learned(fresh))
            self._characters += sum(map(len, fresh))
            if self._characters > MOST_CHARACTERS:
                self._known, self._characters = {}, 0
        before, behind = (self._before, self._behind) if special else ([], [])
        ids_of = known.__getitem__
        return [
            self._run([text], special)[0]
            if self._has_added(text)
            else Read(
                [*before, *chain.from_iterable(map(ids_of, words)), *behind],
                len(before),
                len(behind),
            )
            for text, words in zip(texts, split, strict=True)
        ]

    def _learned(self, words: Iterable[str]) -> dict[str, list[int]]:
        """The ids of words. Of printable ASCII every step before WordPiece leaves all but case."""
        plain: list[str] = []
        others: list[str] = []
        for word in words:
            (plain if word.isascii() and word.isprintable() else others).append(word)
        pieces = self._pieces([word.lower() for word in plain] if self._lower else plain)
        found = dict(zip(plain, pieces, strict=True))
        if others:
            found |= {w: one.ids for w, one in zip(others, self._run(others, False), strict=True)}
        return found

    def _has_added(self, text: str) -> bool:
        """Whether an added token may stand in a text, which is looked for before all steps."""
        return any(one in text for one in self._added)


def reads_by_word(content: Mapping[str, Any]) -> bool:
    """Whether the tokenizer of a tokenizer.json is one of BERT's, and so reads word by word."""
    steps = [(content.get(part) or {}).get("type") for part in ("normalizer", "pre_tokenizer")]
    return (
        steps == ["BertNormalizer", "BertPreTokenizer"]
        and content["model"].get("type") == "WordPiece"
        # Such a token is looked for in the normalized text, where others may make it.
        and not any(one.get("normalized") for one in content.get("added_tokens", ()))
    )
