"""One label for each row: the labels as train shows them, and what a split keeps in proportion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeft.data import Examples

__all__ = ["labels", "strata"]


def labels(examples: "Examples") -> tuple[str, ...]:
    """The labels that the rows show, in the order of their ids."""
    shown = set(examples.truths)
    return tuple(label for at, label in enumerate(examples.labels) if at in shown)


def strata(truths: Sequence[int], labels: tuple[str, ...]) -> list[str]:
    """The name of each row's label. By ids labels that are numbers would be split otherwise."""
    return [labels[truth] for truth in truths]
