"""Removal of rows that teach nothing or the wrong thing."""

from collections import defaultdict
from dataclasses import asdict, dataclass, replace

from edgeft.data import Splits
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of

__all__ = ["Removed", "clean", "text_key"]


@dataclass(frozen=True)
class Removed:
    """How many rows were taken out of train, by the first reason that held."""

    empty: int
    contradictory: int
    duplicate: int
    shared: int

    def to_dict(self) -> dict[str, int]:
        """JSON-ready."""
        return asdict(self)


def text_key(one: Input) -> str:
    """What makes two inputs the same: their words, white space aside."""
    return "\n".join(" ".join(column.split()) for column in columns_of(one))


def clean(splits: Splits) -> tuple[Splits, Removed]:
    """Take out of train what is empty, contradictory, doubled, or also in another split.

    Of a text under two labels every row goes; of a text that stands there
    several times the first stays. Validation and test are left as they are, so
    that scores stay comparable. Raises DataError where nothing would be left.
    """
    train = splits.train
    keys = [text_key(one) for one in train.inputs]
    truths_of = defaultdict(set)
    for key, truth in zip(keys, train.truths, strict=True):
        truths_of[key].add(truth)
    elsewhere = {
        text_key(one)
        for name, split in splits.present().items()
        if name != "train"
        for one in split.inputs
    }
    kept: list[int] = []
    seen: set[str] = set()
    counts = {"empty": 0, "contradictory": 0, "duplicate": 0, "shared": 0}
    for row, key in enumerate(keys):
        if not key:
            counts["empty"] += 1
        elif len(truths_of[key]) > 1:
            counts["contradictory"] += 1
        elif key in seen:
            counts["duplicate"] += 1
        elif key in elsewhere:
            counts["shared"] += 1
        else:
            seen.add(key)
            kept.append(row)
    if not kept:
        raise DataError(f"{train.source}: --clean would remove every row.")
    return replace(splits, train=train.subset(kept)), Removed(**counts)
