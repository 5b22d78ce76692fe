"""What clients of text-embeddings-inference say of texts that are too long."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from edgeft.runtime.model import Model
from edgeft.serve.calls import flag_at, wrong
from edgeft.serve.refusals import RefusedError

__all__ = ["check_whole", "may_cut"]


def may_cut(fields: Mapping[str, Any]) -> bool:
    """Whether a text may be cut, which is done at its end alone. Raises RefusedError (422)."""
    if fields.get("truncation_direction", "Right") not in ("Right", "right"):
        raise wrong("truncation_direction", "Texts are cut at their end: Right.")
    return flag_at(fields, "truncate", True)


def check_whole(predictions: Sequence[Any], places: Sequence[str], model: Model) -> None:
    """Raise RefusedError (413) for the first prediction of an input that was cut.

    ``places`` has the place in the body of each.
    """
    for one, where in zip(predictions, places, strict=True):
        if one.truncated:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large",
                f"The text has more than {model.max_length} tokens.",
                where=where, hint='Send less, or "truncate": true.',
            )  # fmt: skip
