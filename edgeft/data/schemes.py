"""How tags say where entities begin and end: schemes told apart, checked and taken apart.

IOB2 (B- begins each entity), IOB1 (B- only where one follows another of its type), BIOES and its
twins BILOU and BMES, and plain tags, of which neighbours of one kind are one entity. Ramshaw and
Marcus 1995 (IOB1); Tjong Kim Sang and Veenstra 1999 (the others).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgeft.data.labels import visible
from edgeft.errors import DataError

__all__ = ["NONE", "Sentence", "TagSpan", "spans_by_scheme", "tag_like"]

NONE = "O"
PREFIXED = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
BARE = frozenset("BIESLUM")
EXPECTED = 'Tags are "O" and, of each entity, B-TYPE for its first word and I-TYPE for the others.'

TagSpan = tuple[int, int, str]  # first word, the one after the last, type


@dataclass(frozen=True, slots=True)
class Sentence:
    """The tags of its words, and the line of each."""

    tags: Sequence[str]
    lines: Sequence[int]


def tag_like(word: str) -> bool:
    """Whether it is "O" or a tag with a prefix."""
    return word == NONE or PREFIXED.fullmatch(word) is not None


def spans_by_scheme(
    sentences: Sequence[Sentence], where: Callable[[int], str]
) -> tuple[str, list[list[TagSpan]]]:
    """The name of the one scheme that all tags follow, and the entities of each sentence.

    ``where`` words a line. Raises DataError at a tag that fits no scheme, or not in its place.
    """
    scheme = _scheme(sentences, where)
    if scheme == "plain":
        return scheme, [_plain(one.tags) for one in sentences]
    if scheme != "IOB":
        return scheme, [_whole(one, scheme, where) for one in sentences]
    strange = _first_stray(sentences)
    if strange is None:
        return "IOB2", [_iob(one.tags) for one in sentences]
    if all(map(_is_iob1, (one.tags for one in sentences))):
        return "IOB1", [_iob(one.tags) for one in sentences]
    line, tag, before = strange
    raise DataError(
        f"{where(line)}: {visible(tag)} goes on with an entity, but "
        + (f"{visible(before)} stands before it." if before else "nothing stands before it."),
        hint=f"Write {visible('B' + tag[1:])} where an entity begins, or correct one of the two.",
    )


def _scheme(sentences: Sequence[Sentence], where: Callable[[int], str]) -> str:
    first: dict[str, int] = {}  # the line of each tag's first sight
    for one in sentences:
        for tag, line in zip(one.tags, one.lines, strict=True):
            first.setdefault(tag, line)
    first.pop(NONE, None)
    for tag, line in first.items():
        if not tag:
            raise DataError(f"{where(line)}: the tag is empty.", hint=EXPECTED)
    prefixes = {found[1] for tag in first if (found := PREFIXED.fullmatch(tag))}
    if first.keys() and first.keys() <= BARE:
        tag = next(iter(first))
        raise DataError(
            f"{where(first[tag])}: the tag {visible(tag)} names no type.", hint=EXPECTED
        )
    if not prefixes & {"B", "I"}:
        return "plain"
    for tag, line in first.items():
        if not PREFIXED.fullmatch(tag):
            raise DataError(
                f"{where(line)}: the tag {visible(tag)} fits no scheme, since others begin with "
                f"{' and '.join(f'{one}-' for one in sorted(prefixes))}.",
                hint=EXPECTED,
            )
    if prefixes <= {"B", "I"}:
        return "IOB"
    if prefixes & {"L", "U"} and prefixes & {"E", "S"}:
        raise DataError(
            f"The tags of {where(next(iter(first.values())))} and on mix BIOES with BILOU: "
            f"{', '.join(f'{one}-' for one in sorted(prefixes))}.",
            hint=EXPECTED,
        )
    return "BILOU" if prefixes & {"L", "U"} else "BMES" if "M" in prefixes else "BIOES"


def _plain(tags: Sequence[str]) -> list[TagSpan]:
    return _joined((tag, tag if tag != NONE else "", False) for tag in tags)


def _iob(tags: Sequence[str]) -> list[TagSpan]:
    """Of IOB1 and IOB2 alike: B- always begins an entity, I- where none of its type goes before."""
    return _joined((tag, tag[2:] if tag != NONE else "", tag[0] == "B") for tag in tags)


def _joined(words: Iterable[tuple[str, str, bool]]) -> list[TagSpan]:
    """Spans of words that follow each other with one type; each is (tag, type or "", begins)."""
    found: list[TagSpan] = []
    for at, (_, kind, begins) in enumerate(words):
        if not kind:
            continue
        if found and not begins and found[-1][1] == at and found[-1][2] == kind:
            found[-1] = (found[-1][0], at + 1, kind)
        else:
            found.append((at, at + 1, kind))
    return found


def _first_stray(sentences: Sequence[Sentence]) -> tuple[int, str, str] | None:
    """The first I- that goes on with nothing: its line, it, and the tag before."""
    for one in sentences:
        before = ""
        for tag, line in zip(one.tags, one.lines, strict=True):
            if tag[0] == "I" and (before in ("", NONE) or before[2:] != tag[2:]):
                return line, tag, before
            before = tag
    return None


def _is_iob1(tags: Sequence[str]) -> bool:
    """Whether each B- follows a word of its own type."""
    return all(
        tag[0] != "B" or (at > 0 and tags[at - 1] != NONE and tags[at - 1][2:] == tag[2:])
        for at, tag in enumerate(tags)
    )


def _whole(one: Sentence, scheme: str, where: Callable[[int], str]) -> list[TagSpan]:
    """The entities of BIOES and its twins, in which the last word of each is marked as well."""
    found: list[TagSpan] = []
    begun: tuple[int, str] | None = None  # an entity that has not ended
    for at, (tag, line) in enumerate(zip(one.tags, one.lines, strict=True)):
        mark, kind = tag[0], tag[2:]
        inside = mark in "IMEL"
        if inside != (begun is not None) or (begun is not None and begun[1] != kind):
            before = visible(one.tags[at - 1]) if at else "the beginning of a sentence"
            raise DataError(
                f"{where(line)}: in {scheme} {visible(tag)} cannot follow {before}.",
                hint="Correct one of the two: B- begins an entity that E- (or L-) ends, S- (or U-) "
                "is one of a single word.",
            )
        if mark == "B":
            begun = (at, kind)
        elif mark in "EL" and begun is not None:
            found.append((begun[0], at + 1, kind))
            begun = None
        elif mark in "SU":
            found.append((at, at + 1, kind))
    if begun is not None:
        raise DataError(
            f"{where(one.lines[-1])}: the sentence ends within an entity, behind "
            f"{visible(one.tags[-1])}.",
            hint=f"In {scheme} the last word of an entity has a tag of its own.",
        )
    return found
