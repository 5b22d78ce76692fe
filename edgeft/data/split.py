"""Rows apart: some to learn from, some to judge by."""

import random
from collections.abc import Hashable, Sequence

__all__ = ["grouped_split", "stratified_split"]


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


def grouped_split(
    groups: Sequence[Hashable], strata: Sequence[str], fraction: float, *, seed: int
) -> tuple[list[int], list[int]]:
    """``stratified_split`` of whole groups, each by the stratum of its first row.

    Where every stratum is that of one group alone, groups are parted whatever theirs are; a single
    group stays in the first.
    """
    first: dict[Hashable, int] = {}
    for at, group in enumerate(groups):
        first.setdefault(group, at)
    places = list(first.values())
    _, held = stratified_split([strata[at] for at in places], fraction, seed=seed)
    if not held and len(places) < len(groups):
        _, held = stratified_split([""] * len(places), fraction, seed=seed)
    out = {groups[places[at]] for at in held}
    kept = [at for at, group in enumerate(groups) if group not in out]
    return kept, [at for at, group in enumerate(groups) if group in out]
