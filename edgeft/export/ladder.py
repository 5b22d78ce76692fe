"""What to do with a variant that answers too badly: leave its most sensitive layers in float."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

__all__ = ["Rung", "descend"]

MOST_LEFT = 0.5  # of the layers; with more of them in float too little is gained


@dataclass(frozen=True)
class Rung:
    """Where a variant came to stand: the layers left in float, and what is still wrong, if any.

    Of a variant that nothing helps, ``left`` is empty and the problem that of the last attempt.
    """

    left: tuple[str, ...]
    problem: str


def descend(
    layers: Sequence[str],
    attempt: Callable[[Collection[str]], str],
    sensitivity: Callable[[str], float],
) -> Rung:
    """Find how many of the ``layers`` must stay in float.

    ``attempt`` makes the variant without those layers and returns what is wrong
    with it, "" for nothing. ``sensitivity`` tells how much the answers change where one layer
    alone is quantized; it is asked only where all layers together fail. Then
    1, 2, 4 … of the most sensitive are left, up to half of all.
    """
    problem = attempt(())
    if not problem:
        return Rung((), "")
    ranked = sorted(layers, key=sensitivity, reverse=True)
    count = 1
    while count <= MOST_LEFT * len(ranked):
        left = tuple(ranked[:count])
        problem = attempt(left)
        if not problem:
            return Rung(left, "")
        problem += f", even with its {count} most sensitive layers in float"
        count *= 2
    return Rung((), problem)
