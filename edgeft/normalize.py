"""Optional normalization of texts, the same in training and in serving.

The chosen steps are recorded in the checkpoint and in the bundle; the runtime
applies them before it tokenizes. They always run in the order of ``STEPS``.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable

from edgeft.errors import UsageError

__all__ = ["STEPS", "normalizer", "parse_steps"]

_TAG = re.compile(r"<(?:/?[A-Za-z][^<>]*|!--.*?--)>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
_SPACE = re.compile(r"\s+")


def _markup(text: str) -> str:
    return html.unescape(_TAG.sub(" ", text))


def _control(text: str) -> str:
    return _CONTROL.sub("", text)


def _whitespace(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


STEPS: dict[str, Callable[[str], str]] = {
    "markup": _markup,  # tags become a space, character references become characters
    "control": _control,  # control characters and zero-width spaces go; tab and newline stay
    "nfc": _nfc,  # Unicode normalization form C (Unicode Standard Annex 15)
    "nfkc": _nfkc,  # form KC: also folds full-width letters and ligatures
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
