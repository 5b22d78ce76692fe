"""The user's texts and their roles: some set the threshold, others report, and none does both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.cascade.stages import NamedStage
from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import as_given
from edgeft.data import TABLE_SUFFIXES, Examples, OnBad, Tell, unheard
from edgeft.data.seen import read_seen
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input, columns_of
from edgeft.proof.evidence import Evidence, read_evidence
from edgeft.tasks.reading import aligned, read_inputs
from edgeft.tasks.task import Columns

__all__ = ["Gathered", "gather_rows"]

MOST_SEEN = 0.05  # of a file's rows may have been trained on; they are left out


@dataclass(frozen=True)
class Gathered:
    """Inputs, each once asked of every stage, and the places in them of each role.

    choose: of labelled rows that set the threshold, or of ``data`` without labels; ``truths`` are
    theirs. unlabelled: of further texts, by file. report: of others, with ``report_truths``.
    trained_on: how many rows were left out, by file.
    """

    inputs: list[Input]
    choose: list[int]
    truths: list[Any] | None
    unlabelled: Mapping[Path, list[int]]
    report: list[int]
    report_truths: list[Any] | None
    trained_on: Mapping[str, int]
    evidence: Evidence

    @property
    def choosing(self) -> list[int]:
        """All texts that may set a threshold by which answers agree, labels or none."""
        return [*self.choose, *(at for places in self.unlabelled.values() for at in places)]


def gather_rows(
    stages: Sequence[NamedStage],
    data: Path | None,
    test: Path | None,
    unlabelled: Sequence[Path],
    *,
    columns: Columns,
    seed: int,
    on_bad: OnBad = "error",
    tell: Tell = unheard,
) -> Gathered:
    """Read the files, and give each row its role.

    Of labelled ``data`` one half chooses and the other reports, unless ``test`` does. Unlabelled
    texts choose. A promise is of texts as often as they come, so one that stands in several rows
    counts in each, whatever that row does: a threshold remembers no text. Rows that a stage was
    trained on, as far as checkpoints tell, are left out. Raises UsageError where nothing can
    choose, DataError where many rows were trained on, or where those that report are the choosers.
    """
    task, labels = stages[-1].task, stages[-1].labels
    if data is None and not unlabelled:
        raise UsageError(
            "There are no rows to set thresholds on.",
            hint="Add --data FILE with labelled rows, or --unlabelled FILE with texts.",
        )
    if data is None and test is not None:
        raise UsageError("--test was given, but no --data.", hint="Add --data FILE.")
    evidence = read_evidence(
        data,
        test,
        task=task,
        columns=columns,
        seed=seed,
        choose_by_labels=False,
        tell=tell,
        on_bad=on_bad,
        apart=False,
    )
    unseen = _Unseen(stages)
    inputs: list[Input] = []

    def add(some: Sequence[Input]) -> list[int]:
        inputs.extend(some)
        return list(range(len(inputs) - len(some), len(inputs)))

    chosen, truths = _rows(evidence.choose, labels, unseen, "--data")
    choose = add(chosen)
    report: list[int] = []
    report_truths = None
    if evidence.report is not None and evidence.report is not evidence.choose:
        name = "--test" if test is not None else "--data"
        others, report_truths = _rows(evidence.report, labels, unseen, name)
        if set(others) <= set(chosen):
            raise DataError(
                f"The rows that report ({name}) all stand among those that set the threshold.",
                hint="Give others with --test, or only --data, half of which then reports.",
            )
        report = add(others)
    kinds = {type(one) for one in inputs}
    further = {}
    for path in dict.fromkeys(unlabelled):
        its = columns if path.suffix.lower() in TABLE_SUFFIXES else {}
        texts = list(read_inputs(path, task, its, tell))
        if not texts:
            raise DataError(f"{path} is empty.", hint="It needs at least one text.")
        if kinds and type(texts[0]) not in kinds:
            raise DataError(
                f"{path} has {type(texts[0]).__name__}s, and --data has others.",
                hint="Give texts of the same kind: a Pair where --data has pairs.",
            )
        further[path] = add(unseen.of(texts, str(path)))
    return Gathered(
        inputs, choose, truths, further, report, report_truths, unseen.left_out, evidence
    )


class _Unseen:
    """Rows without those that a stage was trained on, as its checkpoint tells."""

    def __init__(self, stages: Sequence[NamedStage]) -> None:
        self.left_out: dict[str, int] = {}
        self._told: list[tuple[str, Callable[[Input], bool]]] = []
        for stage in stages:
            if isinstance(stage.made_of, Checkpoint):
                seen = read_seen(stage.made_of.folder)
                if seen is not None:
                    self._told.append((stage.given, _seen_by(stage.made_of, seen.count)))

    def kept(self, inputs: Sequence[Input], name: str) -> list[int]:
        """The places of rows that no stage knows. Raises DataError where many are known."""
        known = set()
        for given, tells in self._told:
            its = {at for at, one in enumerate(inputs) if tells(one)}
            if len(its) > MOST_SEEN * len(inputs):
                raise DataError(
                    f"{len(its):,} of {len(inputs):,} rows of {name} were trained on by {given}: "
                    "it is surer of them than of new texts, so they prove nothing.",
                    hint="Give texts that no stage was trained on, such as the test set.",
                )
            known |= its
        if known:
            self.left_out[name] = self.left_out.get(name, 0) + len(known)
        return [at for at in range(len(inputs)) if at not in known]

    def of(self, inputs: Sequence[Input], name: str) -> list[Input]:
        """The rows themselves."""
        return [inputs[at] for at in self.kept(inputs, name)]


def _seen_by(
    checkpoint: Checkpoint, count: Callable[[Sequence[Sequence[str]]], int]
) -> Callable[[Input], bool]:
    return lambda one: bool(count([as_given(checkpoint, columns_of(one))]))


def _rows(
    data: Examples | Sequence[Input] | None, labels: tuple[str, ...], unseen: _Unseen, name: str
) -> tuple[list[Input], list[Any] | None]:
    if data is None:
        return [], None
    if isinstance(data, Examples):
        rows = aligned(data, labels)
        rows = rows.subset(unseen.kept(rows.inputs, name))
        return rows.inputs, rows.truths
    return unseen.of(data, name), None
