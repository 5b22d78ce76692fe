"""What the data are like, and what in them should worry, before any training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from statistics import median
from typing import Any

import numpy as np

from edgeft.data import Examples, Splits, visible
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.narrowed import takes_of
from edgeft.tasks.task import Noun, Task
from edgeft.train.clean import Removed, group_key, text_key, truths_by_text
from edgeft.train.objectives.objective import Figure
from edgeft.train.scripts import main_script, models_for

__all__ = ["MOST_UNKNOWN", "DataReport", "TokenCounts", "check_known", "count_tokens", "describe"]

# From where a figure earns a sentence of its own.
UNKNOWN_SHARE = 0.05
# From where training is refused unless told: English with slang and smileys has 0.001, Chinese
# for an English vocabulary 0.6; with a quarter of the words gone, little is left to learn from.
MOST_UNKNOWN = 0.25
CUT_SHARE = 0.10
IMBALANCE = 10.0
DUPLICATE_SHARE = 0.01
FEW = 8  # rows, or entities, of a label
MOST_NAMED = 5  # labels in a warning
ROW = Noun("row", "rows")


@dataclass(frozen=True)
class TokenCounts:
    """The lengths of the train texts in tokens, special ones included and nothing cut.

    ``unknown_share`` is the share, 0 to 1, of all their tokens that the
    vocabulary lacks.
    """

    p50: int
    p90: int
    p95: int
    p99: int
    max: int
    unknown_share: float


@dataclass(frozen=True)
class DataReport:
    """The figures. Those without a split in their name are about train as it was given.

    task: its name. rows: rows by split, after train's own hold-out became validation.
    given: rows of train before that, as all that follows. support: how often the truths hold each
    label. bare: inputs without a label, an entity or an answer, None where each has a label. cut:
    inputs with more than ``max_length`` tokens, which are read in windows where the task says so.
    duplicates: rows whose input stood there before.
    contradictory_rows: rows whose input also stands under another truth.
    shared_validation, shared_test: rows of that split whose input, or context, is in train; of
        rows held out from train, those whose input stands among the rest, too.
    removed: what --clean took out before all this was counted.
    notes: what the readers of the files decided.
    skipped: rows that --skip-bad left out, by split and by what was wrong with them.
    figures: what there is to say of this task alone.
    unlearned: labels that only held-out rows show. unheld: those of spans that one row alone
        shows, which so was not held out.
    takes: "pairs" or "texts", of a task that is asked both.
    """

    task: str
    rows: dict[str, int]
    given: int
    support: dict[str, int]
    bare: int | None
    tokens: TokenCounts
    max_length: int
    cut: int
    empty: int
    duplicates: int
    contradictory_rows: int
    shared_validation: int
    shared_test: int
    removed: Removed | None = None
    notes: tuple[str, ...] = ()
    skipped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    unlearned: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()
    takes: str = ""

    @property
    def cut_share(self) -> float:
        """The share of train inputs that are too long, 0 to 1."""
        return self.cut / self.given

    @property
    def imbalance(self) -> float:
        """The most frequent label's number over the rarest one's; 1 without labels."""
        sizes = self.support.values()
        return max(sizes) / min(sizes) if sizes else 1.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the derived figures and the warnings."""
        sizes = self.support.values()
        found = {
            **asdict(self),
            "notes": list(self.notes),
            "cut_share": self.cut_share,
            "figures": {one.name: one.value for one in self.figures},
            "unlearned": list(self.unlearned),
            "unheld": list(self.unheld),
        }
        if self.bare is None:
            del found["bare"]
        if sizes:
            found |= {
                "support_min": min(sizes),
                "support_median": median(sizes),
                "support_max": max(sizes),
                "imbalance": self.imbalance,
            }
        return {**found, "warnings": list(self.warnings())}

    def warnings(self) -> tuple[str, ...]:
        """One sentence for each figure that should worry."""
        train, task = self.given, task_named(self.task, self.takes)
        asks, counted = task.asks, task.counted
        found = []
        if self.tokens.unknown_share > UNKNOWN_SHARE:
            found.append(
                f"The tokenizer does not know {self.tokens.unknown_share:.0%} of the tokens: "
                "this vocabulary is not made for this language or kind of text. "
                "Choose another --model."
            )
        if self.cut_share > CUT_SHARE and task.on_long == "truncate":
            found.append(
                f"{self.cut_share:.0%} of the {asks.many} are longer than {self.max_length} tokens "
                "and are cut: raise --max-length if their ends matter."
            )
        if self.imbalance > IMBALANCE:
            watched = task.metrics.get(task.by_label, "the F1 of the rarest")
            found.append(
                f"The most frequent label has {self.imbalance:.0f} times the {counted.many} of the "
                f"rarest: watch {watched}, and consider --class-weights."
            )
        small = sum(1 for size in self.support.values() if size < FEW)
        if small:
            found.append(
                f"{small} of {len(self.support)} labels {'has' if small == 1 else 'have'} under "
                f"{FEW} {counted.many}."
            )
        if len(self.support) > train / 2 and task.single:
            found.append(
                f"There are {len(self.support)} labels for {train} rows: "
                "is this the right --label-column?"
            )
        if self.empty:
            found.append(f"{asks.are(self.empty)} empty; --clean removes {_them(self.empty)}.")
        if self.duplicates > DUPLICATE_SHARE * train:
            repeat = f"{ROW.of(self.duplicates)} {'repeats' if self.duplicates == 1 else 'repeat'}"
            found.append(f"{repeat} a {asks.one}; --clean removes {_them(self.duplicates)}.")
        if self.contradictory_rows:
            found.append(
                f"{self.contradictory_rows:,} rows have a {asks.one} that another row annotates "
                "otherwise; --clean removes them."
            )
        if self.unlearned:
            found.append(
                f"Only held-out rows show {_some(self.unlearned)}, so "
                "that nothing is learned of it: add rows, or name a file with --validation."
            )
        if self.unheld:
            found.append(
                f"One row alone shows {_some(self.unheld)}, so that it is learned and the held-out "
                "rows do not tell how well: add rows, or name a file with --validation."
            )
        found += [one.warning for one in self.figures if one.warning]
        for split, shared in (
            ("validation", self.shared_validation),
            ("test", self.shared_test),
        ):
            if shared:
                what = "is" if shared == 1 else "are"
                if task.shares is not None:
                    what = f"{'has' if shared == 1 else 'have'} a {task.shares.one} that is"
                found.append(
                    f"{shared:,} of {self.rows[split]:,} {split} {asks.many} {what} also in train, "
                    f"which makes the {split} scores look better than they are; --clean removes "
                    f"{_them(shared)} from train."
                )
        return tuple(found)


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def count_tokens(encoded: Sequence[Encoded], special: int) -> TokenCounts:
    """Measure uncut texts; ``special`` is the number of special tokens in each."""
    lengths = np.array([len(one.ids) for one in encoded])  # (N,) int64
    own = lengths - special  # (N,) int64, the tokens that stand for the text itself
    unknown = sum(
        one.unknown_share * max(int(count), 0) for one, count in zip(encoded, own, strict=True)
    )
    p50, p90, p95, p99 = np.percentile(lengths, [50, 90, 95, 99], method="higher").tolist()
    return TokenCounts(
        p50, p90, p95, p99, int(lengths.max()), unknown_share=unknown / max(int(own.sum()), 1)
    )


def check_known(tokens: TokenCounts, inputs: Sequence[Input], model: str) -> None:
    """Raise DataError where the vocabulary of ``model`` lacks too much of the inputs."""
    if tokens.unknown_share <= MOST_UNKNOWN:
        return
    texts = [column for one in inputs for column in columns_of(one)]
    raise DataError(
        f"{model} does not know {tokens.unknown_share:.0%} of the tokens of the train texts: its "
        "vocabulary is not made for their language.",
        hint=f"{models_for(main_script(texts))} Take one with --model,\n"
        "or train all the same with --allow-unknown.",
    )


def describe(
    task: Task,
    given: Splits,
    splits: Splits,
    lengths: Sequence[int],
    tokens: TokenCounts,
    max_length: int,
    removed: Removed | None = None,
    notes: Sequence[str] = (),
    figures: Sequence[Figure] = (),
) -> DataReport:
    """Describe the splits as ``given`` and, after a hold-out, as ``splits``.

    ``lengths`` are those of the given train rows in tokens, uncut, in any order.
    """
    keys = [text_key(one) for one in given.train.inputs]
    truths_of = truths_by_text(task, given.train)
    whole_train, learned = (
        {group_key(task, one) for one in some.train.inputs} for some in (given, splits)
    )

    def shared(name: str) -> int:
        split = splits.present().get(name)
        among = whole_train if name in given.present() else learned
        return 0 if split is None else sum(group_key(task, one) in among for one in split.inputs)

    train = given.train
    shown, left = _shown(task, train), set(_shown(task, splits.train))
    return DataReport(
        task=task.name,
        takes=takes_of(task),
        rows={name: len(split) for name, split in splits.present().items()},
        given=len(train),
        support=dict(Counter(shown).most_common()),
        bare=None if task.single else sum(not truth for truth in train.truths),
        tokens=tokens,
        max_length=max_length,
        cut=sum(length > max_length for length in lengths),
        empty=sum(not key for key in keys),
        duplicates=len(keys) - len(set(keys)),
        contradictory_rows=sum(len(truths_of[key]) > 1 for key in keys),
        shared_validation=shared("validation"),
        shared_test=shared("test"),
        removed=removed,
        notes=tuple(notes),
        skipped={
            name: dict(split.skipped) for name, split in given.present().items() if split.skipped
        },
        figures=tuple(figures),
        unlearned=tuple(one for one in dict.fromkeys(shown) if one not in left),
        unheld=_alone(task, train)
        if splits.validation is not given.validation and not task.single
        else (),
    )


def _some(labels: Sequence[str]) -> str:
    return f"{', '.join(map(visible, labels[:MOST_NAMED]))}{' …' * (len(labels) > MOST_NAMED)}"


def _alone(task: Task, train: Examples) -> tuple[str, ...]:
    """The labels that one row alone shows."""
    shown = task.shown(train.truths, train.labels)
    rows = Counter(one for labels in shown for one in dict.fromkeys(labels))
    return tuple(one for one, count in rows.items() if count == 1)


def _shown(task: Task, train: Examples) -> list[str]:
    """Each label of each row, in order."""
    return [*chain.from_iterable(task.shown(train.truths, train.labels))]
