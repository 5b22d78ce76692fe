"""What a torch model gives, on one process or shared out over several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from edgeft.progress import Progress, silent
from edgeft.settings import torch_threads
from edgeft.tasks.encoded import Part
from edgeft.tasks.outputs import Array, Outputs
from edgeft.tasks.task import Task
from edgeft.train.batches import length_batches, pad_parts, takes_types
from edgeft.train.hardware import Hardware, autocast

__all__ = ["predict_outputs"]

BATCH_SIZE = 64

_Batch = tuple[list[int], dict[str, Array]]


def predict_outputs(
    model: Any,
    parts: Sequence[Part],
    task: Task,
    pad_id: int,
    hardware: Hardware,
    *,
    progress: Progress = silent,
) -> Outputs:
    """The task's outputs of all parts, in their order, float32, on every process.

    They are computed in the precision of training.
    """
    batches = length_batches([len(part.ids) for part in parts], BATCH_SIZE)
    mine = batches[hardware.rank :: hardware.processes]
    device = next(model.parameters()).device
    was_training, types = model.training, takes_types(model)
    model.eval()
    computed: list[tuple[list[int], dict[str, Any]]] = []
    with torch.no_grad(), torch_threads(hardware.threads), autocast(hardware):
        for at, batch in enumerate(mine):
            some = [parts[row] for row in batch]
            padded = pad_parts(some, pad_id, hardware.pad_multiple, types=types)
            inputs = {name: tensor.to(device) for name, tensor in padded.items()}
            given = model(**inputs)
            # Left where they are, as to fetch them is to wait for them.
            computed.append((batch, {name: getattr(given, name).float() for name in task.outputs}))
            progress("evaluating", at + 1, len(mine))
    model.train(was_training)
    fetched: list[_Batch] = [
        (batch, {name: values.cpu().numpy() for name, values in outputs.items()})
        for batch, outputs in computed
    ]
    return _in_order(_gathered(fetched, hardware), parts, task)


def _gathered(mine: list[_Batch], hardware: Hardware) -> list[_Batch]:
    if hardware.processes == 1:
        return mine
    everyone: list[Any] = [None] * hardware.processes
    torch.distributed.all_gather_object(everyone, mine)
    return [batch for theirs in everyone for batch in theirs]


def _in_order(batches: Sequence[_Batch], parts: Sequence[Part], task: Task) -> Outputs:
    outputs: dict[str, Array | list[Array]] = {}
    for name, axes in task.outputs.items():
        if "tokens" in axes:
            rows: list[Array] = [np.empty(0, np.float32)] * len(parts)  # each (T, …)
            for batch, values in batches:
                for row, one in zip(batch, values[name], strict=True):
                    rows[row] = one[: len(parts[row].ids)]
            outputs[name] = rows
        else:
            shape = batches[0][1][name].shape[1:]
            whole = np.empty((len(parts), *shape), dtype=np.float32)  # (N, …) float32
            for batch, values in batches:
                whole[batch] = values[name]
            outputs[name] = whole
    return outputs
