"""A number for each text: the squared error, in standard deviations of train's truths.

An optimizer takes steps of a size that fits numbers about 0 and 1, whatever the user's are. So a
head learns those, and what it gives is scaled back at once; in the end its weights give the user's
numbers themselves.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from edgeft.errors import ModelError
from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.train.objectives.heads import last_layer
from edgeft.train.objectives.objective import Figure, LearnedRow, Objective, no_classes

__all__ = ["OBJECTIVE"]

FAR = 1e5  # standard deviations from 0 to the mean, from where on float32 rounds much of them away


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[float],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """Every part of a text teaches its number."""
    return [
        [(part, truth) for part in one.parts] for one, truth in zip(encoded, truths, strict=True)
    ]


def _pad(targets: Sequence[float], width: int) -> dict[str, Any]:
    return {"labels": torch.tensor(targets, dtype=torch.float32)}  # (B,) float32


def _scaled_by(mean: float, deviation: float) -> Objective:
    """The objective of numbers with that mean and standard deviation."""

    def loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
        """Over rows: logits are (B, 1)."""
        apart = outputs.logits.float().squeeze(-1) - batch["labels"]  # (B,)
        return (apart / deviation).square().sum()

    def numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
        truths = np.array([truth for _, truth in rows], np.float64)  # (N,)
        apart = outputs["logits"][:, 0].astype(np.float64) - truths
        return float(((apart / deviation) ** 2).mean())

    def soft(said: Any, taught: Any, temperature: float) -> Any:
        return ((said.float() - taught.float()) / deviation).square().sum(-1)  # (B,)

    return Objective(
        fitted=_fitted,
        begin=lambda model: _fold(_head_of(model), mean, deviation),
        within=partial(_within, mean=mean, deviation=deviation),
        choices=frozenset(),
        targets=_targets,
        pad=_pad,
        count=len,
        weights=no_classes,
        loss=loss,
        soft=soft,
        numpy_loss=numpy_loss,
        figures=_figures,
        config=_config,
        smoothed=False,
        blank=None,
    )


def _fitted(truths: Sequence[Any]) -> Objective:
    known = np.asarray(truths, np.float64)  # (N,)
    deviation = float(known.std())
    return _scaled_by(float(known.mean()), deviation if deviation > 0 else 1.0)


# --- the head ------------------------------------------------------------------------


@contextmanager
def _within(model: Any, *, mean: float, deviation: float) -> Iterator[None]:
    """Within, the head's weights are those of scaled numbers; what it gives is the same."""
    head = _head_of(model)
    _fold(head, -mean / deviation, 1 / deviation)
    # In float32, as 16 bits hold three digits, of which a mean may take all.
    hook = head.register_forward_hook(lambda _, __, given: given.float() * deviation + mean)
    try:
        yield
    finally:
        hook.remove()
        _fold(head, mean, deviation)


def _fold(head: Any, mean: float, deviation: float) -> None:
    """Make a linear layer give its outputs times ``deviation``, plus ``mean``."""
    with torch.no_grad():
        for parameter, shift in ((head.weight, 0.0), (head.bias, mean)):
            parameter.copy_((parameter.double() * deviation + shift).to(parameter.dtype))


def _head_of(model: Any) -> Any:
    """The linear layer that gives the one number. Raises ModelError."""
    found = last_layer(model, 1)
    if found is None:
        raise ModelError(
            "The model has no last layer with a bias that gives one number, so the numbers of the "
            "data cannot be scaled back in it.",
            hint="Choose a BERT-like encoder; --model minilm needs no network.",
        )
    return found


# --- what is told before ---------------------------------------------------------------


def _figures(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[float],
    labels: tuple[str, ...],
) -> tuple[Figure, ...]:
    """The range of the numbers, and how they lie in it."""
    known = np.asarray(truths, np.float64)  # (N,)
    mean, deviation = float(known.mean()), float(known.std())
    far = deviation > 0 and abs(mean) > FAR * deviation
    return (
        Figure(
            "numbers",
            "numbers",
            {
                "lowest": _short(known.min()),
                "median": _short(np.median(known)),
                "highest": _short(known.max()),
                "mean": _short(mean),
                "deviation": _short(deviation),
            },
            f"All numbers lie near {mean:g}, of which float32 keeps seven digits: subtract that "
            "from them, and add it to the answers."
            if far
            else "",
        ),
    )


def _short(number: Any) -> float:
    short = float(f"{float(number):.6g}")
    return int(short) if math.isfinite(short) and short == int(short) else short


def _config(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"num_labels": 1, "problem_type": "regression"}


OBJECTIVE = _scaled_by(0.0, 1.0)
