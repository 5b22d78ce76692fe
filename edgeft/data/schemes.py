"""How tags say where entities begin and end: schemes told apart, checked and taken apart.

IOB2 (B- begins each entity), IOB1 (B- only where one follows another of its type), BIOES and its
twins BILOU and BMES, and plain tags, of which neighbours of one kind are one entity. Ramshaw and
Marcus 1995 (IOB1); Tjong Kim Sang and Veenstra 1999 (the others).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible
from edgeft.errors import DataError

__all__ = ["OUTSIDE", "Sentence", "TagSpan", "spans_by_scheme", "tag_like"]

OUTSIDE = "O"
PREFIXED = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
MISSPELT = re.compile(r"([BbIi])([-_])(.+)", re.DOTALL)  # where no tag is PREFIXED
BARE = frozenset("BIESLUM")
BEGINNINGS = {
    "IOB": "B- or I-",
    "BIOES": "B-, I-, E- or S-",
    "BILOU": "B-, I-, L- or U-",
    "BMES": "B-, M-, E- or S-",
}
NO_SCHEME, MISPLACED = "a tag that no scheme knows", "a tag out of place"
EXPECTED = 'Tags are "O" and, of each entity, B-TYPE for its first word and I-TYPE for the others.'

TagSpan = tuple[int, int, str]  # first word, the one after the last, type


@dataclass(frozen=True, slots=True)
class Sentence:
    """The tags of its words, and the line of each."""

    tags: Sequence[str]
    lines: Sequence[int]


def tag_like(word: str) -> bool:
    """Whether it is "O" or a tag with a prefix."""
    return word == OUTSIDE or PREFIXED.fullmatch(word) is not None


def spans_by_scheme(
    sentences: Sequence[Sentence], where: Callable[[int], str]
) -> tuple[str, list[list[TagSpan] | BadRowError]]:
    """The name of the one scheme that the tags follow, and the entities of each sentence.

    In place of a sentence with a tag that fits no scheme, or not in its place, stands what is
    wrong with it. ``where`` words a line. Raises DataError where there is no one scheme.
    """
    scheme = _scheme(sentences, where)
    if scheme == "IOB":
        return _iob(sentences, where)
    return scheme, [
        _unknown(one, scheme, where)
        or (_plain(one.tags) if scheme == "plain" else _whole(one, scheme, where))
        for one in sentences
    ]


def _scheme(sentences: Sequence[Sentence], where: Callable[[int], str]) -> str:
    first: dict[str, int] = {}  # the line of each tag's first sight
    for one in sentences:
        for tag, line in zip(one.tags, one.lines, strict=True):
            first.setdefault(tag, line)
    first.pop(OUTSIDE, None)
    if not first:
        return "IOB"  # as good as any
    prefixes = {found[1] for tag in first if (found := PREFIXED.fullmatch(tag))}
    if first.keys() <= BARE:
        tag = next(iter(first))
        raise DataError(
            f"{where(first[tag])}: the tag {visible(tag)} names no type.", hint=EXPECTED
        )
    single = _single(first)
    if single:
        return single
    if not prefixes & {"B", "I"}:
        _check_plain(sentences, first, where)
        return "plain"
    if prefixes <= {"B", "I"}:
        return "IOB"
    if prefixes & {"L", "U"} and prefixes & {"E", "S"}:
        raise DataError(
            f"The tags of {where(next(iter(first.values())))} and on mix BIOES with BILOU: "
            f"{', '.join(f'{one}-' for one in sorted(prefixes))}.",
            hint=EXPECTED,
        )
    return "BILOU" if prefixes & {"L", "U"} else "BMES" if "M" in prefixes else "BIOES"


def _single(tags: Iterable[str]) -> str:
    """The scheme in which all of these tags are of entities of a single word; else ""."""
    prefixes = {found[1] if (found := PREFIXED.fullmatch(tag)) else "" for tag in tags}
    return "BIOES" if prefixes == {"S"} else "BILOU" if prefixes == {"U"} else ""


def _check_plain(
    sentences: Sequence[Sentence], first: Mapping[str, int], where: Callable[[int], str]
) -> None:
    """Raise DataError where tags that no scheme knows are no types, but another's misspelt."""
    begun: dict[tuple[str, str], str] = {}  # (what stands behind B or I, that of the pair) → tag
    for tag, line in first.items():
        if found := MISSPELT.fullmatch(tag):
            mark, rest = found[1].upper(), found[2] + found[3]
            begun[mark, rest] = tag
            if other := begun.get(("I" if mark == "B" else "B", rest)):
                raise DataError(
                    f"{where(line)}: {visible(other)} and {visible(tag)} are tags that no scheme "
                    "knows, and would be two types.",
                    hint=f"Write {visible(f'B-{found[3]}')} and {visible(f'I-{found[3]}')}, with "
                    'capitals and a hyphen, and "O" for the words of no entity.',
                )
    counts = Counter(tag for one in sentences for tag in one.tags)
    if counts.most_common(1)[0][0] == OUTSIDE.lower():
        raise DataError(
            f'{where(first[OUTSIDE.lower()])}: most words have the tag "o", which would be a type.',
            hint='Write "O", the capital letter, for the words of no entity.',
        )


def _unknown(one: Sentence, scheme: str, where: Callable[[int], str]) -> BadRowError | None:
    """What is wrong with the first tag that the scheme does not have."""
    for tag, line in zip(one.tags, one.lines, strict=True):
        if not tag:
            return BadRowError(f"{where(line)}: the tag is empty.", hint=EXPECTED, kind=NO_SCHEME)
        if scheme != "plain" and tag != OUTSIDE and not PREFIXED.fullmatch(tag):
            return BadRowError(
                f"{where(line)}: the tag {visible(tag)} fits no scheme, since others begin with "
                f"{BEGINNINGS[scheme]}.",
                hint=EXPECTED,
                kind=NO_SCHEME,
            )
    return None


def _plain(tags: Sequence[str]) -> list[TagSpan]:
    return _joined((tag, tag if tag != OUTSIDE else "", False) for tag in tags)


def _iob(
    sentences: Sequence[Sentence], where: Callable[[int], str]
) -> tuple[str, list[list[TagSpan] | BadRowError]]:
    """IOB2, or IOB1 where more sentences are of that, and the entities of each sentence.

    Both are read alike: B- always begins an entity, I- where none of its type goes before.
    """
    unknown = [_unknown(one, "IOB", where) for one in sentences]
    sound = [one for one, fault in zip(sentences, unknown, strict=True) if fault is None]
    strays, late = (
        sum(fault(one, where) is not None for one in sound) for fault in (_stray, _late)
    )
    name, misplaced = ("IOB1", _late) if strays > late else ("IOB2", _stray)
    found: list[list[TagSpan] | BadRowError] = []
    for one, fault in zip(sentences, unknown, strict=True):
        fault = fault or misplaced(one, where)
        words = ((tag, tag[2:] if tag != OUTSIDE else "", tag[:1] == "B") for tag in one.tags)
        found.append(fault or _joined(words))
    return name, found


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


def _stray(one: Sentence, where: Callable[[int], str]) -> BadRowError | None:
    """What is wrong with the first I- that goes on with nothing, which IOB2 does not have."""
    before = ""
    for tag, line in zip(one.tags, one.lines, strict=True):
        if tag[0] == "I" and (before in ("", OUTSIDE) or before[2:] != tag[2:]):
            return BadRowError(
                f"{where(line)}: {visible(tag)} goes on with an entity, but "
                + (f"{visible(before)} stands before it." if before else
                   "nothing stands before it."),
                hint=f"Write {visible('B' + tag[1:])} where an entity begins, or correct one of "
                "the two.",
                kind=MISPLACED,
            )  # fmt: skip
        before = tag
    return None


def _late(one: Sentence, where: Callable[[int], str]) -> BadRowError | None:
    """What is wrong with the first B- that follows no word of its own type, as in IOB1 it does."""
    before = OUTSIDE
    for tag, line in zip(one.tags, one.lines, strict=True):
        if tag[0] == "B" and (before == OUTSIDE or before[2:] != tag[2:]):
            return BadRowError(
                f"{where(line)}: {visible(tag)} parts an entity from another of its type, as most "
                "sentences have it (IOB1), but none stands before it.",
                hint=f"Write {visible('I' + tag[1:])}, or B- wherever an entity begins.",
                kind=MISPLACED,
            )
        before = tag
    return None


def _whole(one: Sentence, scheme: str, where: Callable[[int], str]) -> list[TagSpan] | BadRowError:
    """The entities of BIOES and its twins, in which the last word of each is marked as well.

    Or what is wrong with the first tag that is not in its place.
    """
    found: list[TagSpan] = []
    begun: tuple[int, str] | None = None  # an entity that has not ended
    for at, (tag, line) in enumerate(zip(one.tags, one.lines, strict=True)):
        mark, kind = tag[0], tag[2:]
        inside = mark in "IMEL"
        if inside != (begun is not None) or (begun is not None and begun[1] != kind):
            before = visible(one.tags[at - 1]) if at else "the beginning of a sentence"
            return BadRowError(
                f"{where(line)}: in {scheme} {visible(tag)} cannot follow {before}.",
                hint="Correct one of the two: B- begins an entity that E- (or L-) ends, S- (or U-) "
                "is one of a single word.",
                kind=MISPLACED,
            )
        if mark == "B":
            begun = (at, kind)
        elif mark in "EL" and begun is not None:
            found.append((begun[0], at + 1, kind))
            begun = None
        elif mark in "SU":
            found.append((at, at + 1, kind))
    if begun is not None:
        return BadRowError(
            f"{where(one.lines[-1])}: the sentence ends within an entity, behind "
            f"{visible(one.tags[-1])}.",
            hint=f"In {scheme} the last word of an entity has a tag of its own.",
            kind=MISPLACED,
        )
    return found
