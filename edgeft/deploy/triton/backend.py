"""Tensors to predictions and back, inside Triton. Needs the base install alone."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.deploy.triton.config import DATA_TYPES
from edgeft.errors import DataError, EdgeftError, UsageError
from edgeft.inputs import Input
from edgeft.page.facts import FIELDS
from edgeft.runtime.load import load
from edgeft.tasks.columns import value_in_column
from edgeft.tasks.task import Task

__all__ = ["Answerer", "TensorRequest", "Tensors"]

Tensors = Mapping[str, NDArray[Any]]

OF_TRITON = {triton: kind for kind, triton in DATA_TYPES.items()}
DTYPES: Mapping[str, type] = {
    "BYTES": np.object_, "BOOL": np.bool_, "INT64": np.int64, "FP32": np.float32,
}  # fmt: skip


@dataclass(frozen=True)
class TensorRequest:
    """One request: its tensors (N, 1), which outputs it wants, and whether all scores."""

    tensors: Tensors
    wanted: Sequence[str]
    scores: bool = False


class Answerer:
    """One instance of a model. ``config``: Triton's ModelConfig, as JSON. Raises EdgeftError."""

    def __init__(self, config: Mapping[str, Any], bundle: Path, device: str) -> None:
        told = {name: one["string_value"] for name, one in config.get("parameters", {}).items()}
        self._columns = {one["name"]: OF_TRITON[one["data_type"]] for one in config["output"]}
        self._model = load(
            bundle,
            device=device,
            expect=told.get("expect"),
            variant=told.get("variant", "auto"),
            threads=_count(told["threads"]) if "threads" in told else None,
            on_long=told.get("on_long"),
            batch_invariant=told.get("batch_invariant") == "true",
        )

    def answers(self, requests: Sequence[TensorRequest]) -> list[Tensors | EdgeftError]:
        """Of each request its outputs (N, 1), or why it has none; all run as one batch."""
        task = self._model.task
        read: list[list[Input] | EdgeftError] = []
        for one in requests:
            try:
                read.append(inputs_of(one.tensors, task))
            except DataError as error:
                read.append(error)
        good = [one for one in read if not isinstance(one, EdgeftError)]
        found = iter(self._predicted(good))
        return [
            inputs if isinstance(inputs, EdgeftError) else self._told(next(found), one)
            for inputs, one in zip(read, requests, strict=True)
        ]

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    def _predicted(self, requests: Sequence[list[Input]]) -> list[list[Any] | EdgeftError]:
        """The predictions of each request. One that fails takes no other with it."""
        together = [one for inputs in requests for one in inputs]
        with suppress(EdgeftError):
            found = iter(self._model.predict(together))
            return [[next(found) for _ in inputs] for inputs in requests]
        alone: list[list[Any] | EdgeftError] = []
        for inputs in requests:
            try:
                alone.append(self._model.predict(inputs))
            except EdgeftError as error:
                alone.append(error)
        return alone

    def _told(self, found: list[Any] | EdgeftError, asked: TensorRequest) -> Tensors | EdgeftError:
        if isinstance(found, EdgeftError):
            return found
        task = self._model.task
        shown = [task.show(one, asked.scores and not task.by_token) for one in found]
        columns = {name: kind for name, kind in self._columns.items() if name in asked.wanted}
        return {name: _column(shown, name, kind) for name, kind in columns.items()}


def inputs_of(tensors: Tensors, task: Task) -> list[Input]:
    """The inputs in a request's tensors. Raises DataError."""
    for kind in task.takes:
        names = FIELDS[kind]
        if tensors.keys() == set(names):
            columns = [_texts(tensors[name], name) for name in names]
            if len({len(one) for one in columns}) > 1:
                raise DataError("All tensors must have as many texts.")
            return [row[0] if kind is str else kind(*row) for row in zip(*columns, strict=True)]
    ways = " or ".join(" and ".join(FIELDS[kind]) for kind in task.takes)
    raise DataError(f"The tensors must be: {ways}.")


def _texts(tensor: NDArray[Any], name: str) -> list[str]:
    found = tensor.ravel().tolist()
    try:
        return [one if isinstance(one, str) else bytes(one).decode("utf-8") for one in found]
    except UnicodeDecodeError:
        raise DataError(f"The tensor {name} holds a text that is not UTF-8.") from None


def _column(shown: Sequence[Mapping[str, Any]], name: str, kind: str) -> NDArray[Any]:
    values = [value_in_column(one, name, kind) for one in shown]
    if kind == "BYTES":
        values = [one.encode("utf-8", "backslashreplace") for one in values]
    return np.array(values, dtype=DTYPES[kind]).reshape(-1, 1)


def _count(found: str) -> int:
    if not found.isdecimal():
        raise UsageError(f"The parameter threads is {found!r}; it must be a number of threads.")
    return int(found)
