"""An input as the model reads it: one or more parts of token ids. Standard library only."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import gcd

from edgeft.tasks.task import PAIR

__all__ = ["Encoded", "Part", "Span", "apart", "best_places", "cut_sides", "default_overlap",
           "in_both_orders"]  # fmt: skip

Span = tuple[int, int]  # first character and the one after the last, in the caller's own string
NOWHERE: Span = (0, 0)


@dataclass(slots=True)
class Part:
    """A row for the graph: the whole of a short input, or one window of a long one.

    ids: of T tokens, special ones included. types: their T segment numbers, None where all are 0.
    own: places of the tokens that stand for the text (of a Question: for its context), as a
    half-open range; special tokens, the question and what belongs to the frame lie outside.
    fresh: how many of those no earlier part of the same input has; the first ``len(own) - fresh``
    are the overlap. offsets: the span of each of the T tokens in the caller's string (of a
    Question: in its context), (0, 0) outside ``own``; None where the task asks for none. words: for
    each of the T tokens the number of its word, -1 outside ``own`` and where there is white space
    alone, which is no word; None with offsets.
    """

    ids: list[int]
    own: range
    fresh: int
    types: list[int] | None = None
    offsets: list[Span] | None = None
    words: list[int] | None = None

    def tell_places(self, offsets: list[Span], words: list[int], own: slice) -> None:
        """Add the spans and words of its own tokens: those at ``own`` of all their text's."""
        before, behind = self.own.start, len(self.ids) - self.own.stop
        self.offsets = [NOWHERE] * before + offsets[own] + [NOWHERE] * behind
        self.words = [-1] * before + words[own] + [-1] * behind


@dataclass(slots=True)
class Encoded:
    """One input in parts, in order; there is always one.

    ``truncated`` says that the input was longer than the model takes, by ``cut`` tokens;
    ``unknown_share`` is the share, 0 to 1, of its own tokens that the vocabulary lacks. ``unread``
    characters at its end were not looked at, since they could not change the kept tokens. ``stage``
    is the one of a cascade that answered, which sets it; else "". ``cuts``: of two texts the tokens
    that each lost, which make up ``cut``; () of one. ``orders``: 2 where the parts hold a pair of
    texts in one order and then in the other. ``second`` is the number of the part with which the
    second text of a pair begins that is read apart; else 0.
    """

    parts: tuple[Part, ...]
    truncated: bool = False
    unknown_share: float = 0.0
    cut: int = 0
    unread: int = 0
    stage: str = ""
    cuts: tuple[int, ...] = ()
    orders: int = 1
    second: int = 0

    @property
    def ids(self) -> list[int]:
        """The token ids of the first part: of an input that was not split, all.

        Of two texts that are read apart those of the longer one.
        """
        if self.second:
            return max(self.parts[0].ids, self.parts[self.second].ids, key=len)
        return self.parts[0].ids

    @property
    def lost(self) -> tuple[int, ...]:
        """Of a truncated pair the tokens that each of its texts lost, else ()."""
        return self.cuts if self.truncated else ()

    @property
    def windows(self) -> int:
        """In how many parts it is read, in the order that takes more of them."""
        return -(-len(self.parts) // self.orders)


def in_both_orders(one: Encoded, other: Encoded) -> Encoded:
    """A pair of texts in one order and in the other, each with half of the weight.

    ``fresh`` of each part, by which outputs are averaged, is brought to that.
    """
    ours, theirs = (max(1, sum(part.fresh for part in its.parts)) for its in (one, other))
    common = gcd(ours, theirs)
    for its, factor in ((one, theirs // common), (other, ours // common)):
        for part in its.parts:
            part.fresh = max(1, part.fresh) * factor if len(its.parts) == 1 else part.fresh * factor
    return replace(
        one,
        parts=(*one.parts, *other.parts),
        truncated=one.truncated or other.truncated,
        cut=max(one.cut, other.cut),
        cuts=tuple(map(max, one.cuts, reversed(other.cuts))),
        orders=2,
    )


def cut_sides(cuts: Iterable[tuple[int, ...]], max_length: int) -> str:
    """Of how many pairs each text was cut, in words; "" where none was."""
    counts = [0, 0]
    for one in cuts:
        for at, lost in enumerate(one):
            counts[at] += lost > 0
    if not any(counts):
        return ""
    first, second = counts
    return (
        f"Cut to {max_length} tokens: {PAIR.of(first)} in the first text, {second:,} in the second."
    )


def apart(first: Encoded, second: Encoded) -> Encoded:
    """Two texts as one input, each in parts of its own."""
    sizes = [sum(part.fresh for part in one.parts) for one in (first, second)]
    unknown = first.unknown_share * sizes[0] + second.unknown_share * sizes[1]
    return Encoded(
        (*first.parts, *second.parts),
        first.truncated or second.truncated,
        unknown / max(1, sum(sizes)),
        first.cut + second.cut,
        first.unread + second.unread,
        cuts=(first.cut, second.cut),
        second=len(first.parts),
    )


def default_overlap(max_length: int) -> int:
    """How many tokens neighbouring windows share unless told otherwise."""
    return max_length // 8


def best_places(encoded: Encoded) -> list[tuple[int, int]]:
    """For each own token of an input, in order: the part and the place in it with most context.

    Context is the number of own tokens of that part on the poorer side; of equals the earlier.
    """
    found: list[tuple[int, int]] = []
    for number, part in enumerate(encoded.parts):
        begin = len(found) - (len(part.own) - part.fresh)  # of its own tokens, in the whole input
        for at, place in enumerate(part.own):
            if begin + at == len(found):
                found.append((number, place))
                continue
            other, its = found[begin + at]
            if _context(part, place) > _context(encoded.parts[other], its):
                found[begin + at] = (number, place)
    return found


def _context(part: Part, place: int) -> int:
    return min(place - part.own.start, part.own.stop - 1 - place)
