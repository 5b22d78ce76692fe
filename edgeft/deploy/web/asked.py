"""What a page is asked when it is held against Python. Nothing of it becomes part of the page."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from edgeft.inputs import Input, columns_of, with_texts
from edgeft.tasks.builtin import SPELLING_TEXTS
from edgeft.tasks.task import Task

__all__ = ["MOST_ASKED", "asked_of"]

MOST_ASKED = 200
PIECES = ((0.0, 0.5), (0.5, 1.0), (0.25, 0.75), (0.1, 0.4))  # of a text's words


def asked_of(task: Task, max_length: int, own: Sequence[Input]) -> list[Input]:
    """MOST_ASKED inputs, none twice: what tokenizers read in different ways, in many scripts.

    Beside these they are ``own`` ones, evenly chosen; where there are too few of them, built-in
    ones too, from no word to more than the model reads.
    """
    found = list(dict.fromkeys(chain(task.golden, _spelt(task), _longest(task, max_length))))
    for more in (own, _builtin(task, max_length)):
        found += _evenly(more, MOST_ASKED - len(found), found)
    return found[:MOST_ASKED]


def _evenly(inputs: Iterable[Input], room: int, found: Sequence[Input]) -> Iterator[Input]:
    """As many of the inputs as there is room for, or all; none twice, and none that was found."""
    known = set(found)
    others = [one for one in dict.fromkeys(inputs) if one not in known]
    step = max(1.0, len(others) / max(1, room))
    return (others[int(at * step)] for at in range(min(room, len(others))))


def _spelt(task: Task) -> Iterator[Input]:
    """Each text of SPELLING_TEXTS, in a pair the one before beside it."""
    for at, text in enumerate(SPELLING_TEXTS):
        kind = task.takes[at % len(task.takes)]
        yield text if kind is str else kind(SPELLING_TEXTS[at - 1], text)


def _longest(task: Task, max_length: int) -> Iterable[Input]:
    """The longest built-in inputs, of which some are too long."""
    return sorted(task.parity(max_length), key=_size, reverse=True)[:10]


def _builtin(task: Task, max_length: int) -> Iterator[Input]:
    """Built-in inputs, and pieces of their texts."""
    whole = task.parity(max_length)
    yield from whole
    for one in whole:
        for piece in PIECES:
            yield with_texts(one, lambda text, piece=piece: _piece(text.split(), *piece))  # type: ignore[misc]


def _piece(words: Sequence[str], begin: float, end: float) -> str:
    return " ".join(words[int(begin * len(words)) : int(end * len(words))])


def _size(one: Input) -> int:
    return sum(map(len, columns_of(one)))
