"""The user's inputs and their roles: labelled ones choose or report, and none does both."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.data import (
    TABLE_SUFFIXES,
    Examples,
    OnBad,
    Tell,
    evenly,
    sample_evenly,
    split_pairs,
    unheard,
)
from edgeft.data.kinds import TAGGED_SUFFIXES
from edgeft.errors import DataError
from edgeft.inputs import Input
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples, read_examples_or_inputs, read_inputs
from edgeft.tasks.task import Columns, Task

__all__ = ["LEAST_ROWS", "LEAST_SCALES", "Evidence", "read_evidence"]

NOT_NAMED: Mapping[str, str | None] = {}  # columns
LEAST_ROWS = 20  # labelled rows that choose, and as many that report
LEAST_SCALES = 16  # texts; fewer say little about how large activations get
MOST_SCALES = 256  # more of them no longer widen the ranges


@dataclass(frozen=True)
class Evidence:
    """Inputs by role, each None where the user gave none.

    choose: by which layers are left in float, and temperature and thresholds set.
    report: on which figures are taken; with labels, other rows than ``choose``.
    scales: from which static int8 takes its scales.
    """

    choose: Examples | Sequence[Input] | None = None
    report: Examples | Sequence[Input] | None = None
    scales: Sequence[Input] | None = None


def read_evidence(
    data: Path | None,
    test: Path | None = None,
    scales: Path | None = None,
    *,
    task: Task = TASK,
    columns: Columns = NOT_NAMED,
    seed: int = 0,
    choose_by_labels: bool = True,
    tell: Tell = unheard,
    on_bad: OnBad = "error",
    apart: bool = True,
) -> Evidence:
    """Read ``data``, and ``test`` and ``scales`` where they are given.

    Labelled ``data`` are split in half, each label in proportion: one half
    chooses, the other reports. With ``test`` all of ``data`` choose and
    ``test`` reports. A text that reports does not choose as well: where it
    stands in both, it chooses nothing. Unlabelled texts only compare variants
    with the original and do both; beside ``test`` they may stand only where
    nothing is to be chosen by labels. What a reader decided is told. Raises
    DataError where rows are too few to tell anything.

    Unless ``apart`` a text that stands in several rows may do both, each row by itself: where
    what is chosen remembers no text, such as a threshold, rows without the frequent texts would not
    be like those to come. What inputs share, such as a context, stays on one side all the same.
    """
    given = None
    if data is not None:
        given = read_examples_or_inputs(data, task, columns, tell, on_bad)
    choose = report = given
    if test is not None:
        if choose_by_labels and not isinstance(given, Examples):
            raise DataError(
                f"{data} has no labels, so nothing can be chosen on it.",
                hint="Give labelled --data beside --test, or --test's file as --data.",
            )
        report = read_examples(test, task, columns, tell, on_bad)
        task = task.judging(report.truths)
        choose = (
            _without(given, task, set(map(task.group, report.inputs)))
            if isinstance(given, Examples) and (apart or task.shares)
            else given
        )
    elif isinstance(given, Examples):
        _enough(given, 2 * LEAST_ROWS, "choose on one half and report on the other")
        task = task.judging(given.truths)
        choose, report = _halves(given, task, seed, apart=apart, tell=tell)
    if isinstance(choose, Examples):
        _enough(choose, LEAST_ROWS, "choose (texts that report as well are not counted)")
    if isinstance(report, Examples):
        _enough(report, LEAST_ROWS, "report")
    inputs = choose.inputs if isinstance(choose, Examples) else choose
    if scales is not None:
        inputs, count = sample_evenly(_inputs_of(scales, task, columns, tell), MOST_SCALES)
        if count < LEAST_SCALES:
            raise DataError(
                f"{scales}: {task.asks.of(count)} to take scales from, which is too few.",
                hint=f"Give at least {LEAST_SCALES}, such as the model will see.",
            )
    if inputs is not None:
        inputs = evenly(inputs, MOST_SCALES) if len(inputs) >= LEAST_SCALES else None
    return Evidence(choose, report, inputs)


def _inputs_of(path: Path, task: Task, columns: Columns, tell: Tell) -> Iterable[Input]:
    """The inputs of a file, labels or none, in bounded memory where these are texts."""
    if path.suffix.lower() not in (*TABLE_SUFFIXES, *TAGGED_SUFFIXES):
        columns = NOT_NAMED  # they are those of --data; a text a line has none
    return read_inputs(path, task, columns, tell)


def _halves(
    examples: Examples, task: Task, seed: int, *, apart: bool, tell: Tell
) -> tuple[Examples, Examples]:
    """Two halves in which each label has its part; rows of one text or context stay together.

    So do pairs that share a text, as far as they can. Unless ``apart`` those of one text need not.
    """
    groups: list[Hashable] = [
        task.group(one) if apart or task.shares else at for at, one in enumerate(examples.inputs)
    ]
    strata = task.strata(examples.truths, examples.labels)
    pairs = examples.inputs if apart and not task.shares else []
    *halves, told = split_pairs(pairs, groups, strata, 0.5, seed=seed)
    if told:
        tell(f"{examples.source}: {told}")
    if min(map(len, halves)) < LEAST_ROWS and task.shares is not None:
        asked, shared = task.asks.many, task.shares
        raise DataError(
            f"{examples.source}: all {len(examples):,} {asked} are about "
            f"{shared.of(len(set(groups)))}, which cannot be parted so that each half has "
            f"{LEAST_ROWS} {asked}.",
            hint=f"Add {shared.many}, or give --test.",
        )
    choose, report = map(examples.subset, halves)
    return choose, report


def _without(examples: Examples, task: Task, keys: Collection[tuple[str, ...]]) -> Examples:
    inputs = enumerate(examples.inputs)
    return examples.subset(at for at, one in inputs if task.group(one) not in keys)


def _enough(examples: Examples, least: int, purpose: str) -> None:
    if len(examples) < least:
        raise DataError(
            f"{examples.source}: {len(examples)} labelled rows are too few to {purpose}.",
            hint=f"Give at least {least}; a few thousand can tell half a point apart.",
        )
