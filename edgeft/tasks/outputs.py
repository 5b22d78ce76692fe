"""What a graph gives, by name; pure numpy."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import RunError

__all__ = [
    "Array",
    "Axes",
    "Outputs",
    "dense",
    "finite",
    "flat",
    "in_a_row",
    "picked",
    "ragged",
    "require_numbers",
    "sigmoid",
    "softmax",
    "tempered",
]

Array = NDArray[np.float32]
# The axes of an output: "inputs" first, then "tokens" and "labels" where it has them, "one" where
# it is a single number, "dimensions" where it is a vector.
Axes = tuple[str, ...]
# Of N inputs (or parts, before they are joined): an array (N, …), or, where an axis runs along the
# tokens, a list of N arrays (T, …), each as long as its own input. Vectors of joined inputs are a
# list of N arrays (1, D), of pairs (2, D).
Outputs = Mapping[str, Array | list[Array]]


def dense(outputs: Outputs, name: str) -> Array:
    """An output without an axis along tokens, (N, …) float32."""
    found = outputs[name]
    assert not isinstance(found, list), f"{name} has an axis along tokens"
    return found


def ragged(outputs: Outputs, name: str) -> list[Array]:
    """An output of N arrays: (T, …) float32 where an axis runs along tokens."""
    found = outputs[name]
    assert isinstance(found, list), f"{name} has no axis along tokens"
    return found


def picked(outputs: Outputs, places: Sequence[int]) -> Outputs:
    """The outputs of the inputs at ``places``, in that order."""
    return {
        name: [found[at] for at in places] if isinstance(found, list) else found[places]
        for name, found in outputs.items()
    }


def in_a_row(parts: Sequence[Outputs]) -> Outputs:
    """The outputs of one group of inputs after the other, of at least one group."""
    joined: dict[str, Array | list[Array]] = {}
    for name, first in parts[0].items():
        found = [part[name] for part in parts]
        if isinstance(first, list):
            joined[name] = [row for rows in found for row in rows]
        else:
            joined[name] = np.concatenate(found)
    return joined


def flat(outputs: Outputs) -> dict[str, list[list[float]]]:
    """By name and input the values, row by row."""
    return {name: [one.ravel().tolist() for one in found] for name, found in outputs.items()}


def finite(outputs: Outputs) -> NDArray[np.bool_]:
    """(N,) whether all that an input got are numbers, neither NaN nor infinite."""
    rows = [
        np.array([np.isfinite(one).all() for one in found], np.bool_)
        if isinstance(found, list)
        else np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
        for found in outputs.values()
    ]
    return np.logical_and.reduce(rows)  # type: ignore[no-any-return]


def require_numbers(outputs: Outputs) -> None:
    """Raise RunError where outputs are not all numbers, so that no answer stands for them."""
    for found in outputs.values():
        if not all(
            np.isfinite(one).all() for one in (found if isinstance(found, list) else (found,))
        ):
            numbers = finite(outputs)
            raise RunError(
                f"The graph gave scores that are no numbers for {int((~numbers).sum())} of "
                f"{len(numbers)} texts.",
                hint="Load another variant, or see what this one does here: edgeft verify BUNDLE",
            )


def tempered(outputs: Outputs, temperature: float) -> Outputs:
    """The outputs divided by a temperature, as they are where that is 1."""
    if temperature == 1.0:
        return outputs
    by = np.float32(temperature)
    return {
        name: [one / by for one in found] if isinstance(found, list) else found / by
        for name, found in outputs.items()
    }


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Softmax over the last axis of (…, C) logits, shifted by its maximum against overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (…, C) float32
    scores: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return scores


def sigmoid(logits: Array) -> Array:
    """The sigmoid of each of the logits, float32, without overflow."""
    powers: Array = np.exp(-np.abs(logits))  # of the same shape, 0 to 1
    reached: Array = np.where(logits >= 0, np.ones_like(powers), powers)
    return reached / (np.float32(1) + powers)
