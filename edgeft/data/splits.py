"""What is learned from, chosen by and reported on; and what tells the same data again."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from edgeft.data.examples import Examples
from edgeft.data.labels import visible
from edgeft.data.notes import Tell, unheard
from edgeft.data.together import split_pairs
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of, group_of

__all__ = ["Splits", "fingerprint", "hold_out"]


@dataclass(frozen=True)
class Splits:
    """Labelled rows to learn from, to choose the best epoch by, and to report on."""

    train: Examples
    validation: Examples | None = None
    test: Examples | None = None

    def present(self) -> dict[str, Examples]:
        """The splits that exist, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    def each(self, change: Callable[[Examples], Examples]) -> "Splits":
        """Every split that exists, changed."""
        return Splits(**{name: change(split) for name, split in self.present().items()})


def hold_out(
    splits: Splits,
    fraction: float,
    strata: Sequence[str],
    *,
    seed: int,
    single: bool = True,
    shares: str = "",
    group: Callable[[Input], Hashable] = group_of,
    tell: Tell = unheard,
) -> Splits:
    """Hold a stratified share of train out as validation where there is none.

    ``strata`` has a key for each row of train. What has ``shares``, such as a context, in common
    stays together: inputs of one ``group``. So do other pairs with a common text, as far as they
    can: see ``split_pairs``, whose sentence is told. Unless truths are ``single`` labels, what
    stands in one row alone is learned. With fraction 0 nothing is held out. Raises DataError for a
    class with a single row, which cannot stand on both sides, and where nothing can be held out.
    """
    if splits.validation is not None or fraction == 0:
        return splits
    train = splits.train
    counts = Counter(strata)
    for key, line in zip(strata, train.lines, strict=True):
        if single and counts[key] == 1:
            raise DataError(
                f"{train.source}, {train.unit} {line}: the class {visible(key)} has only this "
                "row, so it cannot be both learned and held out.",
                hint="Add rows of that class or remove it; or name a file with --validation, "
                "or train on all rows with --hold-out 0.",
            )
    # Equal texts count each by itself, since what a seed held out once it holds out for ever.
    groups = [group(one) if shares else at for at, one in enumerate(train.inputs)]
    pairs = [] if shares else train.inputs
    kept, held, told = split_pairs(pairs, groups, strata, fraction, seed=seed)
    if told:
        tell(f"{train.source}: {told}")
    if not held:
        raise DataError(
            f"{train.source}: all {len(train):,} rows are about one {shares}, which cannot be "
            "both learned and held out."
            if shares
            else f"{train.source}: no label stands in two texts, so none can be both learned and "
            "held out.",
            hint="Add rows; or name a file with --validation, or train on all rows with "
            "--hold-out 0.",
        )
    return replace(splits, train=train.subset(kept), validation=train.subset(held))


def fingerprint(splits: Splits) -> str:
    """ "sha256:" and a hash over every split's name, texts and labels by name, in order."""
    digest = hashlib.sha256()
    for name, split in splits.present().items():
        digest.update(f"{name} {len(split)}\n".encode())
        for one, truth in zip(split.inputs, split.named(), strict=True):
            row = (*columns_of(one), truth)
            digest.update(json.dumps(row).encode() + b"\n")  # ASCII: any str has such a form
    return f"sha256:{digest.hexdigest()}"
