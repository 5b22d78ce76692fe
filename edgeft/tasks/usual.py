"""What most tasks say where only some have more to say: for fields of ``Task``, and ``Scores``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeft.errors import UsageError
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.task import Columns, LabelNames, Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeft.data import Source
    from edgeft.tasks.outputs import Outputs

__all__ = [
    "always_plain",
    "form_tells",
    "no_outcome",
    "no_thresholds",
    "none_withheld",
    "nothing_further",
    "of_logits",
    "of_one_form",
    "reading_told",
    "unranked",
]

SHARE_DIGITS = 4


def always_plain(truths: Rows) -> Head:
    """``Task.unfitted`` of a task of which no truth asks for more than a plain head."""
    return PLAIN


def form_tells(source: "Source", columns: Columns) -> str:
    """``Task.aloud`` of a task whose data can be no other's."""
    return ""


def no_thresholds(outputs: "Outputs", truths: Rows, labels: LabelNames) -> Head:
    """``Task.suited`` of a task whose likeliest answers need none."""
    return PLAIN


def nothing_further(
    outputs: "Outputs", truths: Rows, labels: LabelNames, head: Head
) -> dict[str, float | None]:
    """``Task.further`` of a task whose scores tell all."""
    return {}


def no_outcome(scores: object, head: Head) -> dict[str, float | None]:
    """``Scores.outcome`` where no threshold changes an answer, or there is none without."""
    return {}


def none_withheld(scores: object) -> dict[str, float | None]:
    """``Scores.selective`` where no answer is withheld."""
    return {}


def of_logits(outputs: "Outputs") -> float:
    """``Task.unit`` of a task whose outputs are logits, which are of one size in every model."""
    return 1.0


def of_one_form(truths: Rows) -> bool:
    """``Task.suits`` of a task of which all truths are alike."""
    return True


def reading_told(prediction: Any, usual_windows: int = 1) -> dict[str, Any]:
    """For ``Task.show``: how an input was read; the rest only where it is not as usual."""
    shown = {
        "truncated": prediction.truncated,
        "unknown_share": round(prediction.unknown_share, SHARE_DIGITS),
    }
    if cut := getattr(prediction, "cut", ()):
        shown["cut"] = list(cut)
    if prediction.windows > usual_windows:
        shown["windows"] = prediction.windows
    if prediction.stage:
        shown["stage"] = prediction.stage
    return shown


def unranked(
    predictions: Sequence[Any], labels: LabelNames, label: str | None
) -> "NDArray[np.float64]":
    """``Task.relevance`` of a task whose answers have no order. Raises UsageError."""
    raise UsageError(
        "This model gives no number by which texts could be ranked.",
        hint="Take a classifier of pairs with two labels, or a model that gives pairs a number.",
    )
