"""What tasks share whose truths are numbers. A program that only predicts imports no metrics."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeft.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeft.tasks.head import Wish
    from edgeft.tasks.task import LabelNames, Rows

    Floats = NDArray[np.float64]

__all__ = ["no_contradiction", "no_wishes", "number_figures", "number_worst"]


def no_contradiction(one: Any, truth: Any) -> None:
    """``Task.truth_key``: two numbers of an input are as little at odds as two people's judgments.

    So all have one key.
    """


def number_figures(
    truths: "Rows", answers: "Rows", labels: "LabelNames", weights: "Floats"
) -> "dict[str, Floats]":
    """``Task.figures``: correlations."""
    from edgeft.tasks.number_metrics import correlations

    return correlations(truths, answers, weights)


def number_worst(
    truths: "Rows", answers: "Rows", references: "Rows", labels: "LabelNames", weight: float
) -> tuple[float, float, float] | None:
    """``Task.worst``: of correlations."""
    from edgeft.tasks.number_metrics import worst_number

    return worst_number(truths, answers, references, weight)


def no_wishes(answer: str) -> "Callable[[Wish, LabelNames], None]":
    """``Task.check`` of a task whose answers, such as "A number", have no threshold."""

    def check(wish: "Wish", labels: "LabelNames") -> None:
        if wish:
            raise UsageError(
                f"{answer} has no threshold that is set for a precision, a recall or a share of "
                "right answers.",
                hint="Leave these options out.",
            )

    return check
