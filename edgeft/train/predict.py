"""The logits of a torch model, on one process or shared out over several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeft.progress import Progress, silent
from edgeft.settings import torch_threads
from edgeft.tasks.encoded import Part
from edgeft.train.batches import length_batches, pad_parts
from edgeft.train.hardware import Hardware, autocast

__all__ = ["predict_logits"]

BATCH_SIZE = 64


def predict_logits(
    model: Any,
    parts: Sequence[Part],
    pad_id: int,
    hardware: Hardware,
    *,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """The logits (N, C) float32 of all parts, in their order, on every process.

    They are computed in the precision of training.
    """
    batches = length_batches([len(part.ids) for part in parts], BATCH_SIZE)
    mine = batches[hardware.rank :: hardware.processes]
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    computed: list[tuple[list[int], Any]] = []
    with torch.no_grad(), torch_threads(hardware.threads), autocast(hardware):
        for at, batch in enumerate(mine):
            inputs = pad_parts([parts[row] for row in batch], pad_id, hardware.pad_multiple)
            inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
            # Left where they are, as to fetch them is to wait for them.
            computed.append((batch, model(**inputs).logits.float()))
            progress("evaluating", at + 1, len(mine))
    model.train(was_training)
    fetched = [(batch, logits.cpu().numpy()) for batch, logits in computed]
    return _in_order(_gathered(fetched, hardware), len(parts))


def _gathered(mine: list[Any], hardware: Hardware) -> list[Any]:
    if hardware.processes == 1:
        return mine
    everyone: list[Any] = [None] * hardware.processes
    torch.distributed.all_gather_object(everyone, mine)
    return [batch for theirs in everyone for batch in theirs]


def _in_order(
    batches: list[tuple[list[int], NDArray[np.float32]]], rows: int
) -> NDArray[np.float32]:
    logits = np.empty((rows, batches[0][1].shape[1]), dtype=np.float32)  # (N, C) float32
    for batch, values in batches:
        logits[batch] = values
    return logits
