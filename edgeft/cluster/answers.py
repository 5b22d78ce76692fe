"""Texts of columns to the JSON of ``edgeft predict``, and that to columns beside them."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeft.data import Table, Tell, unheard
from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, Question
from edgeft.tasks.columns import PREDICTION, columns_of_shown
from edgeft.tasks.reading import columns_asked
from edgeft.tasks.task import Columns, Task

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

__all__ = [
    "VECTOR_KIND",
    "added_columns",
    "added_values",
    "shown_answers",
    "json_line",
    "asked_in",
    "one_shown",
    "inputs_from",
]

PREFIX = "predicted_"  # a table of texts often has a label of its own
VECTOR_KIND = "VECTOR_KIND"
Cell = str | None


def asked_in(
    source: str, names: Sequence[str], task: Task, columns: Columns, tell: Tell = unheard
) -> tuple[str, ...]:
    """Which of a table's columns hold what the task is asked, by name, in the order of texts.

    Raises DataError, and UsageError where a column is named that the task does not read.
    """
    return columns_asked(Table(source, tuple(names), lambda places: iter(())), task, columns, tell)


def inputs_from(task: Task, cells: Sequence[Sequence[Cell]]) -> list[Input | None]:
    """Rows of one or two columns as inputs; None where a row has no text in one of them."""
    if len(cells) == 1:
        return list(cells[0])
    kind = Question if Question in task.takes else Pair
    return [
        None if first is None or second is None else kind(first, second)
        for first, second in zip(*cells, strict=True)
    ]


def shown_answers(
    model: "Model", inputs: Sequence[Input | None], *, scores: bool = False
) -> list[dict[str, Any] | None]:
    """What ``edgeft predict`` says of each, None of none. Raises what ``Model.predict`` raises."""
    asked = [one for one in inputs if one is not None]
    found = iter(model.predict(asked) if asked else ())
    return [None if one is None else model.task.show(next(found), scores) for one in inputs]


def one_shown(model: "Model", scores: bool, asked: int) -> dict[str, Any]:
    """One answer, of which the columns are made; ``asked`` columns are read."""
    kinds = {1: str, 2: Question if Question in model.task.takes else Pair}
    inputs = [one for one in model.task.golden if isinstance(one, kinds[asked])]
    one: Any = inputs[0] if inputs else kinds[asked](*("The cat sat.",) * asked)
    return model.task.show(model.predict(one), scores)


def added_columns(shown: Mapping[str, Any], there: Sequence[str] = ()) -> dict[str, str]:
    """Columns that stand beside those that are ``there``, by one of the answers: name → kind.

    "prediction" is the JSON itself, "predicted_…" each plain value in it, and the vector. Raises
    UsageError where one of these names is taken.
    """
    kinds = columns_of_shown(shown)
    kinds |= {name: VECTOR_KIND for name, one in shown.items() if _is_vector(one)}
    found = {_column(name): kind for name, kind in kinds.items()}
    for name in found:
        if name in there:
            raise UsageError(
                f"The data have a column {name!r}, which is what an answer's would be called.",
                hint="Leave it out, or give it another name; --keep names those that are kept.",
            )
    return found


def added_values(
    answers: Sequence[Mapping[str, Any] | None], columns: Mapping[str, str]
) -> dict[str, list[Any]]:
    """The values of these columns; None where there is no answer, or nothing of that name in it."""
    found: dict[str, list[Any]] = {}
    for column in columns:
        if column == PREDICTION:
            found[column] = [None if one is None else json_line(one) for one in answers]
        else:
            name = column.removeprefix(PREFIX)
            found[column] = [None if one is None else one.get(name) for one in answers]
    return found


def json_line(shown: Mapping[str, Any]) -> str:
    """The line that ``edgeft predict`` prints."""
    text = json.dumps(shown, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _column(name: str) -> str:
    return name if name == PREDICTION else PREFIX + name


def _is_vector(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and isinstance(found[0], float)
