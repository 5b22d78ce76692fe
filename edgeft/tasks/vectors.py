"""Vectors of texts and of the two texts of pairs: joined from parts, and compared by cosines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Array, Outputs, dense, ragged, require_numbers

__all__ = ["TINY", "VECTOR", "cosines", "joined_vectors", "of_length_1", "told_vectors"]

VECTOR = "sentence_embedding"  # as sentence-transformers calls it
TINY = 1e-12  # instead of the length of a vector without any

Floats = NDArray[np.float64]


def of_length_1(vectors: Array) -> Array:
    """(…, D) vectors brought to length 1; one without any length stays as it is."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float32).sum(axis=-1, keepdims=True))
    scaled: Array = (vectors / np.maximum(lengths, TINY)).astype(np.float32)
    return scaled


def joined_vectors(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """Of each text (1, D), of each pair (2, D): the mean of its parts weighted by fresh tokens."""
    vectors = dense(outputs, VECTOR)  # (R, D)
    if len(vectors) == len(encoded):
        return {VECTOR: list(vectors[:, None])}
    found, begin = [], 0
    for one in encoded:
        rows = vectors[begin : begin + len(one.parts)]  # (P, D)
        begin += len(rows)
        second = one.second or len(rows)
        sides = [_mean(rows[:second], one, 0)]
        if one.second:
            sides.append(_mean(rows[second:], one, second))
        found.append(np.stack(sides))
    return {VECTOR: found}


def _mean(rows: Array, one: Encoded, begin: int) -> Array:
    if len(rows) == 1:
        only: Array = rows[0]
        return only
    weights = [max(part.fresh, 1) for part in one.parts[begin : begin + len(rows)]]
    mean: Array = np.average(rows, axis=0, weights=weights).astype(np.float32)
    return mean


def told_vectors(outputs: Outputs, encoded: Sequence[Encoded], head: Head) -> list[Array]:
    """Of each input the joined (1, D) or (2, D), those of windows brought to length 1 anew.

    Raises RunError where a number is none.
    """
    require_numbers(outputs)
    rows = ragged(outputs, VECTOR)
    if not head.unit_length:
        return rows
    return [
        of_length_1(row) if len(one.parts) > len(row) else row
        for row, one in zip(rows, encoded, strict=True)
    ]


def cosines(rows: Sequence[Array]) -> Floats:
    """The (N,) cosines of N pairs of vectors, (2, D) each."""
    if not len(rows):
        return np.zeros(0)
    both = np.stack(rows).astype(np.float64)  # (N, 2, D)
    lengths = np.sqrt(np.square(both).sum(axis=2))  # (N, 2)
    found: Floats = (both[:, 0] * both[:, 1]).sum(axis=1) / np.maximum(lengths.prod(axis=1), TINY)
    return found
