"""Splits of inputs of which pairs may share a text."""

from collections import Counter
from collections.abc import Hashable, Sequence

from edgeft.data.split import grouped_split
from edgeft.inputs import Input, Pair, columns_of

__all__ = ["split_pairs", "text_shared"]

MOST_OF_HELD = 0.5  # of what is to be held out, that one group may make up


def split_pairs(
    inputs: Sequence[Input],
    groups: Sequence[Hashable],
    strata: Sequence[str],
    fraction: float,
    *,
    seed: int,
) -> tuple[list[int], list[int], str]:
    """``grouped_split``; where all are pairs, those with a common text stay together, if they can.

    Texts are the same by their words. Pairs hang together over others, too: where so many do that
    a group is more than half of what is held out, or that a stratum would stand on one side alone,
    only those with the same first text, or with the same second one, stay together, and at the last
    those of one of ``groups``. The third is then a sentence that says so, else "".
    """
    alone = grouped_split(groups, strata, fraction, seed=seed)
    if not inputs or not all(isinstance(one, Pair) for one in inputs):
        return *alone, ""
    texts = [[" ".join(text.split()) for text in columns_of(one)] for one in inputs]
    most = max(1.0, MOST_OF_HELD * fraction * len(inputs))
    wanted = [{strata[at] for at in side} for side in alone]

    def parted(keys: Sequence[Hashable]) -> tuple[list[int], list[int]] | None:
        if max(Counter(keys).values()) > most:
            return None
        sides = grouped_split(keys, strata, fraction, seed=seed)
        held = all(want <= {strata[at] for at in side}
                   for want, side in zip(wanted, sides, strict=True))  # fmt: skip
        return sides if held else None

    linked = _linked(texts)
    if (found := parted(linked)) is not None:
        return *found, ""
    sides = [("first", [first for first, _ in texts]), ("second", [other for _, other in texts])]
    for name, keys in sorted(sides, key=lambda side: len(set(side[1]))):
        if len(set(keys)) < len(keys) and (found := parted(keys)) is not None:
            return *found, (
                "so many pairs share texts that only those with the same "
                f"{name} text stay on one side of the split."
            )
    return *alone, (
        "so many pairs share texts that some of them stand on both sides of the split, so that "
        "scores may look better than those of pairs of new texts."
    )


def text_shared(inputs: Sequence[Input], others: Sequence[Input]) -> int:
    """How many of the inputs have a text that one of the others has, in the same place or not."""
    known = {" ".join(text.split()) for one in others for text in columns_of(one)}
    return sum(any(" ".join(text.split()) in known for text in columns_of(one)) for one in inputs)


def _linked(texts: Sequence[Sequence[str]]) -> list[int]:
    """The number of the group of each row: rows with a common text are of one, and so on."""
    above = list(range(len(texts)))

    def top(at: int) -> int:
        while above[at] != at:
            above[at] = above[above[at]]
            at = above[at]
        return at

    first: dict[str, int] = {}
    for at, columns in enumerate(texts):
        for text in columns:
            above[top(at)] = top(first.setdefault(text, at))
    return [top(at) for at in range(len(texts))]
