"""Optional normalization of texts, the same in training and in serving.

The chosen steps are recorded in the checkpoint and in the bundle; the runtime
applies them before it tokenizes. They always run in the order of ``STEPS``.
Each takes time in proportion to the text, whatever stands in it.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Literal

from edgeft.errors import UsageError

__all__ = ["STEPS", "normalizer", "parse_steps"]

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_TAG_OR_COMMENT = re.compile(r"<(?:/?[A-Za-z][^<>]*|!--.*?--)>", re.DOTALL)
_LONG_REFERENCE = re.compile(r"&#([0-9]{8,})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]")

Form = Literal["NFC", "NFKC"]
# As many as the Stream-Safe Text Format allows (Unicode Standard Annex 15, section 13); no
# language needs a third of them.
_MOST_MARKS = 30
# Combining marks lie in the first two planes, behind Latin; beyond are ideographs and tags.
_FIRST_MARK, _SECOND_PLANE, _THIRD_PLANE = 0x300, 0x10000, 0x20000
_FIRST_LETTER = 0xC0  # À, the first that is composed of two
_HANGUL = range(0x1160, 0x1200)  # vowels and finals, which join the letter before by rule
_PIECE = 4096  # characters normalized in one go, which stops all other threads


def _markup(text: str) -> str:
    # Behind the last end of a comment, each beginning of one would be looked through to the end.
    end = text.rfind("-->") + len("-->") if "-->" in text else 0
    plain = _TAG_OR_COMMENT.sub(" ", text[:end]) + _TAG.sub(" ", text[end:])
    return html.unescape(_LONG_REFERENCE.sub(_short_reference, plain))


def _short_reference(found: re.Match[str]) -> str:
    """A character's number in at most 8 digits: Python reads no number of thousands.

    The largest character has 7, so what is cut stands for none as before.
    """
    return f"&#{found[1].lstrip('0')[:8] or '0'}"


def _control(text: str) -> str:
    return _CONTROL.sub("", text)


def _whitespace(text: str) -> str:
    return " ".join(text.split())


def _unicode(form: Form, text: str) -> str:
    """What ``unicodedata.normalize`` gives; that sorts a run of marks in time squared."""
    if text.isascii():
        return text
    text = _long_runs(form).sub(partial(_sorted_run, _DECOMPOSED[form]), text)
    pieces, begin = [], 0
    while begin < len(text):
        end = begin + _PIECE
        while end < len(text) and not _begins_anew(form, text[end]):
            end += 1
        pieces.append(unicodedata.normalize(form, text[begin:end]))
        begin = end
    return "".join(pieces)


_DECOMPOSED: dict[Form, Literal["NFD", "NFKD"]] = {"NFC": "NFD", "NFKC": "NFKD"}


def _begins_anew(form: Form, character: str) -> bool:
    """Whether nothing before a character can join or change place with it."""
    first = unicodedata.normalize(_DECOMPOSED[form], character)[0]
    return not unicodedata.combining(first) and first not in _joining()


@lru_cache
def _joining() -> frozenset[str]:
    """The characters that a composition can end with."""
    pairs = (
        unicodedata.decomposition(chr(code)).split() for code in range(_FIRST_LETTER, _THIRD_PLANE)
    )
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}
    return frozenset(seconds | set(map(chr, _HANGUL)))


@lru_cache
def _long_runs(form: Form) -> re.Pattern[str]:
    """What finds runs of more marks than any language stacks.

    Marks are the characters that decompose to non-starters alone. Those of the
    second plane all count as such here, or the pattern would be slow; that only
    costs time.
    """
    found = [
        chr(code)
        for code in range(_FIRST_MARK, _SECOND_PLANE)
        if all(map(unicodedata.combining, unicodedata.normalize(_DECOMPOSED[form], chr(code))))
    ]
    second = f"{chr(_SECOND_PLANE)}-{chr(_THIRD_PLANE - 1)}"
    return re.compile(f"[{''.join(found)}{second}]{{{_MOST_MARKS + 1},}}")


def _sorted_run(decomposed: Literal["NFD", "NFKD"], found: re.Match[str]) -> str:
    """Decomposed marks in canonical order (Unicode Standard, section 3.11, D109), in linear time.

    The order of a mark is its combining class; those of one class stay as they
    are, and none passes a starter, which has class 0.
    """
    done: list[str] = []
    classes: dict[int, list[str]] = {}
    for character in found[0]:
        for part in unicodedata.normalize(decomposed, character):
            order = unicodedata.combining(part)
            if order == 0:
                done += (one for key in sorted(classes) for one in classes[key])
                classes = {}
                done.append(part)
            else:
                classes.setdefault(order, []).append(part)
    done += (one for key in sorted(classes) for one in classes[key])
    return "".join(done)


STEPS: dict[str, Callable[[str], str]] = {
    "markup": _markup,  # tags become a space, character references become characters
    "control": _control,  # control characters and zero-width spaces go; tab and newline stay
    "nfc": partial(_unicode, "NFC"),  # Unicode normalization form C (Unicode Standard Annex 15)
    "nfkc": partial(_unicode, "NFKC"),  # form KC: also folds full-width letters and ligatures
    "whitespace": _whitespace,  # runs of white space become one space, ends are stripped
}


def parse_steps(names: Iterable[str]) -> tuple[str, ...]:
    """The known step names among ``names``, in the order in which they run.

    Raises UsageError on an unknown name.
    """
    wanted = {name.strip() for name in names if name.strip()}
    unknown = sorted(wanted - set(STEPS))
    if unknown:
        raise UsageError(
            f"Unknown normalization step {', '.join(map(repr, unknown))}.",
            hint=f"Choose from: {', '.join(STEPS)}.",
        )
    return tuple(name for name in STEPS if name in wanted)


def normalizer(names: Iterable[str]) -> Callable[[str], str] | None:
    """One function that runs the named steps, or None where there are none."""
    steps = [STEPS[name] for name in parse_steps(names)]
    if not steps:
        return None

    def normalize(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return normalize
