"""A model in torch from its files; nothing in it is random but what may be missing."""

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.checkpoint.pretrained import quiet
from edgeft.checkpoint.weights import AGAIN, Weights, is_pooler
from edgeft.errors import ModelError
from edgeft.tasks.task import Task

__all__ = [
    "Loaded",
    "heads_of",
    "outputs_of",
    "position_limit",
    "position_offset",
    "read_model",
    "shape_of",
    "skeleton",
]


@dataclass(frozen=True)
class Loaded:
    """A model in float32, and the tensors of its head that the files lack or have otherwise.

    Those are random. A pooler that answers depend on is part of the head.
    ``other_shapes`` have another shape in the files.
    """

    model: Any
    missing: tuple[str, ...]
    other_shapes: tuple[str, ...]


def heads_of(task: Task) -> Any:
    """The mapping of transformers from a config's class to its model class with the task's head."""
    import transformers

    words = re.findall("[A-Z][a-z]+", task.auto_class.removeprefix("AutoModel"))
    return getattr(transformers, "_".join(["MODEL", *words, "MAPPING"]).upper())


def outputs_of(model: Any, task: Task, **feed: Any) -> dict[str, Any]:
    """What the model gives for a batch, by name: the tensors of ``task.outputs``."""
    answer = model(**feed)
    return {name: getattr(answer, name) for name in task.outputs}


def skeleton(config: Any, task: Task) -> Any:
    """The model that the config describes, without weights: its modules, names and shapes."""
    import torch
    import transformers

    kind = getattr(transformers, task.auto_class)
    with torch.device("meta"), quiet():
        return kind.from_config(copy.deepcopy(config), trust_remote_code=False)


def position_limit(model: Any, *, unlimited: int) -> int:
    """The most tokens that the position embeddings cover; ``unlimited`` where none is stated."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return unlimited
    return int(positions) - position_offset(model)


def position_offset(model: Any) -> int:
    """How many of the first positions no token ever has.

    RoBERTa and its kin number positions from behind the padding's own, which is
    the row of the table of positions that they leave out.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    for path, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        if "position" not in path.rsplit(".", 1)[-1] or padding is None:
            continue
        if module.weight.shape[0] == positions:
            return int(padding) + 1
    return 0


def read_model(
    name: str, folder: Path, weights: Weights, config: Any, task: Task, *, wrapper: str
) -> Loaded:
    """Load a model with the task's head, and the weights in ``folder``.

    ``wrapper`` is what stands before every tensor's name in the files. Raises
    ModelError where the model itself, not its head or pooler, would be left
    with random numbers, or where a weight is no number; and whatever damaged
    files provoke in transformers.
    """
    import torch
    import transformers

    kind: Any = getattr(transformers, task.auto_class)
    source: dict[str, Any] = {
        "pretrained_model_name_or_path": folder,
        "use_safetensors": True,
        "trust_remote_code": False,
    }
    if wrapper or weights.indexed:  # an index may say less than transformers wants
        kind = heads_of(task)[type(config)]
        tensors = {key.removeprefix(wrapper): one for key, one in weights.tensors().items()}
        source = {"pretrained_model_name_or_path": None, "state_dict": tensors}
    model, info = kind.from_pretrained(
        **source,
        config=config,
        torch_dtype=torch.float32,
        ignore_mismatched_sizes=True,  # they are looked at below
        output_loading_info=True,
    )
    own = f"{model.base_model_prefix}." if model.base_model is not model else ""
    missing = sorted(info["missing_keys"])
    # transformers 5 gives a tensor's shapes beside its name.
    others = sorted(one if isinstance(one, str) else one[0] for one in info["mismatched_keys"])
    body = {key for key in (*missing, *others) if key.startswith(own) and not _is_pooler(key, own)}
    _check_names(name, weights, [key for key in missing if key in body])
    _check_shapes(name, model, weights, [key for key in others if key in body], wrapper)
    _check_layers(name, model, info["unexpected_keys"], own)
    _check_numbers(name, model)
    head = {*missing, *others} - body
    poolers = [key for key in head if _is_pooler(key, own)]
    head -= {*poolers} if task.embeds else _unused(model, task, poolers)
    return Loaded(
        model,
        tuple(key for key in missing if key in head),
        tuple(key for key in others if key in head),
    )


def _is_pooler(key: str, own: str) -> bool:
    return key.startswith(own) and is_pooler(key.removeprefix(own))


def _unused(model: Any, task: Task, keys: Sequence[str]) -> set[str]:
    """Those of a model's parameters that no answer depends on."""
    import torch

    if not keys:
        return set()
    parameters = dict(model.named_parameters())
    with torch.enable_grad(), quiet():
        given = outputs_of(model, task, input_ids=torch.tensor([[1, 2, 3]]))
        total = sum(one.sum() for one in given.values())
        slopes = torch.autograd.grad(total, [parameters[key] for key in keys], allow_unused=True)
    return {key for key, slope in zip(keys, slopes, strict=True) if slope is None}


def _check_names(name: str, weights: Weights, lost: Sequence[str]) -> None:
    if not lost:
        return
    if any("lora_" in key or ".base_layer." in key for key in weights.shapes):
        raise ModelError(
            f"{name}: its weights are those of a model with an adapter (LoRA) that was never "
            f"merged: they lack {lost[0]!r}.",
            hint="Merge it where it was trained: model.merge_and_unload().save_pretrained(FOLDER)",
        )
    held = next(iter(weights.shapes), "nothing")
    raise ModelError(
        f"{name}: its weights lack {_some(lost)} of the model that its config.json describes; "
        f"they would be random. The files hold names such as {held!r}.",
        hint="Bring the weights and the config.json that belong together, or save the model "
        "again: MODEL.save_pretrained(NEW_FOLDER)",
    )


def _check_shapes(name: str, model: Any, weights: Weights, others: list[str], wrapper: str) -> None:
    if not others:
        return
    key = others[0]
    wanted = tuple(model.state_dict()[key].shape)
    found = shape_of(key, model, weights, wrapper)
    raise ModelError(
        f"{name}: {key!r} has the shape {found} in its weights and {wanted} by its config.json"
        + (f", and so do not fit {len(others) - 1} other tensors." if others[1:] else "."),
        hint="Bring the weights and the config.json that belong together: vocab_size, "
        "hidden_size and the like must be those of the weights.",
    )


def shape_of(key: str, model: Any, weights: Weights, wrapper: str) -> tuple[int, ...] | None:
    """The shape in the files of a tensor that the model calls ``key``; None where none is so."""
    bare = key.removeprefix(f"{model.base_model_prefix}.")
    named = (f"{wrapper}{key}", f"{wrapper}{bare}")
    return next((weights.shapes[one] for one in named if one in weights.shapes), None)


def _check_layers(name: str, model: Any, unexpected: Iterable[str], own: str) -> None:
    """Refuse to leave out layers: a model that is cut short answers otherwise."""
    known = {_numberless(key.removeprefix(own)) for key in model.state_dict()}
    layered = any("*" in key for key in known)  # not where the config names none at all
    extra = sorted(
        key
        for key in unexpected
        if re.search(r"\.\d+\.", key)
        and (_numberless(key.removeprefix(own)) in known or not layered)
    )
    if extra:
        raise ModelError(
            f"{name}: its weights have more layers than its config.json names: {_some(extra)} "
            "would be left out.",
            hint="Correct num_hidden_layers in config.json, or bring the one that belongs to "
            "the weights.",
        )


def _check_numbers(name: str, model: Any) -> None:
    import torch

    for key, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise ModelError(
                f"{name}: its weights hold values that are no numbers (NaN or infinity), "
                f"in {key!r}.",
                hint=f"Training diverged, or the file is damaged. {AGAIN}",
            )


def _numberless(key: str) -> str:
    return re.sub(r"\.\d+\.", ".*.", f".{key}")


def _some(keys: Sequence[str]) -> str:
    """The first of some tensors by name, and how many there are."""
    if len(keys) == 1:
        return repr(keys[0])
    return f"{len(keys)} tensors ({keys[0]!r}, {keys[1]!r}{' …' if len(keys) > 2 else ''})"
