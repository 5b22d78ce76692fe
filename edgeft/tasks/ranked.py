"""What ``Model.rank`` gives, and by the score of which label. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeft.errors import UsageError

__all__ = ["Ranked", "ranked_by"]

MOST_NAMED = 8  # labels in a message


@dataclass(frozen=True, slots=True)
class Ranked:
    """One of the texts that were ranked: ``index`` is its place among them, from 0.

    The higher ``score``, the better it suits the query; what it is of, the model's task says.
    """

    index: int
    text: str
    score: float


def ranked_by(label: str | None, labels: Sequence[str], *, usual: int | None) -> int:
    """The place of the label by which texts are ranked: ``usual`` unless one is named.

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
    return labels.index(label) if label is not None else usual or 0
