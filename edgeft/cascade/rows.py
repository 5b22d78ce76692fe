"""The user's texts and their roles: some set the threshold, others report, and none does both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.cascade.stages import NamedStage
from edgeft.cascade.trained import Unseen, check_fingerprints
from edgeft.data import TABLE_SUFFIXES, Examples, OnBad, Tell, unheard
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input
from edgeft.proof.evidence import Evidence, read_evidence
from edgeft.tasks.reading import aligned, read_examples, read_inputs
from edgeft.tasks.task import Columns

__all__ = ["Gathered", "gather_rows"]


@dataclass(frozen=True)
class Gathered:
    """Inputs, each once asked of every stage, and the places in them of each role.

    choose: of labelled rows that set the threshold, or of ``data`` without labels; ``truths`` are
    theirs. unlabelled: of further texts, by file. report: of others, with ``report_truths``.
    trained_on: how many rows were left out, by file. not_known: the places of the stages of which
    it is not known what they were trained on.
    """

    inputs: list[Input]
    choose: list[int]
    truths: list[Any] | None
    unlabelled: Mapping[Path, list[int]]
    report: list[int]
    report_truths: list[Any] | None
    trained_on: Mapping[str, int]
    not_known: Sequence[int]
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
    trained on are left out, as far as checkpoints tell; where one does not, that is told. Raises
    UsageError where nothing can choose, DataError where many rows were trained on, or where those
    that report are the choosers.
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
    unseen = Unseen(stages, tell)
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
    bare: dict[Path, list[Input]] = {}
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
        bare[path] = texts
    check_fingerprints(
        stages,
        lambda: (
            read_examples(data, task, columns, on_bad=on_bad)
            if data is not None and isinstance(evidence.choose, Examples)
            else None
        ),
        evidence,
        bare,
        has_test=test is not None,
    )
    further = {path: add(unseen.of(texts, str(path))) for path, texts in bare.items()}
    return Gathered(
        inputs,
        choose,
        truths,
        further,
        report,
        report_truths,
        unseen.left_out,
        unseen.not_known,
        evidence,
    )


def _rows(
    data: Examples | Sequence[Input] | None, labels: tuple[str, ...], unseen: Unseen, name: str
) -> tuple[list[Input], list[Any] | None]:
    if data is None:
        return [], None
    if isinstance(data, Examples):
        rows = aligned(data, labels)
        rows = rows.subset(unseen.kept(rows.inputs, name))
        return rows.inputs, rows.truths
    return unseen.of(data, name), None
