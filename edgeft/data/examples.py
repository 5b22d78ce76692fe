"""Labelled inputs, and how labelled texts are taken from a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeft.data.labels import lookalikes, ordered_labels, visible
from edgeft.data.notes import Sightings, Tell, unheard
from edgeft.data.table import LABEL_COLUMNS, TEXT_COLUMNS, Table, find_column
from edgeft.errors import DataError
from edgeft.inputs import Input

__all__ = [
    "Examples",
    "examples_from_table",
    "examples_or_texts",
    "labelled",
    "lone_surrogate",
    "no_text",
    "tell_broken",
    "unlabelled",
]

READ = "Only strings, numbers and truth values can be read."
MOST_GROUPS = 5  # of labels that look alike, which a note names


@dataclass(frozen=True)
class Examples:
    """Inputs and what is true of each: ``truths[i]`` of ``inputs[i]``, found at ``lines[i]``.

    truths: in the form that the task gives them: a class id; spans (start, end, label id).
    labels: what the ids in truths refer to, in their order; () where there are none.
    columns: the name of the column from which each role ("text", "label") was read.
    """

    source: str
    inputs: list[Input]
    truths: list[Any]
    lines: list[int]
    labels: tuple[str, ...]
    columns: Mapping[str, str]

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
        return [
            change(truth)
            if isinstance(truth, int)
            else tuple((*place, change(label)) for *place, label in truth)
            for truth in self.truths
        ]


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


def examples_from_table(
    table: Table,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    tell: Tell = unheard,
) -> Examples:
    """Read the text and the label column of a table.

    White space at the ends of labels goes. Rows in which both are empty are left
    out. Labels that look alike are told. Raises DataError for a label that is
    empty or holds half a surrogate pair, and for a table without rows.
    """
    read = examples_or_texts(table, text_column=text_column, label_column=label_column, tell=tell)
    if isinstance(read, Examples):
        return read
    raise unlabelled(table, label_column)


def unlabelled(table: Table, label_column: str | None) -> DataError:
    """The error of a table without a label in any row. Raises DataError where it has no column."""
    at = find_column(table, label_column, LABEL_COLUMNS, "label")
    return DataError(
        f"{table.source}: the column {visible(table.columns[at])} is empty or holds no text in "
        "every row.",
        hint=f"Give the rows labels, or name another column with --label-column. {READ}",
    )


def examples_or_texts(
    table: Table, *, text_column: str | None, label_column: str | None, tell: Tell
) -> Examples | list[str]:
    """The labelled texts of a table that has a label column, or its texts if all labels are empty.

    See ``examples_from_table``. Raises DataError.
    """
    text_at = find_column(table, text_column, TEXT_COLUMNS, "text", tell)
    label_at = find_column(table, label_column, LABEL_COLUMNS, "label", tell)
    text_name, label_name = table.columns[text_at], table.columns[label_at]
    if text_at == label_at:
        raise DataError(
            f"{table.source}: {visible(text_name)} cannot be both the text and the label.",
            hint="Name the columns with --text-column and --label-column.",
        )
    texts: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    empty, padded, broken, unlabelled = Sightings(), Sightings(), Sightings(), Sightings()
    known: dict[str, str] = {}  # one string for each label, however many rows have it
    for line, (text, given) in table.pick((text_at, label_at)):
        label = (given or "").strip()
        if not label and not (text or "").strip():
            empty.add(line)
            continue
        if text is None:
            raise no_text(table.source, line, text_name)
        if lone_surrogate(label):
            raise DataError(
                f"{table.source}, line {line}: the label {visible(label)} holds half a surrogate "
                "pair, which is no character.",
                hint="Write the whole character, or another label.",
            )
        if not label:
            unlabelled.add(line)
        if given is not None and len(label) < len(given):
            padded.add(line)
        if lone_surrogate(text):
            broken.add(line)
        texts.append(text)
        labels.append(known.setdefault(label, label))
        lines.append(line)
    if not texts:
        raise DataError(f"{table.source} has a header but no rows.")
    if 0 < unlabelled.count < len(texts):
        raise DataError(
            f"{table.source}, line {unlabelled.first}: column {visible(label_name)} is empty or "
            "holds no text"
            + (f", as in {unlabelled.count - 1:,} more rows." if unlabelled.count > 1 else "."),
            hint=f"Give the row a label or remove it. {READ}",
        )
    empty.tell(tell, table.source, "row is", "rows are", "empty and left out")
    padded.tell(
        tell,
        table.source,
        "label has",
        "labels have",
        "white space at the ends, which is taken off",
    )
    tell_broken(broken, table.source, tell)
    if unlabelled.count:
        return texts
    _tell_lookalikes(table.source, labels, tell)
    return labelled(table.source, texts, labels, lines, {"text": text_name, "label": label_name})


def no_text(source: str, line: int, column: str) -> DataError:
    """The error of a cell without text."""
    return DataError(
        f"{source}, line {line}: {visible(column)} is missing or holds no text.",
        hint=READ,
    )


def lone_surrogate(text: str) -> bool:
    """Whether half a surrogate pair stands in the text, as broken JSON leaves it."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def tell_broken(texts: Sightings, source: str, tell: Tell) -> None:
    """Tell of texts with half a surrogate pair, which no tokenizer takes."""
    texts.tell(tell, source, "text holds", "texts hold", 'half a surrogate pair, read as "?"')


def _tell_lookalikes(source: str, labels: Sequence[str], tell: Tell) -> None:
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
