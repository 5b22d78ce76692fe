"""Words of tokenizers that part texts at blanks alone (▁), so that "Obama," would be one.

What is told of words, an entity's beginning and end, is told beside punctuation as well, as BERT's
tokenizers part it. A token in which both stand stays whole.
"""

import re
from collections.abc import Sequence
from typing import Any

from edgeft.tasks.words import is_mark

__all__ = ["leaves_punctuation", "numbers_of", "parted"]

BLANK = "▁"
NO_TEXT = re.compile(r"<[^<>]+>")  # special tokens, and bytes as <0xE4>


def leaves_punctuation(tokenizer: Any) -> bool:
    """Whether a tokenizer of ``tokenizers`` takes a word and the mark behind it for one."""
    words = tokenizer.encode("a,b", add_special_tokens=False).word_ids
    return len({one for one in words if one is not None}) == 1


def numbers_of(encoding: Any) -> list[int]:
    """The number of each token's word as the tokenizer has it, -1 for none's."""
    return [-1 if one is None else one for one in encoding.word_ids]


def parted(numbers: Sequence[int], tokens: Sequence[str]) -> list[int]:
    """The words of T tokens numbered anew: one also begins at a blank, a mark, and behind it.

    ``numbers`` are as ``numbers_of`` gives them; where they are -1 they stay.
    """
    found: list[int] = []
    word, before, behind = -1, -1, ""  # behind: the last character that was read of a word
    for number, token in zip(numbers, tokens, strict=True):
        if number < 0:
            found.append(-1)
            continue
        text = "a" if NO_TEXT.fullmatch(token) else token.lstrip(BLANK)
        marked = is_mark(behind) or (is_mark(text[:1]) and behind != BLANK)
        if number != before or token.startswith(BLANK) or marked:
            word += 1
        found.append(word)
        before, behind = number, text[-1:] or BLANK
    return found
