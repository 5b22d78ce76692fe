"""Labels that people take for the same, and how to show them so that the eye can tell."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["lookalike_key", "lookalikes", "ordered_labels", "visible"]

MOST_SHOWN = 200  # characters: a name or a label has fewer, and a text says enough by them


def lookalike_key(label: str) -> str:
    """What labels that look alike share: case, white space and Unicode form put aside."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    plain = "".join(one for one in plain if unicodedata.category(one) != "Cf")  # zero-width
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def lookalikes(labels: Iterable[str]) -> list[list[str]]:
    """Groups of different labels that look alike, each in order of appearance."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in dict.fromkeys(labels):
        groups[lookalike_key(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def ordered_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Every label once: in numerical order where all are whole numbers, else sorted."""
    found = set(labels)
    if all(label.isascii() and label.isdigit() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))


def visible(text: str) -> str:
    """The text in quotes, with all that a reader could take for something else as escapes.

    Those are combining marks, blanks other than the usual one, invisible characters,
    and forms that stand for another character, such as full-width letters. Of a long
    text it is the beginning.
    """
    shown = "".join(one if _plain(one) else _escape(one) for one in repr(text[:MOST_SHOWN]))
    return shown if len(text) <= MOST_SHOWN else f"{shown}…"


def _plain(one: str) -> bool:
    if one.isascii():
        return True
    kind = unicodedata.category(one)
    return kind[0] not in "MZC" and unicodedata.normalize("NFKC", one) == one


def _escape(one: str) -> str:
    return one.encode("ascii", "backslashreplace").decode("ascii")
