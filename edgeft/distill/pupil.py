"""A student that learns beside its teacher: both read the same batch."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from edgeft.tasks.task import Task
from edgeft.train.objectives.classes import soft_loss
from edgeft.train.objectives.objective import Objective

__all__ = ["Pupil", "Said"]


class Said(dict[str, Any]):
    """Outputs by name, as items, which autocasting leaves, and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Pupil(torch.nn.Module):  # type: ignore[misc]  # torch's is untyped here
    """A student whose outputs, in training, also hold ``soft``: the sum over the batch of how far
    it is from its teacher.

    That is the objective's ``soft``, or ``soft_loss`` over tokens where the task chooses among
    these, and, where
    ``layers`` tells after which of the teacher's layers, the mean squared difference of
    normalized hidden states. Only the student's weights are parameters.
    """

    def __init__(
        self,
        student: Any,
        teacher: Any,
        task: Task,
        objective: Objective,
        *,
        layers: Sequence[int],
        temperature: float,
    ) -> None:
        super().__init__()
        self.student = student
        self.config = student.config
        self._aside = (teacher.eval(),)  # in a tuple, so that it is no part of what is learned
        self._task, self._layers, self._temperature = task, tuple(layers), temperature
        self._soft = objective.soft

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        read = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            read["token_type_ids"] = token_type_ids
        if not self.training:
            return self.student(**_taken(self.student, read))
        teacher, deep = self._aside[0], bool(self._layers)
        if next(teacher.parameters()).device != input_ids.device:
            teacher.to(input_ids.device)
        with torch.no_grad():
            taught = teacher(**_taken(teacher, read), output_hidden_states=deep)
        said = self.student(**_taken(self.student, read), output_hidden_states=deep)
        mask = attention_mask.bool()  # (B, T)
        soft = sum(
            self._apart(getattr(said, name), getattr(taught, name), axes, mask)
            for name, axes in self._task.outputs.items()
        ) / len(self._task.outputs)
        for at, layer in enumerate(self._layers):
            soft = soft + _states_apart(
                said.hidden_states[at + 1], taught.hidden_states[layer], mask, soft, self._layers
            )
        return Said({name: getattr(said, name) for name in self._task.outputs} | {"soft": soft})

    def _apart(self, said: Any, taught: Any, axes: tuple[str, ...], mask: Any) -> Any:
        if axes[-1] != "tokens":
            rows = self._soft(said, taught, self._temperature)  # (B,) or (B, T)
            return rows[mask].sum() if rows.ndim > 1 else rows.sum()
        least = torch.finfo(torch.float32).min / 2
        told, found = (one.float().masked_fill(~mask, least) for one in (taught, said))  # (B, T)
        return soft_loss(found, told, self._temperature).sum()


def _taken(model: Any, read: dict[str, Any]) -> dict[str, Any]:
    """Of what is read what a model takes: not all tell the segments of a pair apart."""
    known = inspect.signature(model.forward).parameters
    return {name: one for name, one in read.items() if name in known}


def _states_apart(said: Any, taught: Any, mask: Any, like: Any, layers: Sequence[int]) -> Any:
    """The squared difference of unit (B, T, H) hidden states, a mean over tokens, summed over rows
    and shared among layers."""
    apart = functional.normalize(said.float(), dim=-1) - functional.normalize(
        taught.float(), dim=-1
    )
    squares = apart.square().sum(-1)  # (B, T)
    rows = (squares * mask).sum(1) / mask.sum(1)  # (B,)
    return rows.sum() / len(layers)
