"""What ``Model.rank`` gives, and by the score of which label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgeft.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Ranked", "ranked_by", "scores_of"]

MOST_NAMED = 8  # labels in a message


@dataclass(frozen=True, slots=True)
class Ranked:
    """One of the texts that were ranked: ``index`` is its place among them, from 0.

    The higher ``score``, the better it suits the query; what it is of, the model's task says.
    """

    index: int
    text: str
    score: float


class Scored(Protocol):
    """A prediction that has the score of every label."""

    @property
    def scores(self) -> Mapping[str, float]: ...


def scores_of(predictions: Sequence[Scored], label: str) -> "NDArray[np.float64]":
    """The (N,) scores of a label."""
    import numpy as np

    return np.array([one.scores[label] for one in predictions], np.float64)


def ranked_by(label: str | None, labels: Sequence[str], *, usual: int | None) -> str:
    """The label by which texts are ranked: that at the place ``usual`` unless one is named.

    Raises UsageError.
    """
    if label is None and usual is None:
        raise UsageError(
            f"The model has {len(labels)} labels, and nothing says by which texts are ranked.",
            hint=f"Name one: label={labels[0]!r}",
        )
    if label is not None and label not in labels:
        known = ", ".join(map(repr, labels[:MOST_NAMED])) + " …" * (len(labels) > MOST_NAMED)
        raise UsageError(f"The model has no label {label!r}.", hint=f"It has: {known}.")
    return labels[usual or 0] if label is None else label
