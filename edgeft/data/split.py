"""Rows apart: some to learn from, some to judge by."""

import random
from collections.abc import Sequence

__all__ = ["stratified_split"]


def stratified_split(
    labels: Sequence[str], fraction: float, *, seed: int
) -> tuple[list[int], list[int]]:
    """Split positions into (kept, held out), each label in proportion.

    Every label with at least two rows keeps one on both sides; a label with one
    row stays in the first. The same arguments give the same split.
    """
    by_label: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        by_label.setdefault(label, []).append(position)
    chance = random.Random(seed)
    held: list[int] = []
    for label in sorted(by_label):
        positions = by_label[label]
        chance.shuffle(positions)
        count = round(len(positions) * fraction)
        held += positions[: min(max(count, 1), len(positions) - 1)]
    out = set(held)
    return [i for i in range(len(labels)) if i not in out], sorted(held)
