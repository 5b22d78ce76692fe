"""The user's labelled rows by role: students learn from some, some choose, others report."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import as_given
from edgeft.data import TABLE_SUFFIXES, Examples, OnBad, Tell, split_pairs, unheard
from edgeft.data.seen import read_seen
from edgeft.errors import DataError, UsageError
from edgeft.folders import write_file
from edgeft.inputs import Input, Pair, Question, columns_of, group_of
from edgeft.proof.evidence import LEAST_ROWS
from edgeft.tasks.reading import aligned, read_examples_or_inputs, read_inputs
from edgeft.tasks.tags import tags_of
from edgeft.tasks.task import Columns, Task

__all__ = ["UNLABELLED", "PartedRows", "pair_columns", "part_rows", "read_parted",
           "read_unlabelled", "write_inputs", "write_rows"]  # fmt: skip

PAIR_COLUMNS = ("text", "text_pair")  # as they are written
UNLABELLED = "unlabelled"  # the role of texts that students learn from beside their rows


@dataclass(frozen=True)
class PartedRows:
    """Rows with the labels of the model: of no text does one part have what another has."""

    learn: Examples
    choose: Examples
    report: Examples

    def by_role(self) -> dict[str, Examples]:
        """By the names of the roles."""
        return {"learn": self.learn, "choose": self.choose, "report": self.report}


def read_parted(
    checkpoint: Checkpoint,
    data: Path,
    test: Path | None,
    train: Path | None,
    *,
    columns: Columns,
    seed: int,
    on_bad: OnBad = "error",
    tell: Tell = unheard,
) -> PartedRows:
    """Read the files and give each row its role.

    ``train`` is what students learn from; without it those rows of ``data`` that the checkpoint
    learned from, where they are most, or else half of the others as well. Of the rest one half
    chooses and the other reports, unless ``test`` does. Raises DataError.
    """
    task, labels = checkpoint.task, checkpoint.labels

    def read(path: Path | None) -> Examples | None:
        if path is None:
            return None
        found = read_examples_or_inputs(path, task, columns, tell, on_bad)
        if not isinstance(found, Examples):
            raise DataError(
                f"{path} has no labels, so nothing can be told from it of what a model loses.",
                hint=f"Give labelled rows, or name the column with --{task.roles[-1]}-column; "
                "students learn from texts without labels by --unlabelled FILE.",
            )
        form = task.judging(found.truths)
        if form is not task:
            raise DataError(
                f"{path} is judged by {' and '.join(form.metrics.values())}, by which models are "
                "not compressed yet.",
                hint=f"Give rows that are judged by {' and '.join(task.metrics.values())}, or make "
                "smaller models by edgeft trim and edgeft distill, and export each.",
            )
        return aligned(found, labels)

    given, reported, learned = read(data), read(test), read(train)
    assert given is not None
    seen = _seen_by(checkpoint)
    parts = part_rows(given, reported, learned, task=task, seen=seen, seed=seed, tell=tell)
    for role, rows in parts.by_role().items():
        if len(rows) < LEAST_ROWS:
            hint = f"Give at least {LEAST_ROWS} rows for each purpose; thousands can prove more."
            if role == "learn":
                hint += " Add --train FILE with the rows that the checkpoint learned from."
            raise DataError(
                f"{rows.source}: {len(rows)} labelled rows are too few to {role}"
                + (" (those that it was trained on are not counted)." if role != "learn" else "."),
                hint=hint,
            )
    return parts


def part_rows(
    data: Examples,
    test: Examples | None,
    train: Examples | None,
    *,
    task: Task,
    seen: Callable[[Sequence[Input]], list[bool]],
    seed: int,
    tell: Tell = unheard,
) -> PartedRows:
    """Part rows as ``read_parted`` says; ``seen`` says which a checkpoint was trained on.

    What was trained on, by the teacher or its students, neither chooses nor reports. A text that
    reports does nothing else.
    """
    if test is not None:
        known = seen(test.inputs)
        if any(known):
            tell(f"{test.source}: {sum(known):,} of {len(test):,} rows were trained on and report "
                 "nothing.")  # fmt: skip
        test = test.subset(at for at, one in enumerate(known) if not one)
        data = _without(data, _groups(test))
    known = seen(data.inputs)
    old = data.subset(at for at, one in enumerate(known) if one)
    new = _without(data, _groups(old))
    if train is not None:
        if test is not None:
            train = _without(train, _groups(test))
        learn, left = train, _without(new, _groups(train))
        if dropped := len(data) - len(left):
            tell(f"{data.source}: {dropped:,} of {len(data):,} rows are of those that students or "
                 "their teacher learn from, and do nothing else.")  # fmt: skip
    elif len(old) >= len(new):
        learn, left = old, new
        tell(f"{data.source}: students learn from the {len(old):,} of {len(data):,} rows that "
             "their teacher learned from.")  # fmt: skip
    else:
        left, more = _halves(new, task, seed, tell)
        learn = data.subset(at for at, one in enumerate(data.inputs)
                            if group_of(one) in _groups(old) | _groups(more))  # fmt: skip
        tell(f"{data.source}: students learn from {len(learn):,} of {len(data):,} rows, which do "
             "nothing else. With --train FILE all may choose and report.")  # fmt: skip
    if test is not None:
        return PartedRows(learn, left, test)
    return PartedRows(learn, *_halves(left, task, seed + 1, tell))


def read_unlabelled(
    checkpoint: Checkpoint,
    paths: Sequence[Path],
    parts: PartedRows,
    *,
    columns: Columns,
    tell: Tell = unheard,
) -> list[Input]:
    """The different texts of files that students learn from, without those that choose or report.

    Raises UsageError where a student learns from labelled rows alone, DataError.
    """
    task = checkpoint.task
    if paths and Question in task.takes:
        raise UsageError(
            f"A student of the task {task.name} learns from labelled rows alone.",
            hint="Leave out --unlabelled.",
        )
    taken = {one for rows in (parts.choose, parts.report) for one in rows.inputs}
    found: dict[Input, None] = {}
    for path in paths:
        is_table = path.suffix.lower() in TABLE_SUFFIXES
        named = {role: columns.get(role) for role in ("text", "other")} if is_table else {}
        texts = list(read_inputs(path, task, named, tell))
        if not texts:
            raise DataError(f"{path} has no texts.", hint="Leave it out.")
        if kept_back := sum(one in taken for one in texts):
            tell(f"{path}: {kept_back:,} of {len(texts):,} texts choose or report, so students do "
                 "not learn from them.")  # fmt: skip
        found |= dict.fromkeys(one for one in texts if one not in taken)
    return list(found)


def write_inputs(inputs: Sequence[Input], path: Path) -> None:
    """Write texts, or pairs of them, as JSON Lines. Raises OutputError."""
    write_file(path, "".join(f"{json.dumps(_named(one))}\n" for one in inputs))


def write_rows(rows: Examples, path: Path) -> None:
    """Write rows as JSON Lines that every command reads. Raises OutputError."""
    lines = (json.dumps(one) for one in _objects(rows))
    write_file(path, "".join(f"{line}\n" for line in lines))


def _objects(rows: Examples) -> Iterator[dict[str, Any]]:
    types = [tag.type for tag in tags_of(rows.labels)] if "span" in rows.columns else []
    for one, truth in zip(rows.inputs, rows.truths, strict=True):
        if isinstance(one, Question):
            answers = [{"text": text, "answer_start": start} for text, start in truth]
            yield {"question": one.question, "context": one.context, "answers": answers}
        elif isinstance(truth, int):
            yield {**_named(one), "label": rows.labels[truth]}
        elif isinstance(truth, float):
            yield {**_named(one), "label": truth}
        elif "span" not in rows.columns:
            yield {**_named(one), "labels": [rows.labels[at] for at in truth]}
        else:
            spans = [{"start": start, "end": end, "label": types[at]} for start, end, at in truth]
            yield {"text": one, "entities": spans}


def _named(one: Input) -> dict[str, str]:
    """The texts of an input, each under the usual name of its column."""
    return dict(zip(PAIR_COLUMNS, columns_of(one), strict=False))


def pair_columns(rows: Examples) -> tuple[str, str] | tuple[None, None]:
    """The columns of both texts in what ``write_rows`` wrote, where rows are pairs."""
    return PAIR_COLUMNS if any(isinstance(one, Pair) for one in rows.inputs) else (None, None)


def _seen_by(checkpoint: Checkpoint) -> Callable[[Sequence[Input]], list[bool]]:
    seen = read_seen(checkpoint.folder)
    if seen is None:
        return lambda inputs: [False] * len(inputs)
    # One by one: which row it is that was trained on.
    return lambda inputs: [
        bool(seen.count([as_given(checkpoint, columns_of(one))])) for one in inputs
    ]


def _groups(rows: Examples) -> set[tuple[str, ...]]:
    return set(map(group_of, rows.inputs))


def _without(rows: Examples, groups: Collection[tuple[str, ...]]) -> Examples:
    return rows.subset(at for at, one in enumerate(rows.inputs) if group_of(one) not in groups)


def _halves(rows: Examples, task: Task, seed: int, tell: Tell) -> tuple[Examples, Examples]:
    if not len(rows):
        return rows, rows
    groups = [group_of(one) for one in rows.inputs]
    strata = task.strata(rows.truths, rows.labels)
    one, other, told = split_pairs(rows.inputs, groups, strata, 0.5, seed=seed)
    if told:
        tell(f"{rows.source}: {told}")
    return rows.subset(one), rows.subset(other)
