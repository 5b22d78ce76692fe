"""Padding that no answer depends on, for encoders and for decoders.

A decoder's classifier answers from a text's last token, which it finds by the
padding that its config names; where the tokenizer pads with another token, it
answers from the padding. Which models do so, they show themselves: a text is
run alone and with padding behind it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.checkpoint.model import outputs_of
from edgeft.checkpoint.pretrained import quiet
from edgeft.errors import ModelError
from edgeft.tasks.task import Task

__all__ = ["fit_config", "keep_answers", "pad_token"]

TYPES = "token_type_ids"

TEXT = "The parcel arrived two days late"
MOST = 8  # tokens of it
BEHIND = 3  # tokens of padding
SAME = 1e-3  # of the largest logit: sums in another order, and no more


def pad_token(name: str, tokenizer: Any) -> tuple[str, ...]:
    """Give the tokenizer a padding token, and let it pad on the right; notes on what was changed.

    On the left padding would shift the positions of a decoder such as GPT-2, and
    so its answers. Raises ModelError where no token can stand in.
    """
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is not None:
        return ()
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{name}: its tokenizer has no padding token, so texts cannot be batched, and no "
            "end token that could stand in.",
            hint="Set tokenizer.pad_token and save the tokenizer again.",
        )
    tokenizer.pad_token = tokenizer.eos_token
    return (f"The tokenizer has no padding token; its end token {tokenizer.eos_token!r} pads.",)


def fit_config(model: Any, tokenizer: Any, task: Task) -> None:
    """Let a model that is going to be trained find texts' ends by the tokenizer's padding.

    An encoder, whose answers do not depend on it, keeps the padding of its config.
    A model that takes token types for tokens is trained without them, and its
    tokenizer gives none from now on.
    """
    with _evaluated(model):
        if _misreads_types(model, tokenizer, task):
            tokenizer.model_input_names = [
                one for one in tokenizer.model_input_names if one != TYPES
            ]
            tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    ids, pad = _ids(tokenizer), int(tokenizer.pad_token_id)
    before = model.config.pad_token_id
    if before is None:
        model.config.pad_token_id = pad
        return
    with _evaluated(model):
        if _same(_logits(model, task, ids), _logits(model, task, ids, pad)):
            return
        model.config.pad_token_id = pad
        if not _same(_logits(model, task, ids), _logits(model, task, ids, pad)):
            model.config.pad_token_id = before  # it is the padding itself that it sees


def keep_answers(name: str, model: Any, tokenizer: Any, task: Task) -> tuple[int, tuple[str, ...]]:
    """The id to pad with so that a text is answered as it is alone; notes on what was changed.

    A single text's answer, which no padding touches, stays what it was. Raises
    ModelError where padding changes the answers in any case, or the tokenizer's
    token types do, or where they are no numbers.
    """
    ids, own = _ids(tokenizer), int(tokenizer.pad_token_id)
    alone = _logits(model, task, ids)
    if not np.isfinite(alone).all():
        raise ModelError(
            f"{name} answers a text with what is no number (NaN or infinity).",
            hint="Training diverged, or its config.json holds a value that makes no sense.",
        )
    if _misreads_types(model, tokenizer, task):
        raise ModelError(
            f"{name}: its tokenizer gives {TYPES}, which the model takes for tokens and its "
            "graph cannot have.",
            hint="If it was trained without them, leave them out in tokenizer_config.json: "
            '"model_input_names": ["input_ids", "attention_mask"]',
        )
    stated = model.config.pad_token_id
    if stated is not None and _same(alone, _logits(model, task, ids, own)):
        return own, ()
    if stated is not None and 0 <= stated < _rows(model):
        if not _same(alone, _logits(model, task, ids, stated)):
            raise _unpaddable(name)
        token = tokenizer.convert_ids_to_tokens(int(stated))
        note = f"Texts are padded with token {stated} ({token!r}), as the config says"
        if token in tokenizer.all_special_tokens:
            note += f", not with the tokenizer's {tokenizer.pad_token!r}."
            tokenizer.pad_token = token
        else:
            note += f"; the tokenizer itself pads with {tokenizer.pad_token!r}."
        return int(stated), (note,)
    # The config names no token: any pads that ends no text.
    for pad in (own, *sorted(tokenizer.all_special_ids)):
        model.config.pad_token_id = pad
        if _same(alone, _logits(model, task, ids)) and _same(alone, _logits(model, task, ids, pad)):
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad)
            return pad, (
                f"The config's padding token was {stated}; it is {tokenizer.pad_token!r}, "
                f"{pad}, now.",
            )
    raise _unpaddable(name)


def _unpaddable(name: str) -> ModelError:
    return ModelError(
        f"{name} answers a text otherwise when padding stands behind it, so texts cannot be "
        "batched.",
        hint="Choose a model that masks its padding.",
    )


def _ids(tokenizer: Any) -> list[int]:
    """A short text as token ids, with the special tokens that every text gets."""
    backend = tokenizer.backend_tokenizer
    ids: list[int] = backend.encode(TEXT).ids
    return [*ids[: MOST // 2], *ids[-MOST // 2 :]] if len(ids) > MOST else ids


def _misreads_types(model: Any, tokenizer: Any, task: Task) -> bool:
    """Whether the types that the tokenizer gives change answers: GPT-2 embeds them as tokens."""
    if not {TYPES} & {*tokenizer.model_input_names} & {*signature(model.forward).parameters}:
        return False
    ids = _ids(tokenizer)
    return not _same(_logits(model, task, ids), _logits(model, task, ids, types=True))


def _logits(
    model: Any, task: Task, ids: Sequence[int], pad: int | None = None, *, types: bool = False
) -> NDArray[np.float32]:
    """All numbers that one text gets, (L,); with ``pad``, the text with that token behind it.

    What a model gives for the padding itself is not among them.
    """
    import torch

    behind = 0 if pad is None else BEHIND
    row = torch.tensor([[*ids, *[pad or 0] * behind]])  # (1, T) int64
    mask = torch.tensor([[1] * len(ids) + [0] * behind])  # (1, T) int64
    with torch.inference_mode(), quiet():
        more = {TYPES: torch.zeros_like(row)} if types else {}
        if "attention_mask" in signature(model.forward).parameters:
            more["attention_mask"] = mask
        answer = outputs_of(model, task, input_ids=row, **more)
    numbers = {name: one.float().cpu().numpy() for name, one in answer.items()}
    return np.concatenate(
        [
            (one[:, : len(ids)] if "tokens" in task.outputs[name] else one).ravel()
            for name, one in numbers.items()
        ]
    )


def _rows(model: Any) -> int:
    """How many tokens the model has an embedding for."""
    return int(model.get_input_embeddings().weight.shape[0])


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=SAME * float(np.abs(one).max())))


@contextmanager
def _evaluated(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
