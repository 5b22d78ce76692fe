"""Removal of rows that teach nothing or the wrong thing."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass, replace

from edgeft.data import Examples, Splits
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of
from edgeft.tasks.task import Task

__all__ = ["Removed", "clean", "group_key", "text_key", "truths_by_text"]


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
    return _words(columns_of(one))


def group_key(task: Task, one: Input) -> str:
    """What no two splits should share: the words of an input, or of what many share."""
    return _words(task.group(one))


def _words(columns: Iterable[str]) -> str:
    return "\n".join(" ".join(column.split()) for column in columns)


def truths_by_text(task: Task, examples: Examples) -> dict[str, set[Hashable]]:
    """By each input's ``text_key`` the different truths that it stands under."""
    found = defaultdict(set)
    for one, truth in zip(examples.inputs, examples.truths, strict=True):
        found[text_key(one)].add(task.truth_key(one, truth))
    return found


def clean(splits: Splits, task: Task) -> tuple[Splits, Removed]:
    """Take out of train what is empty, contradictory, doubled, or also in another split.

    Of a text under two labels every row goes; of a text that stands there
    several times the first stays. Of questions it is the context that is in another
    split. Validation and test are left as they are, so that scores stay comparable.
    Raises DataError where nothing would be left.
    """
    train = splits.train
    keys = [text_key(one) for one in train.inputs]
    truths_of = truths_by_text(task, train)
    elsewhere = {
        group_key(task, one)
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
        elif group_key(task, train.inputs[row]) in elsewhere:
            counts["shared"] += 1
        else:
            seen.add(key)
            kept.append(row)
    if not kept:
        raise DataError(f"{train.source}: --clean would remove every row.")
    return replace(splits, train=train.subset(kept)), Removed(**counts)
