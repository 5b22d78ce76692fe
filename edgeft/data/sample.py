"""Some of many: at even distances, and without holding all of them."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

__all__ = ["distinct", "evenly", "sample_evenly"]

Thing = TypeVar("Thing")
Key = TypeVar("Key", bound=Hashable)

FACTOR = 4  # the more are held, the more even are the distances
REMEMBERED = 1 << 18  # hashes, some 25 MB; of what comes later repeats are let through


def evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most ``most`` of the things, at even distances from first to last."""
    if len(things) <= most:
        return list(things)
    return [things[at * len(things) // most] for at in range(most)]


def sample_evenly(things: Iterable[Thing], most: int) -> tuple[list[Thing], int]:
    """At most ``most`` of the things, spread evenly, and how many there were.

    Never holds more than FACTOR times as many: where it would, every other one goes,
    and of those to come as many fewer are taken.
    """
    kept: list[Thing] = []
    step, count = 1, 0
    for thing in things:
        if count % step == 0 and len(kept) == FACTOR * most:
            del kept[1::2]
            step *= 2
        if count % step == 0:
            kept.append(thing)
        count += 1
    return evenly(kept, most), count


def distinct(things: Iterable[Key]) -> Iterator[Key]:
    """The things in their order, each the first time only; see REMEMBERED."""
    seen: set[int] = set()
    for thing in things:
        mark = hash(thing)
        if mark in seen:
            continue
        if len(seen) < REMEMBERED:
            seen.add(mark)
        yield thing
