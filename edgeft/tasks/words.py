"""The words of encoded texts, wherever windows part them. numpy only.

A word is a run of tokens with one number; what has none, such as white space, is no word.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.encoded import Encoded, Part, Span

__all__ = [
    "Word",
    "WordTokens",
    "cut_spans",
    "first_pieces",
    "is_mark",
    "own_spans",
    "text_of",
    "trimmed",
    "word_at",
    "word_tokens",
    "words_of",
]

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WordTokens:
    """The W words of N texts, one text behind the other: the K tokens that they consist of.

    at: (K,) which they are of all own tokens of the texts. text: (K,) of which text each is.
    place: (K,) which it is of that text's own tokens. firsts: (W,) where in these words begin.
    """

    at: Ids
    text: Ids
    place: Ids
    firsts: Ids

    @property
    def lasts(self) -> Ids:
        """(W,) where words end: at their last tokens."""
        return np.append(self.firsts[1:], len(self.at))[: len(self.firsts)] - 1


def word_tokens(encoded: Sequence[Encoded]) -> WordTokens:
    """The words of N texts."""
    sizes = np.array([sum(part.fresh for part in one.parts) for one in encoded], np.int64)  # (N,)
    total = int(sizes.sum())  # S
    parts = (part for one in encoded for part in one.parts)
    numbers = np.fromiter(chain.from_iterable(map(_numbers, parts)), np.int64, total)
    text = np.repeat(np.arange(len(sizes)), sizes)  # (S,)
    at = np.arange(total)
    place = at - np.repeat(np.cumsum(sizes) - sizes, sizes)
    if (numbers < 0).any():
        at = np.flatnonzero(numbers >= 0)  # (K,)
        numbers, text, place = numbers[at], text[at], place[at]
    new = np.ones(len(at), np.bool_)
    new[1:] = (numbers[1:] != numbers[:-1]) | (text[1:] != text[:-1])
    return WordTokens(at, text, place, np.flatnonzero(new))


def _numbers(part: Part) -> list[int]:
    """The number of the word of each own token that no earlier part has."""
    assert part.words is not None, "the parts know no words"
    return part.words[part.own.stop - part.fresh : part.own.stop]


def own_spans(one: Encoded) -> list[Span]:
    """The characters of each own token."""
    found: list[Span] = []
    for part in one.parts:
        assert part.offsets is not None, "the parts know no offsets"
        found += part.offsets[part.own.stop - part.fresh : part.own.stop]
    return found


@dataclass(slots=True)
class Word:
    """A word: where it stands in the text, without white space at its ends, and its first token.

    ``token`` is counted among the own tokens of the whole text.
    """

    start: int
    end: int
    token: int


def words_of(encoded: Encoded, text: str) -> list[Word]:
    """The words of a text, in order."""
    found, spans = word_tokens([encoded]), own_spans(encoded)
    firsts, lasts = found.place[found.firsts].tolist(), found.place[found.lasts].tolist()
    return [
        Word(*trimmed(text, spans[first][0], spans[last][1]), first)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends; one of white space alone is empty."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def first_pieces(encoded: Encoded, words: Sequence[Word]) -> Iterator[tuple[Part, list[int]]]:
    """Each part, and for each of its tokens which word's first piece it is, -1 for no word's."""
    of = {word.token: at for at, word in enumerate(words)}
    behind = 0  # own tokens of the parts before
    for part in encoded.parts:
        begin = behind - (len(part.own) - part.fresh)
        found = [-1] * len(part.ids)
        for at, place in enumerate(part.own, start=begin):
            found[place] = of.get(at, -1)
        behind += part.fresh
        yield part, found


def cut_spans(encoded: Encoded, text: str, spans: Sequence[tuple[int, int, Any]]) -> int:
    """How many of the spans begin or end inside a word, so that no answer can be theirs."""
    words = words_of(encoded, text)
    starts, ends = {word.start for word in words}, {word.end for word in words}
    read = max(ends, default=0)
    return sum(
        end <= read and not (start in starts and end in ends)
        for start, end, _ in ((*trimmed(text, one[0], one[1]), one[2]) for one in spans)
    )


def word_at(words: Sequence[Word], spans: Sequence[tuple[int, int, Any]]) -> dict[int, int]:
    """By the place of each word that spans touch that of the first such span.

    ``spans`` are sorted and do not overlap.
    """
    found: dict[int, int] = {}
    at = 0
    for place, word in enumerate(words):
        while at < len(spans) and spans[at][1] <= word.start:
            at += 1
        if at < len(spans) and spans[at][0] < word.end:
            found[place] = at
    return found


def is_mark(one: str) -> bool:
    """Whether a character, or "", is a mark as BERT's tokenizers have it.

    That is all of ASCII that is no letter, digit or blank, and what Unicode has under P.
    """
    if one.isascii():
        return one.isprintable() and not one.isalnum() and one not in ("", " ")
    return unicodedata.category(one).startswith("P")


def text_of(inputs: Sequence[Any], at: int) -> str:
    """The text of an input of a task that takes texts alone."""
    text = inputs[at]
    assert isinstance(text, str), "entities are found in a text"
    return text
