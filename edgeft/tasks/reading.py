"""The user's labelled rows: read for a task, and brought to the labels that a model has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeft.data import (
    TABLE_SUFFIXES,
    Examples,
    OnBad,
    Source,
    Table,
    Tell,
    find_inputs,
    inputs_in,
    open_inputs,
    open_source,
    read_whole,
    unheard,
    visible,
)
from edgeft.data.answers import question_columns
from edgeft.data.entities import holds_entities
from edgeft.data.examples import ids_in, unlabelled
from edgeft.data.kinds import TAGGED_SUFFIXES, open_unless_plain
from edgeft.data.label_names import as_ids
from edgeft.data.source import check_opens
from edgeft.data.table import numbered
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input, Pair, Question
from edgeft.tasks import task_named
from edgeft.tasks.tags import begins, tags_of
from edgeft.tasks.task import FIRST_TASK, TASKS, Columns, Task

__all__ = [
    "aligned",
    "check_columns",
    "check_kind",
    "columns_asked",
    "columns_named",
    "examples_of",
    "read_examples",
    "read_examples_or_inputs",
    "read_inputs",
    "task_of",
]

MOST_NAMED = 8  # labels of a model that a message names
NO_COLUMNS: Columns = {}


def columns_named(given: Mapping[str, Any]) -> Columns:
    """The columns by role, of options or fields that are called "text_column" and so on."""
    named = {name.removesuffix("_column"): column for name, column in given.items()}
    return {role: column for role, column in named.items() if f"{role}_column" in given}


def check_columns(task: Task, columns: Columns) -> None:
    """Raise UsageError where a column is named that the task does not read.

    Also where the other text of a pair is named, and the first is not or is the same.
    """
    text, other = columns.get("text"), columns.get("other")
    if other is not None and "other" not in task.roles and "text" in task.roles:
        raise UsageError(
            f"--text-column is given twice, but {task.name} is asked one text at a time.",
            hint="Name one column.",
        )
    for role, name in columns.items():
        if name is not None and role == "negative" and role not in task.roles:
            raise UsageError(
                f"--text-column is given three times, but {task.name} is asked "
                f"{'pairs' if 'other' in task.roles else 'one text at a time'}.",
                hint="A third column, of what does not belong, is for --task feature-extraction.",
            )
        if name is not None and role not in task.roles:
            known = ", ".join(
                f"--{one}-column" for one in task.roles if one not in ("other", "negative")
            )
            option = "text" if role == "other" else role
            raise UsageError(
                f"--{option}-column is given, but {task.name} reads no such column.",
                hint=f"Leave it out; {known} name those that are read.",
            )
    if other is not None and text in (None, other):
        raise UsageError(
            "The other text of a pair is named, but not its first."
            if text is None
            else f"Both texts of a pair are to be read from {visible(text)}.",
            hint="Name two columns: --text-column ONE --text-column OTHER",
        )


def columns_asked(
    table: Table, task: Task, columns: Columns = NO_COLUMNS, tell: Tell = unheard
) -> tuple[str, ...]:
    """The columns that hold what a task is asked: of texts; of pairs; of questions and contexts.

    Raises DataError, and UsageError where a column is named that the task does not read.
    """
    check_columns(task, columns)
    if Question in task.takes:
        return question_columns(table.source, table.columns, columns)
    return find_inputs(table, columns, tell, task.takes).names


def check_kind(source: str, task: Task, found: Examples | Sequence[Input]) -> None:
    """Raise DataError where the inputs of a source are not what the task of a model is asked."""
    inputs = inputs_in(found)
    if not inputs or isinstance(inputs[0], task.takes):
        return
    if isinstance(inputs[0], Pair):
        raise DataError(
            f"{source} gives pairs of texts, and single texts are wanted.",
            hint="Name the one column that holds them: --text-column NAME",
        )
    raise DataError(
        f"{source} gives single texts, and pairs of texts are wanted.",
        hint="Name the two columns that hold them: --text-column ONE --text-column OTHER",
    )


def task_of(source: Source, columns: Columns = NO_COLUMNS, tell: Tell = unheard) -> str:
    """The name of the task that a source of examples is for, by its form and the columns named.

    Where it might be another's, how it is taken is told.
    """
    named = {role for role, name in columns.items() if name is not None}
    found = FIRST_TASK
    for name in reversed(tuple(TASKS)):  # the later ones ask more of a source
        task = task_named(name)
        if named <= {*task.roles} and task.detect(source, columns):
            found = name
            break
    if words := task_named(found).aloud(source, columns):
        tell(f"{source.source}: {words}")
    return found


def examples_of(
    source: Source,
    task: Task,
    columns: Columns,
    tell: Tell = unheard,
    on_bad: OnBad = "error",
) -> Examples:
    """The examples in a source that is open. Raises DataError, also where nothing is labelled.

    Raises UsageError where a column is named that the task does not read.
    """
    check_columns(task, columns)
    source = _numbered(source, columns)
    found = task.read(source, columns, tell, on_bad)
    check_kind(source.source, task, found)
    if isinstance(found, Examples):
        return found
    if task.embeds:
        raise DataError(
            f"{source.source} gives single texts, and vectors are learned from pairs of texts and "
            "judged by them.",
            hint="Name the two columns: --text-column ONE --text-column OTHER. Texts alone need no "
            f"training to get vectors: edgeft export MODEL --task {task.name} -o BUNDLE",
        )
    told = task.roles[-1]
    if isinstance(source, Table) and told == "label":
        raise unlabelled(source, columns.get("label"))
    raise DataError(
        f"{source.source}: no row has {told}."
        if told != "label"
        else f"{source.source} has no labels.",
        hint=f"Give labelled data, or name the column with --{told}-column.",
    )


def read_examples(
    path: Path,
    task: Task,
    columns: Columns = NO_COLUMNS,
    tell: Tell = unheard,
    on_bad: OnBad = "error",
) -> Examples:
    """The examples in a file, or a folder of brat's, for a task. Raises DataError."""
    return examples_of(open_source(path, tell), task, columns, tell, on_bad)


def read_examples_or_inputs(
    path: Path,
    task: Task,
    columns: Columns = NO_COLUMNS,
    tell: Tell = unheard,
    on_bad: OnBad = "error",
) -> Examples | Sequence[Input]:
    """The examples in a file, or the inputs alone where nothing is labelled. Raises DataError."""
    check_columns(task, columns)
    source = _opened(path, task, tell)
    if source is not None:
        found = task.read(_numbered(source, columns), columns, tell, on_bad)
    else:
        named = columns.get("text") or columns.get("label")
        if named is None and str in task.takes:
            found = list(open_inputs(path, tell=tell))
        else:
            check_opens(path)
            raise DataError(
                f"{path} has one text a line, so no column {named!r}."
                if named
                else f"{path} has one text a line, which is not what {task.name} is asked."
                if Question in task.takes
                else f"{path} has one text a line, and pairs of texts are wanted.",
                hint="Give a file with columns or keys, such as JSON Lines.",
            )
    if not found:
        raise DataError(f"{path} is empty.", hint="It needs at least one text.")
    check_kind(str(path), task, found)
    return found


def _numbered(source: Source, columns: Columns) -> Source:
    return numbered(source, columns) if isinstance(source, Table) else source


def _marks(task: Task) -> bool:
    """Whether places in texts are what is true of them, so that data may hold marked texts."""
    return task.by_token and str in task.takes


def _opened(path: Path, task: Task, tell: Tell) -> Source | None:
    """What a file holds, by its suffix and its beginning; None for a text a line.

    The lines of a .txt are texts, whatever they hold, unless the task's texts may be marked. So are
    those of a pipe, which cannot be looked into and read again. Raises DataError.
    """
    if path.suffix.lower() == ".txt" and not (_marks(task) and path.is_file()):
        return None
    return open_unless_plain(path, tell)


def _is_marked(path: Path, task: Task, columns: Columns) -> bool:
    """Whether a file holds more than a column of texts or a text a line. Raises DataError."""
    if path.suffix.lower() in (*TAGGED_SUFFIXES, ".ann") or path.is_dir():
        return True
    if not _marks(task) or not path.is_file():
        return False
    source = _opened(path, task, unheard)
    return source is not None and (not isinstance(source, Table) or holds_entities(source, columns))


def aligned(examples: Examples, labels: tuple[str, ...]) -> Examples:
    """The examples with label ids as in ``labels``, a model's.

    Where no label is a name of the model's, but all are numbers from 0 on, these are taken for its
    ids. Spans are named by the tag that begins them, whatever the model's scheme. Raises DataError
    at the first row whose label the model does not know.
    """
    by_span = "span" in examples.columns
    if not by_span and not {*labels} & {*examples.labels}:
        ids = as_ids(examples.labels)
        if ids and min(ids) == 0 and max(ids) < len(labels):  # one that counts from 1 has no 0
            examples = replace(examples, labels=tuple(labels[at] for at in ids))
    if by_span:
        model, theirs = begins(labels), tags_of(examples.labels)
        names = [labels[model[tag.type]] if tag.type in model else "" for tag in theirs]
        known = {at for at, name in enumerate(names) if name}
    else:
        known = {at for at, name in enumerate(examples.labels) if name in labels}
    if len(known) < len(examples.labels):
        for truth, line in zip(examples.truths, examples.lines, strict=True):
            for at in ids_in(truth):
                if at not in known:
                    raise _unknown_label(examples, labels, at, line)
    return (replace(examples, labels=tuple(names)) if by_span else examples).renumbered(labels)


def _unknown_label(examples: Examples, labels: tuple[str, ...], at: int, line: int) -> DataError:
    if "label" in examples.columns:
        shown = list(labels)
        label = examples.labels[at]
        read = (
            f" Labels were read from the column {examples.columns['label']!r}; "
            "name another with --label-column."
        )
    else:
        shown = list(begins(labels))
        label = tags_of(examples.labels)[at].type
        read = ""
    some = ", ".join(map(repr, shown[:MOST_NAMED]))
    return DataError(
        f"{examples.source}, {examples.unit} {line}: the model has no label {label!r}.",
        hint=f"It has {len(shown)}: {some}{' …' if len(shown) > MOST_NAMED else ''}.{read}",
    )


def read_inputs(
    path: Path,
    task: Task,
    columns: Columns = NO_COLUMNS,
    tell: Tell = unheard,
    sized: Callable[[int], object] | None = None,
) -> Iterable[Input]:
    """The inputs of a file alone, whatever it says of them. Raises DataError.

    Texts, or pairs, of a table come one by one, once it was read to its end; so do the texts of any
    other file, one a line, of which ``sized`` is told the characters. Raises UsageError where a
    column is named that the task does not read.
    """
    check_columns(task, columns)
    in_columns = Pair in task.takes and path.suffix.lower() in TABLE_SUFFIXES
    if (str in task.takes or in_columns) and not _is_marked(path, task, columns):
        return read_whole(path, columns, takes=task.takes, tell=tell, sized=sized)
    found = read_examples_or_inputs(path, task, columns, tell, on_bad="keep")
    return inputs_in(found)
