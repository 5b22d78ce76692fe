"""The user's texts and their roles: labelled ones choose or report, and none does both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgeft.data import (
    TABLE_SUFFIXES,
    Examples,
    read_examples,
    read_examples_or_texts,
    stratified_split,
)
from edgeft.errors import DataError

__all__ = ["LEAST_CALIBRATION", "LEAST_ROWS", "Evidence", "evenly", "read_evidence"]

Thing = TypeVar("Thing")

LEAST_ROWS = 20  # labelled rows that choose, and as many that report
LEAST_CALIBRATION = 16  # texts; fewer say little about how large activations get
MOST_CALIBRATION = 256  # more of them no longer widen the ranges


@dataclass(frozen=True)
class Evidence:
    """Texts by role, each None where the user gave none.

    choose: by which layers are left in float, and temperature and thresholds set.
    report: on which figures are taken; with labels, other rows than ``choose``.
    calibration: from which static int8 takes its scales.
    """

    choose: Examples | list[str] | None = None
    report: Examples | list[str] | None = None
    calibration: list[str] | None = None


def read_evidence(
    data: Path | None,
    test: Path | None = None,
    calibration: Path | None = None,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    seed: int = 0,
    choose_by_labels: bool = True,
) -> Evidence:
    """Read ``data``, and ``test`` and ``calibration`` where they are given.

    Labelled ``data`` are split in half, each label in proportion: one half
    chooses, the other reports. With ``test`` all of ``data`` choose and
    ``test`` reports. A text that reports does not choose as well: where it
    stands in both, it chooses nothing. Unlabelled texts only compare variants
    with the original and do both; beside ``test`` they may stand only where
    nothing is to be chosen by labels. Raises DataError where rows are too few to
    tell anything.
    """
    given = None
    if data is not None:
        given = read_examples_or_texts(data, text_column=text_column, label_column=label_column)
    choose = report = given
    if test is not None:
        if choose_by_labels and not isinstance(given, Examples):
            raise DataError(
                f"{data} has no labels, so nothing can be chosen on it.",
                hint="Give labelled --data beside --test, or --test's file as --data.",
            )
        report = read_examples(test, text_column=text_column, label_column=label_column)
        choose = _without(given, set(report.texts)) if isinstance(given, Examples) else given
    elif isinstance(given, Examples):
        _enough(given, 2 * LEAST_ROWS, "choose on one half and report on the other")
        choose, report = _halves(given, seed)
    if isinstance(choose, Examples):
        _enough(choose, LEAST_ROWS, "choose (texts that report as well are not counted)")
    if isinstance(report, Examples):
        _enough(report, LEAST_ROWS, "report")
    texts = choose.texts if isinstance(choose, Examples) else choose
    if calibration is not None:
        found = read_examples_or_texts(
            calibration,
            text_column=text_column if calibration.suffix.lower() in TABLE_SUFFIXES else None,
        )
        texts = found.texts if isinstance(found, Examples) else found
        if len(texts) < LEAST_CALIBRATION:
            raise DataError(
                f"{calibration}: {_texts(len(texts))} to take scales from, which is too few.",
                hint=f"Give at least {LEAST_CALIBRATION}, such as the model will see.",
            )
    if texts is not None:
        texts = evenly(texts, MOST_CALIBRATION) if len(texts) >= LEAST_CALIBRATION else None
    return Evidence(choose, report, texts)


def evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most ``most`` of the things, chosen at even distances from first to last."""
    if len(things) <= most:
        return list(things)
    return [things[at * len(things) // most] for at in range(most)]


def _halves(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Two halves in which each label has its part; rows of one text stay together."""
    first = {text: at for at, text in reversed(list(enumerate(examples.texts)))}
    places = sorted(first.values())  # of each text's first row
    _, held = stratified_split([examples.labels[at] for at in places], 0.5, seed=seed)
    others = {examples.texts[places[at]] for at in held}
    return _without(examples, others), examples.subset(
        at for at, text in enumerate(examples.texts) if text in others
    )


def _without(examples: Examples, texts: Collection[str]) -> Examples:
    return examples.subset(at for at, text in enumerate(examples.texts) if text not in texts)


def _enough(examples: Examples, least: int, purpose: str) -> None:
    if len(examples) < least:
        raise DataError(
            f"{examples.source}: {len(examples)} labelled rows are too few to {purpose}.",
            hint=f"Give at least {least}; a few thousand can tell half a point apart.",
        )


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count} texts"
