"""The torch original's answers, through its own tokenizer: what every variant must match."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeft.checkpoint.open import Checkpoint
from edgeft.errors import ModelError
from edgeft.inputs import Input
from edgeft.normalize import normalizer
from edgeft.progress import Progress, silent
from edgeft.proof.told import Told
from edgeft.runtime.batching import plan_batches
from edgeft.runtime.cpu import usable_cores
from edgeft.settings import torch_threads
from edgeft.tasks.encoded import Encoded, Part

__all__ = ["clean", "fills", "token_ids", "torch_told"]

BATCH_TOKENS = 2048


def torch_told(
    checkpoint: Checkpoint,
    texts: Sequence[Input],
    *,
    step: str = "running torch",
    progress: Progress = silent,
) -> Told:
    """What the torch model gives for N texts. Raises ModelError where a logit is no number.

    Texts go through the checkpoint's own tokenizer, not the runtime's, so that
    a difference between the two is found as well.
    """
    import torch

    logits = np.empty((len(texts), len(checkpoint.labels)), np.float32)  # (N, C)
    encoded = _encode(checkpoint, texts) if texts else {"input_ids": []}
    plan = plan_batches([len(ids) for ids in encoded["input_ids"]], budget=BATCH_TOKENS)
    behind = fills(checkpoint)
    done = 0
    progress(step, 0, len(texts))
    for rows in plan:
        batch = {
            name: torch.tensor(_padded([one[i] for i in rows], behind.get(name, 0)))  # (B, T) int64
            for name, one in encoded.items()
        }
        # On as many threads as the graphs: sums in another order differ in their last digits.
        with torch.inference_mode(), torch_threads(usable_cores()):
            logits[rows] = checkpoint.model(**batch).logits.numpy()
        done += len(rows)
        progress(step, done, len(texts))
    if not np.isfinite(logits).all():
        raise ModelError(
            "The torch model answers with values that are no numbers (NaN or infinity).",
            hint="Training diverged: train again with a lower --learning-rate.",
        )
    read = [Encoded((Part(ids, range(len(ids)), len(ids)),)) for ids in encoded["input_ids"]]
    return Told(checkpoint.task, checkpoint.labels, texts, read, {"logits": logits})


def token_ids(checkpoint: Checkpoint, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, special tokens included, cut at the maximum length."""
    return _encode(checkpoint, texts)["input_ids"] if texts else []


def fills(checkpoint: Checkpoint) -> dict[str, int]:
    """What stands behind a text's end, in each input of a graph that is not filled with 0."""
    return {
        "input_ids": checkpoint.pad_id,
        "token_type_ids": int(checkpoint.tokenizer.pad_token_type_id),
    }


def clean(checkpoint: Checkpoint, texts: Sequence[str]) -> list[str]:
    """Texts as the tokenizer is given them.

    A lone surrogate has no UTF-8 form; the runtime replaces it in the same way.
    """
    prepare = normalizer(checkpoint.normalize) or str
    return [prepare(text).encode("utf-8", "replace").decode() for text in texts]


def _padded(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [[*row, *[fill] * (longest - len(row))] for row in rows]


def _encode(checkpoint: Checkpoint, texts: Sequence[Any]) -> dict[str, list[list[int]]]:
    """The model's inputs, a list of rows each; at least one token a row, as no graph runs none."""
    encoded = checkpoint.tokenizer(
        clean(checkpoint, texts), truncation=True, max_length=checkpoint.max_length, padding=False
    )
    taken = inspect.signature(checkpoint.model.forward).parameters
    names = [name for name in encoded if name in taken]
    first = {**fills(checkpoint), "attention_mask": 1}
    return {name: [row or [first[name]] for row in encoded[name]] for name in names}
