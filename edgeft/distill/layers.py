"""A copy of a model with some of its layers, evenly chosen."""

import copy
from typing import Any

from edgeft.errors import ModelError, UsageError

__all__ = ["drop_layers", "kept_layers", "taught_layers"]


def kept_layers(layers: int, count: int) -> list[int]:
    """Which ``count`` of so many layers stay: the first, the last, and evenly between.

    Of two neighbours as near the earlier one.
    """
    if count == 1:
        return [0]
    return [at * (layers - 1) // (count - 1) for at in range(count)]


def taught_layers(layers: int, count: int) -> list[int]:
    """After which of the teacher's layers, counted from 1, its hidden states are those that each
    of a student's ``count`` layers learns: each does the work of as many (Jiao et al. 2020,
    TinyBERT, arXiv:1909.10351).
    """
    return [(at + 1) * layers // count for at in range(count)]


def drop_layers(model: Any, count: int) -> Any:
    """A copy of a model with ``count`` of its layers. Raises UsageError, ModelError."""
    import torch

    from edgeft.checkpoint.embedder import Embedder

    if isinstance(model, Embedder):
        return Embedder(drop_layers(model.encoder, count), model.sentences).eval()
    layers = int(getattr(model.config, "num_hidden_layers", 0))
    if not 0 < count < layers:
        raise UsageError(
            f"The teacher has {layers} layers, so a student cannot keep {count} of them."
            if layers
            else "The teacher has no layers that could be dropped.",
            hint=f"Choose layers:1 to layers:{layers - 1}." if layers > 1 else "",
        )
    stacks = [
        (path, one)
        for path, one in model.named_modules()
        if isinstance(one, torch.nn.ModuleList) and len(one) == layers
    ]
    if len(stacks) != 1:
        raise ModelError(
            f"The architecture {model.config.model_type!r} has no one stack of {layers} layers "
            "that could be dropped.",
            hint="Choose another student, or a BERT-like teacher.",
        )
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = count
    path = stacks[0][0]
    with torch.random.fork_rng():
        student = type(model)(config)
    weights = model.state_dict()
    kept = kept_layers(layers, count)
    for name in list(weights):
        if not name.startswith(f"{path}."):
            continue
        at, _, rest = name.removeprefix(f"{path}.").partition(".")
        tensor = weights.pop(name)
        if int(at) in kept:
            weights[f"{path}.{kept.index(int(at))}.{rest}"] = tensor
    student.load_state_dict(weights)
    return student.eval()
