"""What a graph gives, by name; pure numpy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Axes", "Outputs", "dense", "ragged"]

Array = NDArray[np.float32]
# The axes of an output: "inputs" first, then "tokens" and "labels" where it has them.
Axes = tuple[str, ...]
# Of N inputs (or parts, before they are joined): an array (N, …), or, where an axis runs along the
# tokens, a list of N arrays (T, …), each as long as its own input.
Outputs = Mapping[str, Array | list[Array]]


def dense(outputs: Outputs, name: str) -> Array:
    """An output without an axis along tokens, (N, …) float32."""
    found = outputs[name]
    assert not isinstance(found, list), f"{name} has an axis along tokens"
    return found


def ragged(outputs: Outputs, name: str) -> list[Array]:
    """An output with an axis along tokens: N arrays (T, …) float32."""
    found = outputs[name]
    assert isinstance(found, list), f"{name} has no axis along tokens"
    return found
