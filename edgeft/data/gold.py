"""The answers of one question: their forms, and where in the context each of them stands."""

import json
import re
from dataclasses import dataclass
from typing import Any

from edgeft.data.bad import BadRowError
from edgeft.data.labels import visible
from edgeft.data.units import from_utf16

__all__ = ["EXAMPLE", "Gold", "Truth", "gold_of"]

EXAMPLE = (
    'Such as {"question": "Who slept?", "context": "Ada slept.", '
    '"answers": [{"text": "Ada", "answer_start": 0}]}.'
)
NO_ANSWERS = "answers that are not texts with their starts"

Truth = tuple[tuple[str, int], ...]  # (text, start) of each gold answer; () for none


@dataclass(frozen=True, slots=True)
class Gold:
    """The answers of a question, each once.

    moved: a start was not where the text stands. padded: a text had white space at its ends, which
    was taken off. spaced: the context has other white space, which was taken. guessed: a text
    stands several times in the context and has no start, so that the first place was taken.
    """

    truth: Truth
    moved: bool = False
    padded: bool = False
    spaced: bool = False
    guessed: bool = False


def gold_of(context: str, answers: Any, start: Any, where: str) -> Gold:
    """The answers of a row in any form; ``start`` stands beside them, None where it does not.

    Raises BadRowError.
    """
    answered = _answers(_unpacked(answers), start, where)
    given = [_stripped(context, text, at) for text, at in answered]
    placed = [_placed(context, text, at, where) for text, at in given]
    pairs = list(zip(given, placed, strict=True))
    return Gold(
        tuple(dict.fromkeys(placed)),
        moved=any(at not in (None, place) for (_, at), (_, place) in pairs),
        padded=any(text != bare for (text, _), (bare, _) in zip(answered, given, strict=True)),
        spaced=any(text != found for (text, _), (found, _) in pairs),
        guessed=any(
            at is None and _pattern(text).search(context, place + 1) is not None
            for (text, at), (_, place) in pairs
        ),
    )


def _unpacked(found: Any) -> Any:
    """What stands in a cell as JSON, where it is such answers."""
    if isinstance(found, str) and found.lstrip()[:1] in ("{", "["):
        try:
            inner = json.loads(found)
        except (ValueError, RecursionError):
            return found
        if isinstance(inner, dict) or (
            isinstance(inner, list) and all(isinstance(one, (str, dict)) for one in inner)
        ):
            return inner
    return found


def _start(found: Any) -> Any:
    """A start, or a list of them, as a cell holds it: pandas writes 8.0 where others are empty."""
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.strip() else None
        except (ValueError, RecursionError):
            return found
    if isinstance(found, list):
        return [_start(one) for one in found]
    if isinstance(found, float):
        return int(found) if found.is_integer() else None if found != found else found
    return found


def _answers(found: Any, start: Any, where: str) -> list[tuple[str, int | None]]:
    """(text, start) of each: from a list of objects, an object of lists (Hub), or a text."""
    match found:
        case None | []:
            return []
        case str() if not found.strip():
            return []
        case str():
            return [_answer(found, _alone(_start(start)), where)]
        case {"text": str() as text}:
            return [_answer(text, found.get("answer_start", found.get("start")), where)]
        case {"text": [*texts]}:
            starts = found.get("answer_start", [None] * len(texts))
            if isinstance(starts, list) and len(starts) == len(texts):
                return [_answer(*one, where) for one in zip(texts, starts, strict=True)]
        case [*some] if all(isinstance(one, str) for one in some):
            starts = _start(start)
            starts = [starts] * len(some) if starts is None or len(some) == 1 else starts
            if isinstance(starts, list) and len(starts) == len(some):
                return [
                    _answer(text, _alone(one), where)
                    for text, one in zip(some, starts, strict=True)
                ]
        case [*some] if all(isinstance(one, dict) for one in some):
            return [
                _answer(one.get("text"), one.get("answer_start", one.get("start")), where)
                for one in some
            ]
    raise BadRowError(
        f"{where}: answers are texts with their starts; this is {visible(repr(found))}.",
        hint=EXAMPLE,
        kind=NO_ANSWERS,
    )


def _alone(start: Any) -> Any:
    """The start that is a list's only one."""
    return start[0] if isinstance(start, list) and len(start) == 1 else start


def _answer(text: Any, start: Any, where: str) -> tuple[str, int | None]:
    if not isinstance(text, str) or not text.strip():
        raise BadRowError(
            f"{where}: an answer has no text.",
            hint="A question without an answer has an empty list.",
            kind=NO_ANSWERS,
        )
    if start is not None and type(start) is not int:
        raise BadRowError(
            f"{where}: an answer's start is {visible(repr(start))}, no whole number.",
            hint=EXAMPLE,
            kind=NO_ANSWERS,
        )
    return text, start


def _stripped(context: str, text: str, start: int | None) -> tuple[str, int | None]:
    """An answer without white space at its ends; its start is moved where it counts that in."""
    bare = text.strip()
    before = len(text) - len(text.lstrip())
    if before and start is not None and start >= 0 and not context.startswith(bare, start):
        start += before
    return bare, start


def _pattern(text: str) -> re.Pattern[str]:
    """What finds a text with any white space between its words."""
    return re.compile(r"\s+".join(map(re.escape, text.split())))


def _placed(context: str, text: str, start: int | None, where: str) -> tuple[str, int]:
    """An answer as it stands in the context, white space and all, and where.

    Some tools count an emoji as two. Raises BadRowError.
    """
    if start is not None and start >= 0 and context.startswith(text, start):
        return text, start
    pattern = _pattern(text)
    first = pattern.search(context)
    if first is None:
        raise BadRowError(
            f"{where}: the answer {visible(text)} does not stand in the context.",
            hint="An answer is a part of its context, letter by letter.",
            kind="an answer that is not in the context",
        )
    if start is None:
        return first[0], first.start()
    if start >= 0:
        for at in (start, from_utf16(context, start)):
            if found := pattern.match(context, at):
                return found[0], at
    raise BadRowError(
        f"{where}: the answer {visible(text)} is said to begin at {start}, where the context has "
        f"{visible(context[max(start, 0) :][: len(text)])}.",
        hint=f"Starts count characters from 0. It stands at {first.start()}: correct the start, or "
        "leave it out.",
        kind="an answer that is not where it says",
    )
