"""The user's texts and their roles: some choose, others report, and none does both."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.data import Examples, read_examples, read_examples_or_texts, stratified_split
from edgeft.errors import DataError

__all__ = ["LEAST_CALIBRATION", "LEAST_ROWS", "Evidence", "evenly", "read_evidence"]

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
) -> Evidence:
    """Read ``data``, and ``test`` and ``calibration`` where they are given.

    Labelled ``data`` are split in half, each label in proportion: one half
    chooses, the other reports. With ``test`` all of ``data`` choose and
    ``test`` reports. Unlabelled texts only compare variants with the original
    and do both. Raises DataError where rows are too few to tell anything.
    """
    given = None
    if data is not None:
        given = read_examples_or_texts(data, text_column=text_column, label_column=label_column)
    choose = report = given
    if test is not None:
        if not isinstance(given, Examples):
            raise DataError(
                f"{data} has no labels, so nothing can be chosen on it.",
                hint="Give labelled --data beside --test, or --test's file as --data.",
            )
        report = read_examples(test, text_column=text_column, label_column=label_column)
        _enough(given, LEAST_ROWS, "choose")
        _enough(report, LEAST_ROWS, "report")
    elif isinstance(given, Examples):
        _enough(given, 2 * LEAST_ROWS, "choose on one half and report on the other")
        ours, others = stratified_split(given.labels, 0.5, seed=seed)
        choose, report = given.subset(ours), given.subset(others)
    texts = choose.texts if isinstance(choose, Examples) else choose
    if calibration is not None:
        found = read_examples_or_texts(calibration, text_column=text_column)
        texts = found.texts if isinstance(found, Examples) else found
        if len(texts) < LEAST_CALIBRATION:
            raise DataError(
                f"{calibration}: {_texts(len(texts))} to take scales from, which is too few.",
                hint=f"Give at least {LEAST_CALIBRATION}, such as the model will see.",
            )
    if texts is not None:
        texts = evenly(texts, MOST_CALIBRATION) if len(texts) >= LEAST_CALIBRATION else None
    return Evidence(choose, report, texts)


def evenly(texts: Sequence[str], most: int) -> list[str]:
    """At most ``most`` texts, chosen at even distances from first to last."""
    if len(texts) <= most:
        return list(texts)
    return [texts[at * len(texts) // most] for at in range(most)]


def _enough(examples: Examples, least: int, purpose: str) -> None:
    if len(examples) < least:
        raise DataError(
            f"{examples.source}: {len(examples)} labelled rows are too few to {purpose}.",
            hint=f"Give at least {least}; a few thousand can tell half a point apart.",
        )


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count} texts"
