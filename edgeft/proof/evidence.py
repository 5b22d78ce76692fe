"""The user's texts and their roles: labelled ones choose or report, and none does both."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from edgeft.data import (
    TABLE_SUFFIXES,
    Examples,
    Tell,
    evenly,
    open_texts,
    read_examples,
    read_examples_or_texts,
    sample_evenly,
    stratified_split,
    unheard,
)
from edgeft.errors import DataError
from edgeft.tasks.labelled import strata

__all__ = ["LEAST_CALIBRATION", "LEAST_ROWS", "Evidence", "read_evidence"]

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
    tell: Tell = unheard,
) -> Evidence:
    """Read ``data``, and ``test`` and ``calibration`` where they are given.

    Labelled ``data`` are split in half, each label in proportion: one half
    chooses, the other reports. With ``test`` all of ``data`` choose and
    ``test`` reports. A text that reports does not choose as well: where it
    stands in both, it chooses nothing. Unlabelled texts only compare variants
    with the original and do both; beside ``test`` they may stand only where
    nothing is to be chosen by labels. What a reader decided is told. Raises
    DataError where rows are too few to tell anything.
    """
    given = None
    if data is not None:
        given = read_examples_or_texts(
            data, text_column=text_column, label_column=label_column, tell=tell
        )
    choose = report = given
    if test is not None:
        if choose_by_labels and not isinstance(given, Examples):
            raise DataError(
                f"{data} has no labels, so nothing can be chosen on it.",
                hint="Give labelled --data beside --test, or --test's file as --data.",
            )
        report = read_examples(test, text_column=text_column, label_column=label_column, tell=tell)
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
        named = text_column if calibration.suffix.lower() in TABLE_SUFFIXES else None
        texts, count = sample_evenly(
            open_texts(calibration, text_column=named, tell=tell), MOST_CALIBRATION
        )
        if count < LEAST_CALIBRATION:
            raise DataError(
                f"{calibration}: {_texts(count)} to take scales from, which is too few.",
                hint=f"Give at least {LEAST_CALIBRATION}, such as the model will see.",
            )
    if texts is not None:
        texts = evenly(texts, MOST_CALIBRATION) if len(texts) >= LEAST_CALIBRATION else None
    return Evidence(choose, report, texts)


def _halves(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Two halves in which each label has its part; rows of one text stay together."""
    first = {text: at for at, text in reversed(list(enumerate(examples.texts)))}
    names = strata(examples.truths, examples.labels)
    places = sorted(first.values())  # of each text's first row
    _, held = stratified_split([names[at] for at in places], 0.5, seed=seed)
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
