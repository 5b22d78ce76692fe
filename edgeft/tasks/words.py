"""The words of an encoded text, wherever its windows part it. Standard library only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.tasks.encoded import Encoded, Part

__all__ = ["Word", "cut_spans", "first_pieces", "text_of", "word_at", "words_of"]


@dataclass(slots=True)
class Word:
    """A word: where it stands in the text, without white space at its ends, and its first token.

    ``token`` is counted among the own tokens of the whole text.
    """

    start: int
    end: int
    token: int


def words_of(encoded: Encoded, text: str) -> dict[int, Word]:
    """The words of a text by their number, in order."""
    found: dict[int, Word] = {}
    token = 0
    for part in encoded.parts:
        assert part.words is not None, "the parts know no words"
        assert part.offsets is not None, "the parts know no offsets"
        for place in part.own[len(part.own) - part.fresh :]:
            start, end = part.offsets[place]
            word = found.get(part.words[place])
            if word is None:
                found[part.words[place]] = Word(start, end, token)
            else:
                word.end = max(word.end, end)
            token += 1
    for word in found.values():
        word.start, word.end = trimmed(text, word.start, word.end)
    return found


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends; one of white space alone is empty."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def first_pieces(encoded: Encoded, words: dict[int, Word]) -> Iterator[tuple[Part, list[int]]]:
    """Each part, and for each of its tokens the word whose first piece it is, -1 for no word's."""
    behind = 0  # own tokens of the parts before
    for part in encoded.parts:
        assert part.words is not None
        begin = behind - (len(part.own) - part.fresh)
        found = [-1] * len(part.ids)
        for at, place in enumerate(part.own):
            number = part.words[place]
            if words[number].token == begin + at:
                found[place] = number
        behind += part.fresh
        yield part, found


def cut_spans(encoded: Encoded, text: str, spans: Sequence[tuple[int, int, Any]]) -> int:
    """How many of the spans begin or end inside a word, so that no answer can be theirs."""
    words = [word for word in words_of(encoded, text).values() if word.end > word.start]
    starts, ends = {word.start for word in words}, {word.end for word in words}
    read = max(ends, default=0)
    return sum(
        end <= read and not (start in starts and end in ends)
        for start, end, _ in ((*trimmed(text, one[0], one[1]), one[2]) for one in spans)
    )


def word_at(words: dict[int, Word], spans: Sequence[tuple[int, int, Any]]) -> dict[int, int]:
    """By the number of each word that spans touch the place of the first such span.

    ``spans`` are sorted and do not overlap.
    """
    found: dict[int, int] = {}
    at = 0
    for number, word in words.items():
        while at < len(spans) and spans[at][1] <= word.start:
            at += 1
        if at < len(spans) and spans[at][0] < word.end and word.start < word.end:
            found[number] = at
    return found


def text_of(inputs: Sequence[Any], at: int) -> str:
    """The text of an input of a task that takes texts alone."""
    text = inputs[at]
    assert isinstance(text, str), "entities are found in a text"
    return text
