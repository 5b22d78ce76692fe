"""Of which word a token is.

A word is one as the tokenizer has it, with two exceptions. Where it parts texts at blanks alone, a
word ends beside punctuation as well. And white space is no word: byte-level tokenizers make one of
a line's end, or of the second of two blanks, and it would part what stands on its two sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.runtime.punctuation import leaves_punctuation, numbers_of, parted
from edgeft.tasks.encoded import Span

__all__ = ["WordRules", "word_rules"]

# All white space, each twice in a row and behind a letter.
BLANKS = "".join(f"a{one}{one}" for one in map(chr, range(0x3001)) if one.isspace())


@dataclass(frozen=True, slots=True)
class WordRules:
    """What is otherwise than a tokenizer has it; there is nothing to do unless one is true.

    glued: it takes a word and the mark behind it for one. blank: it takes white space for a word.
    """

    glued: bool
    blank: bool

    def __bool__(self) -> bool:
        return self.glued or self.blank

    def words(
        self, numbers: list[int], tokens: Sequence[str], offsets: Sequence[Span], text: str
    ) -> list[int]:
        """The number of the word of each of T tokens; -1 for white space, and where it is already.

        ``numbers`` are as ``numbers_of`` gives them, ``offsets`` places in ``text``.
        """
        found = parted(numbers, tokens) if self.glued else numbers
        return _without_blanks(found, offsets, text) if self.blank else found

    def words_in(self, encoding: Any, text: str) -> list[int]:
        """The same for the whole encoding of a text."""
        numbers = numbers_of(encoding)
        return self.words(numbers, encoding.tokens, encoding.offsets, text) if self else numbers


def word_rules(tokenizer: Any) -> WordRules:
    """The rules for a tokenizer of ``tokenizers``, found by what it does."""
    one = tokenizer.encode(BLANKS, add_special_tokens=False)
    numbers = numbers_of(one)
    blank = _without_blanks(numbers, one.offsets, BLANKS) != numbers
    return WordRules(leaves_punctuation(tokenizer), blank)


def _without_blanks(numbers: list[int], offsets: Sequence[Span], text: str) -> list[int]:
    found, begin = list(numbers), 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or numbers[end] != numbers[begin]:
            if not text[offsets[begin][0] : offsets[end - 1][1]].strip():
                found[begin:end] = [-1] * (end - begin)
            begin = end
    return found
