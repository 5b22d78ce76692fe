"""Labelled inputs, and how labelled texts are taken from a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeft.data.bad import BadRowError, BadRows
from edgeft.data.input_columns import READ, find_inputs, lone_surrogate
from edgeft.data.labels import lookalikes, ordered_labels, visible
from edgeft.data.notes import Sightings, Tell
from edgeft.data.table import LABEL_COLUMNS, Table, find_column
from edgeft.errors import DataError
from edgeft.inputs import Input

__all__ = [
    "Examples",
    "broken_label",
    "examples_or_inputs",
    "inputs_in",
    "ids_in",
    "labelled",
    "tell_lookalikes",
    "unlabelled",
]

MOST_GROUPS = 5  # of labels that look alike, which a note names


@dataclass(frozen=True)
class Examples:
    """Inputs and what is true of each: ``truths[i]`` of ``inputs[i]``, found at ``lines[i]``.

    truths: in the form that the task gives them: a class id; a sorted tuple of these; spans
        (start, end, label id).
    labels: what the ids in truths refer to, in their order; () where there are none.
    columns: the name of the column from which each role ("text", "label") was read.
    skipped: how many rows were left out, by what was wrong with their annotation.
    unit: what ``lines`` count: lines, items of a JSON array, questions of a document, texts.
    """

    source: str
    inputs: list[Input]
    truths: list[Any]
    lines: list[int]
    labels: tuple[str, ...]
    columns: Mapping[str, str]
    skipped: Mapping[str, int] = field(default_factory=dict)
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def texts(self) -> list[str]:
        """The inputs of a task that reads one text each."""
        return self.inputs  # type: ignore[return-value]

    def subset(self, rows: Iterable[int]) -> "Examples":
        """The examples at the positions ``rows``, in that order."""
        rows = list(rows)
        return replace(
            self,
            inputs=[self.inputs[i] for i in rows],
            truths=[self.truths[i] for i in rows],
            lines=[self.lines[i] for i in rows],
        )

    def named(self) -> list[Any]:
        """The truths with labels by name."""
        return self._with_ids(self.labels.__getitem__)

    def renumbered(self, labels: tuple[str, ...]) -> "Examples":
        """The same with the ids that its labels have in ``labels``. Raises KeyError.

        Examples without labels stay as they are.
        """
        if not self.labels or labels == self.labels:
            return self
        ids = {label: at for at, label in enumerate(labels)}
        truths = self._with_ids(lambda at: ids[self.labels[at]])
        return replace(self, truths=truths, labels=labels)

    def _with_ids(self, change: Callable[[int], Any]) -> list[Any]:
        if not self.labels:
            return self.truths
        return [_with_ids(truth, change) for truth in self.truths]


def ids_in(truth: Any) -> list[int]:
    """The label ids of a truth: of a class id itself, of a set of ids, of spans."""
    if isinstance(truth, int):
        return [truth]
    return [one if isinstance(one, int) else one[-1] for one in truth]


def _with_ids(truth: Any, change: Callable[[int], Any]) -> Any:
    """A truth with other ids, or with names; a set of these stays sorted."""
    if isinstance(truth, int):
        return change(truth)
    if all(isinstance(one, int) for one in truth):
        return tuple(sorted(map(change, truth)))
    return tuple((*place, change(label)) for *place, label in truth)


def inputs_in(rows: Examples | Sequence[Input] | None) -> Sequence[Input]:
    """The inputs of rows, whether or not these are labelled; none of None."""
    return rows.inputs if isinstance(rows, Examples) else rows or ()


def labelled(
    source: str,
    inputs: Sequence[Input],
    names: Sequence[str],
    lines: Sequence[int],
    columns: Mapping[str, str],
) -> Examples:
    """Inputs with one label each, of which the names are given."""
    labels = ordered_labels(names)
    ids = {label: at for at, label in enumerate(labels)}
    truths = [ids[name] for name in names]
    return Examples(source, list(inputs), truths, list(lines), labels, columns)


def unlabelled(table: Table, label_column: str | None) -> DataError:
    """The error of a table without a label in any row. Raises DataError where it has no column."""
    at = find_column(table, label_column, LABEL_COLUMNS, "label")
    return DataError(
        f"{table.source}: the column {visible(table.columns[at])} is empty or holds no text in "
        "every row.",
        hint=f"Give the rows labels, or name another column with --label-column. {READ}",
    )


def examples_or_inputs(
    table: Table, columns: Mapping[str, str | None], *, tell: Tell, bad: BadRows
) -> Examples | list[Input]:
    """The inputs and the labels of a table, or its inputs alone if all labels are empty.

    White space at the ends of labels goes. Rows in which all is empty are left out. Labels that
    look alike are told. A row is bad where it has no label, or no text beside one, where one side
    of a pair is empty, or half a surrogate pair stands in its label. Raises DataError, also for a
    table without rows.
    """
    where = find_inputs(table, columns, tell)
    label_at = find_column(table, columns.get("label"), LABEL_COLUMNS, "label", tell)
    label_name = table.columns[label_at]
    if label_at in where.places:
        raise DataError(
            f"{table.source}: {visible(label_name)} cannot be both the text and the label.",
            hint="Name the columns with --text-column and --label-column.",
        )
    rows: list[tuple[int, Input, str]] = []
    empty, padded = Sightings(), Sightings()
    known: dict[str, str] = {}  # one string for each label, however many rows have it
    for line, (*cells, given) in table.pick((*where.places, label_at)):
        label = (given or "").strip()
        if not label and not any((cell or "").strip() for cell in cells):
            empty.add(line)
            continue
        one = where.read(line, tuple(cells), bad)
        if one is None:
            continue
        if lone_surrogate(label):
            if not bad.add(line, broken_label(f"{table.source}, line {line}", label)):
                continue
            label = ""
        if given is not None and len(label) < len(given):
            padded.add(line)
        rows.append((line, one, known.setdefault(label, label)))
    if any(label for _, _, label in rows):
        rows = [
            row for row in rows
            if row[2] or bad.add(row[0], _no_label(table.source, row[0], label_name))
        ]  # fmt: skip
    skipped = bad.settle(table.source, len(rows), tell)
    if not rows:
        raise DataError(f"{table.source} has a header but no rows.")
    empty.tell(tell, table.source, "row is", "rows are", "empty and left out")
    padded.tell(
        tell,
        table.source,
        "label has",
        "labels have",
        "white space at the ends, which is taken off",
    )
    where.settle(tell)
    lines, inputs, labels = map(list, zip(*rows, strict=True))
    if not all(labels):
        return inputs
    tell_lookalikes(table.source, labels, tell)
    names = {**where.columns, "label": label_name}
    return replace(labelled(table.source, inputs, labels, lines, names), skipped=skipped)


def _no_label(source: str, line: int, column: str) -> BadRowError:
    return BadRowError(
        f"{source}, line {line}: column {visible(column)} is empty or holds no text.",
        hint=f"Give the row a label or remove it. {READ}",
        kind="no label",
    )


def broken_label(where: str, label: str) -> BadRowError:
    """The error of a label that no file can hold."""
    return BadRowError(
        f"{where}: the label {visible(label)} holds half a surrogate pair, which is no character.",
        hint="Write the whole character, or another label.",
        kind="half a character in a label",
    )


def tell_lookalikes(source: str, labels: Sequence[str], tell: Tell) -> None:
    """Tell of labels, one for each time that a row has it, that only look alike."""
    groups = lookalikes(labels)
    if not groups:
        return
    rows = Counter(labels)
    shown = [
        " and ".join(f"{visible(label)} ({rows[label]:,})" for label in group)
        for group in groups[:MOST_GROUPS]
    ]
    shown += ["…"] * (len(groups) > MOST_GROUPS)
    tell(
        f"{source}: labels that differ only in case, white space or Unicode form are taken as "
        f"different (rows of each): {'; '.join(shown)}."
    )
