"""What BERT's steps before WordPiece do with each character: asked of the tokenizer itself.

They treat every character by itself, so a table of all of them is what they do. The page needs no
opinion of its own about what Unicode counts as a letter, and newer versions of that move nothing.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

__all__ = ["characters_of"]

HANGUL = range(0xAC00, 0xD7A4)  # syllables, which decompose by rule
SURROGATES = range(0xD800, 0xE000)
BESIDE = "0"  # which no step changes or joins with anything


def characters_of(normalizer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table for a tokenizer with such a ``normalizer`` in its tokenizer.json, JSON-ready.

    Ranges of codes have both ends.

    removed, blank: what goes and what becomes a blank. alone: what gets blanks around it. becomes:
    by character what it turns into otherwise. hangul: whether syllables are taken apart. parts:
    white space between words; marks: what is a word by itself.
    """
    return _table(**{name: one for name, one in normalizer.items() if name != "type"})


@cache
def _table(**settings: Any) -> Mapping[str, Any]:
    letters = [chr(code) for code in range(0x110000) if code not in SURROGATES]
    changed = _normalized(BertNormalizer(**settings), letters)
    taken_apart = {
        one: found
        for one, found in changed.items()
        if ord(one) in HANGUL and found == unicodedata.normalize("NFD", one)
    }
    hangul = len(taken_apart) == len(HANGUL)
    becomes = {
        one: found
        for one, found in changed.items()
        if found not in ("", " ", f" {one} ") and not (hangul and one in taken_apart)
    }
    parts, marks = _parting(letters)
    return {
        "removed": _ranges(one for one, found in changed.items() if found == ""),
        "blank": _ranges(one for one, found in changed.items() if found == " "),
        "alone": _ranges(one for one, found in changed.items() if found == f" {one} "),
        "becomes": becomes,
        "hangul": hangul,
        "parts": _ranges(parts),
        "marks": _ranges(marks),
    }


def _normalized(normalizer: Any, letters: list[str]) -> Mapping[str, str]:
    """What each character becomes, of those that do not stay as they are."""
    others = [one for one in letters if one != BESIDE]
    found = normalizer.normalize_str(BESIDE.join(others)).split(BESIDE)
    return {one: its for one, its in zip(others, found, strict=True) if one != its}


def _parting(letters: list[str]) -> tuple[list[str], list[str]]:
    """Which characters part the words on their sides and go, and which are words."""
    text = "".join(f"{BESIDE}{one}" for one in letters) + BESIDE
    spans = [span for _, span in BertPreTokenizer().pre_tokenize_str(text)]
    whole = {start for start, end in spans if end - start == 1 and start % 2}
    covered = bytearray(len(text))
    for start, end in spans:
        covered[start:end] = b"\1" * (end - start)
    parts = [one for at, one in enumerate(letters) if not covered[2 * at + 1]]
    return parts, [one for at, one in enumerate(letters) if 2 * at + 1 in whole]


def _ranges(characters: Iterable[str]) -> list[list[int]]:
    """Sorted ranges of the codes of characters that are given in order."""
    found: list[list[int]] = []
    for code in map(ord, characters):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found
