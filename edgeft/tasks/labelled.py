"""One label for each row: the labels as train shows them, and what a split keeps in proportion."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeft.data import Examples
    from edgeft.tasks.task import Rows

__all__ = ["labels", "rarest", "strata"]

NOTHING = "none"  # the stratum of rows without any


def labels(examples: "Examples") -> tuple[str, ...]:
    """The labels that the rows show, in the order of their ids."""
    shown = set(examples.truths)
    return tuple(label for at, label in enumerate(examples.labels) if at in shown)


def strata(truths: "Rows", labels: tuple[str, ...]) -> list[str]:
    """The name of each row's label. By ids labels that are numbers would be split otherwise."""
    return [labels[truth] for truth in truths]


def rarest(held: Sequence[Collection[str]]) -> list[str]:
    """Of each row the name that the fewest rows hold; of a row without any "none".

    Where that would be the stratum of one row alone though other rows hold such names, the
    row counts to the largest stratum, so that it may stand on either side.
    """
    has = [{*one} or {NOTHING} for one in held]
    rows = Counter(one for some in has for one in some)
    keys = [min(some, key=lambda one: (rows[one], one)) for some in has]
    sizes = Counter(keys)
    largest = max(sizes, key=lambda one: (sizes[one], one), default=NOTHING)
    alone = {one for one in sizes if sizes[one] == 1 and (rows[one] > 1 or one == NOTHING)}
    return [largest if key in alone else key for key in keys]
