"""Texts with named entities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeft.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeft.data.examples import Examples
    from edgeft.data.notes import Tell
    from edgeft.data.table import Table

__all__ = ["entities_or_texts"]


def entities_or_texts(
    source: "Table", columns: "Mapping[str, str | None]", tell: "Tell"
) -> "Examples | Sequence[str]":
    """The texts and the spans of their entities, with ids of types. Raises DataError."""
    raise DataError(f"{source.source}: no entities can be read from such a file.")
