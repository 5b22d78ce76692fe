"""How long the two texts of pairs are, which of them are cut, and which stand elsewhere, too."""

from collections.abc import Sequence

import numpy as np

from edgeft.data import Splits, text_shared
from edgeft.inputs import Input, Pair
from edgeft.runtime.pairs import longest_first
from edgeft.tasks.encoded import Encoded
from edgeft.train.objectives.objective import Figure

__all__ = ["shared_figures", "side_figures", "static_figures"]

MOST_SHARED = 0.05  # of the pairs of a split; where more share a text with train, that is told


def side_figures(
    inputs: Sequence[Input], uncut: Sequence[Encoded], special: int, max_length: int
) -> tuple[Figure, ...]:
    """Figures of pairs that were encoded whole, of each text by itself; () of other inputs.

    ``special``: how many tokens frame a pair; ``max_length``: to how many it will be cut.
    """
    if not inputs or not all(isinstance(one, Pair) for one in inputs):
        return ()
    room = max_length - special
    sizes = []  # (first, second) in tokens
    for one in uncut:
        second = len(one.parts[one.second].own)
        first = len(one.parts[0].own) if one.second else len(one.ids) - special - second
        sizes.append((first, second))
    apart = uncut[0].second > 0
    kept = [
        (min(first, room), min(second, room)) if apart else longest_first(first, second, room)
        for first, second in sizes
    ]
    whole, left = np.array(sizes), np.array(kept)  # (N, 2) int64
    cut = (left < whole).sum(axis=0).tolist()
    half = np.percentile(whole, 50, axis=0, method="higher").tolist()
    most = whole.max(axis=0).tolist()
    names = ("first", "second")
    return (
        Figure("pair_tokens_p50", "tokens of each text of a pair, p50",
               dict(zip(names, half, strict=True))),
        Figure("pair_tokens_max", "tokens of each text of a pair, max",
               dict(zip(names, most, strict=True))),
        Figure("pair_cut", f"pairs cut to {max_length} tokens in each text",
               dict(zip(names, cut, strict=True))),
    )  # fmt: skip


def shared_figures(given: Splits) -> tuple[Figure, ...]:
    """How many pairs of each split that was given share a text with train; () of other inputs."""
    if not all(isinstance(one, Pair) for one in given.train.inputs):
        return ()
    found = []
    for name, split in given.present().items():
        if name == "train":
            continue
        count = text_shared(split.inputs, given.train.inputs)
        warning = ""
        if count > MOST_SHARED * len(split):
            warning = (
                f"{count:,} of {len(split):,} {name} pairs have a text that also stands in train, "
                f"so that the {name} scores may look better than those of pairs of new texts."
            )
        found.append(
            Figure(f"pairs_sharing_{name}", f"{name} pairs with a text of train", count, warning)
        )
    return tuple(found)


def static_figures(inputs: Sequence[Input]) -> tuple[Figure, ...]:
    """That a static model does not see how two texts relate, where it is to judge pairs of them."""
    count = sum(isinstance(one, Pair) for one in inputs)
    if not count:
        return ()
    warning = (
        "A static model averages the vectors of all tokens of a pair: it cannot tell in which of "
        "the two texts a word stands, and so hardly how they relate. Let a model with layers judge "
        "them, such as a student layers:N, or stand behind it in a cascade."
    )
    return (Figure("pairs_read_at_once", "pairs read as one bag of tokens", count, warning),)
