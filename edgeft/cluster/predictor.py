"""A class for Ray Data's ``map_batches``: each worker loads the bundle once."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from edgeft.cluster.answers import (
    added_columns,
    added_values,
    asked_in,
    inputs_from,
    one_shown,
    shown_answers,
)
from edgeft.cluster.threads import keep_to_share
from edgeft.data.arrow import text_cell
from edgeft.errors import UsageError
from edgeft.runtime.load import load
from edgeft.runtime.options import Options
from edgeft.tasks.reading import check_kind

__all__ = ["Predictor"]


class Predictor:
    """Answers added to batches of rows, as a class for ``Dataset.map_batches``.

        dataset.map_batches(
            edgeft.cluster.Predictor,
            fn_constructor_kwargs={"bundle": "build/news", "variant": "int8"},
            num_cpus=1, compute=ray.data.ActorPoolStrategy(size=8),
        )

    A batch is a dict of arrays, a pandas DataFrame or a pyarrow Table, and comes back as the same
    with "prediction", the JSON line of ``edgeft predict``, and beside it each plain value in it as
    "predicted_label", "predicted_score" and so on, as its task has them. A row whose text is null
    gets null. Rows keep their order; they are run by length, whatever that is.

    The bundle lies under the same path on every machine. A model takes as many threads as its
    worker has CPUs (``num_cpus``). Name a ``variant``: "auto" is settled by each worker for itself.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        *,
        text_column: str | Sequence[str] | None = None,
        question_column: str | None = None,
        context_column: str | None = None,
        scores: bool = False,
        task: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """``options`` are those of ``edgeft.load``; columns are found by their usual names.

        text_column: the name of the column of texts, or two names of columns of pairs.
        scores: tell the score of every label in "prediction".
        Raises what ``edgeft.load`` raises.
        """
        names = [text_column] if isinstance(text_column, str) else list(text_column or ())
        if len(names) > 2:
            raise UsageError(f"text_column names {len(names)} columns.", hint="Name one, or two.")
        first, other = (*names, None, None)[:2]
        self._columns = {
            "text": first, "other": other, "question": question_column, "context": context_column,
        }  # fmt: skip
        options["threads"] = keep_to_share(options.get("threads"))
        self.model = load(bundle, task=task, **options)
        self._scores = scores
        self._asked: tuple[str, ...] | None = None
        self._added: Mapping[str, str] = {}

    def __call__(self, batch: Any) -> Any:
        """The batch with columns of answers. Raises DataError, UsageError, RunError."""
        task, names = self.model.task, _names(batch)
        if self._asked is None:
            self._asked = asked_in("The batch", names, task, self._columns)
            example = one_shown(self.model, self._scores, len(self._asked))
            self._added = added_columns(example, names)
        cells = [[text_cell(one) for one in _values(batch, name)] for name in self._asked]
        inputs = inputs_from(task, cells)
        check_kind("The batch", task, [one for one in inputs if one is not None])
        answers = shown_answers(self.model, inputs, scores=self._scores)
        return _with(batch, added_values(answers, self._added))


def _names(batch: Any) -> list[str]:
    """The columns of a batch: of Arrow ``column_names``, else what it is iterated over."""
    return [str(one) for one in getattr(batch, "column_names", batch)]


def _values(batch: Any, name: str) -> list[Any]:
    column = batch[name]
    found: list[Any] = column.to_pylist() if hasattr(column, "to_pylist") else column.tolist()
    return found


def _with(batch: Any, added: Mapping[str, list[Any]]) -> Any:
    if hasattr(batch, "append_column"):
        for name, values in added.items():
            batch = batch.append_column(name, [values])
        return batch
    if hasattr(batch, "assign"):
        return batch.assign(**added)
    return {**batch, **{name: _array(values) for name, values in added.items()}}


def _array(values: Sequence[Any]) -> Any:
    """An array of numbers where all are such, else one of objects, as Ray takes texts and nulls."""
    if values and all(isinstance(one, bool | int | float) for one in values):
        return np.array(values)
    found = np.empty(len(values), object)
    found[:] = values
    return found
