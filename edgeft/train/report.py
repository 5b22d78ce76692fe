"""What the data are like, and what in them should worry, before any training."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np

from edgeft.data import Examples, Splits, visible
from edgeft.errors import DataError
from edgeft.inputs import Input, Question, columns_of
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.tags import tags_of
from edgeft.train.clean import Removed, group_key, text_key, truth_key
from edgeft.train.objectives.objective import Figure
from edgeft.train.scripts import main_script, models_for

__all__ = ["DataReport", "TokenCounts", "check_known", "count_tokens", "describe"]

# From where a figure earns a sentence of its own.
UNKNOWN_SHARE = 0.05
# From where training is refused unless told: English with slang and smileys has 0.001, Chinese
# for an English vocabulary 0.6; with a quarter of the words gone, little is left to learn from.
MOST_UNKNOWN = 0.25
CUT_SHARE = 0.10
IMBALANCE = 10.0
DUPLICATE_SHARE = 0.01
FEW_ROWS = 8
MOST_NAMED = 5  # labels in a warning


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

    rows: rows by split, after train's own hold-out became validation.
    given: rows of train before that, as all that follows. classes: how often each label stands,
    on a row or a span of it. bare: rows without any, None where each has one. cut: texts with
    more than ``max_length`` tokens, which are read in windows where the task says so.
    duplicates: rows whose text stood there before.
    contradictory_rows: rows whose text also stands under another label.
    shared_validation, shared_test: rows of that split whose text, or context, is in train; of
        rows held out from train, those whose text stands among the rest, too.
    removed: what --clean took out before all this was counted.
    notes: what the readers of the files decided.
    skipped: rows that --skip-bad left out, by split and by what was wrong with them.
    figures: what there is to say of this task alone.
    unlearned: labels that only held-out rows show. unheld: those of spans that one row alone
        shows, which so was not held out.
    questions: whether the rows are questions, of which contexts are shared.
    """

    rows: dict[str, int]
    given: int
    classes: dict[str, int]
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
    questions: bool = False

    @property
    def cut_share(self) -> float:
        """The share of train texts that are cut, 0 to 1."""
        return self.cut / self.given

    @property
    def imbalance(self) -> float:
        """The most frequent label's number over the rarest one's; 1 without labels."""
        sizes = self.classes.values()
        return max(sizes) / min(sizes) if sizes else 1.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the derived figures and the warnings."""
        sizes = self.classes.values()
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
                "class_rows_min": min(sizes),
                "class_rows_median": median(sizes),
                "class_rows_max": max(sizes),
                "imbalance": self.imbalance,
            }
        return {**found, "warnings": list(self.warnings())}

    def warnings(self) -> tuple[str, ...]:
        """One sentence for each figure that should worry."""
        train = self.given
        whole = self.bare is None  # a row has one label; else its spans have
        found = []
        if self.tokens.unknown_share > UNKNOWN_SHARE:
            found.append(
                f"The tokenizer does not know {self.tokens.unknown_share:.0%} of the tokens: "
                "this vocabulary is not made for this language or kind of text. "
                "Choose another --model."
            )
        if self.cut_share > CUT_SHARE and whole:
            found.append(
                f"{self.cut_share:.0%} of the texts are longer than {self.max_length} tokens "
                "and are cut: raise --max-length if their ends matter."
            )
        if self.imbalance > IMBALANCE:
            found.append(
                f"The largest class has {self.imbalance:.0f} times the rows of the smallest: "
                "watch macro F1, and consider --class-weights."
                if whole
                else f"The most frequent label stands {self.imbalance:.0f} times as often as the "
                "rarest: watch its own F1, and consider --class-weights."
            )
        small = sum(1 for size in self.classes.values() if size < FEW_ROWS)
        if small:
            found.append(
                f"{small} of {len(self.classes)} classes have under {FEW_ROWS} rows."
                if whole
                else f"{small} of {len(self.classes)} labels stand under {FEW_ROWS} times."
            )
        if len(self.classes) > train / 2 and whole:
            found.append(
                f"There are {len(self.classes)} labels for {train} rows: "
                "is this the right --label-column?"
            )
        if self.empty:
            found.append(f"{self.empty} texts are empty; --clean removes them.")
        if self.duplicates > DUPLICATE_SHARE * train:
            found.append(f"{self.duplicates} rows repeat a text; --clean removes them.")
        if self.contradictory_rows:
            found.append(
                f"{self.contradictory_rows} rows have a text that also stands under another "
                "label; --clean removes them."
                if whole
                else f"{self.contradictory_rows} rows have a text that another row annotates "
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
                what = "questions have a context that is" if self.questions else "texts are"
                found.append(
                    f"{shared} of {self.rows[split]} {split} {what} also in train, which "
                    f"makes the {split} scores look better than they are; --clean removes "
                    "them from train."
                )
        return tuple(found)


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
    truths_of = defaultdict(set)
    for key, one, truth in zip(keys, given.train.inputs, given.train.truths, strict=True):
        truths_of[key].add(truth_key(one, truth))
    whole_train, learned = (set(map(group_key, some.train.inputs)) for some in (given, splits))

    def shared(name: str) -> int:
        split = splits.present().get(name)
        among = whole_train if name in given.present() else learned
        return 0 if split is None else sum(group_key(one) in among for one in split.inputs)

    train, whole = given.train, all(isinstance(one, int) for one in given.train.truths)
    shown, left = _shown(train), set(_shown(splits.train))
    return DataReport(
        rows={name: len(split) for name, split in splits.present().items()},
        given=len(train),
        classes=dict(Counter(shown).most_common()),
        bare=None if whole else sum(not truth for truth in train.truths),
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
        unheld=_alone(train) if splits.validation is not given.validation and not whole else (),
        questions=isinstance(train.inputs[0], Question),
    )


def _some(labels: Sequence[str]) -> str:
    return f"{', '.join(map(visible, labels[:MOST_NAMED]))}{' …' * (len(labels) > MOST_NAMED)}"


def _alone(train: Examples) -> tuple[str, ...]:
    """The labels of spans that one row alone shows."""
    if not train.labels:
        return ()
    types = [tag.type for tag in tags_of(train.labels)]
    rows = Counter(one for truth in train.truths for one in {types[at] for *_, at in truth})
    return tuple(one for one, count in rows.items() if count == 1)


def _shown(train: Examples) -> list[str]:
    """The label of each row, or of each of its spans."""
    if not train.labels:
        return []
    if all(isinstance(one, int) for one in train.truths):
        return [train.labels[at] for at in train.truths]
    types = [tag.type for tag in tags_of(train.labels)]
    return [types[label] for truth in train.truths for *_, label in truth]
