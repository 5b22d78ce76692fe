"""A request as the routes that take JSON see it, whatever its shape."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from edgeft.inputs import Input
from edgeft.runtime.model import Model
from edgeft.serve.refusals import RefusedError

__all__ = ["Call", "ReadCall", "flag_at", "known_fields", "text_at", "wrong"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a body asks.

    model: the name of the one that is asked; None where the body names none. seconds: that the
    answer may take, None where the body does not say.
    inputs: from the model that answers what it is asked. Raises RefusedError where that is nothing
    for it.
    told: from the model's name, the model and its predictions the answer as JSON values.
    """

    model: str | None
    inputs: Callable[[Model], list[Input]]
    told: Callable[[str, Model, Sequence[Any]], Any]
    seconds: float | None = None


ReadCall = Callable[[Any], Call]  # from a body's JSON; raises RefusedError (422)


def known_fields(document: Any, known: Collection[str], example: str) -> dict[str, Any]:
    """The fields of a body, without those that are null. Raises RefusedError for others."""
    if not isinstance(document, dict):
        raise wrong("", f"The body must be an object, such as {example}.")
    if unknown := sorted(document.keys() - set(known)):
        named = ", ".join(sorted(known))
        raise wrong(unknown[0][:100], f"This field is not known; known are {named}.")
    return {name: one for name, one in document.items() if one is not None}


def text_at(fields: Mapping[str, Any], name: str, says: str) -> str | None:
    """A text, None where there is none. Raises RefusedError."""
    found = fields.get(name)
    if found is not None and not isinstance(found, str):
        raise wrong(name, f"It must be {says}.")
    return found


def flag_at(fields: Mapping[str, Any], name: str, usual: bool) -> bool:
    """True or false. Raises RefusedError."""
    found = fields.get(name, usual)
    if not isinstance(found, bool):
        raise wrong(name, "It must be true or false.")
    return found


def wrong(where: str, message: str, hint: str = "") -> RefusedError:
    """What is JSON, and yet not what is asked for (422)."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "input", message, where=where, hint=hint)
