"""Whether what a caller gave is inputs; if not, a message that says where and what to do."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import fields
from typing import Any

from edgeft.inputs import Input

__all__ = ["check_input", "check_list", "check_source", "one_by_one"]

_MISSING = 'leave it out, or give "" for an empty text'
_DECODE = 'decode it first, as with data.decode("utf-8")'


def check_input(one: object, name: str, takes: tuple[type, ...]) -> None:
    """Raise TypeError where what is called ``name`` is none of the kinds in ``takes``."""
    if not isinstance(one, takes):
        wanted = " or ".join(f"a {kind.__name__}" for kind in takes)
        raise TypeError(f"{name} must be {wanted}, not {_kind(one)}: {_instead_of(one, takes)}.")


def check_list(texts: object, method: str, *, wanted: str = "a list of str") -> None:
    """Raise TypeError where ``texts`` is no sequence that can hold texts."""
    check_source(texts, method, wanted=wanted)
    if not isinstance(texts, Sequence):
        raise TypeError(
            f"{method} takes {wanted}, not {_kind(texts)}: "
            + (
                "texts.tolist() gives a list."  # of numpy or of a data frame
                if hasattr(texts, "tolist")
                else "list(texts) gives one; and stream takes any iterable."
            )
        )


def check_source(texts: object, method: str, *, wanted: str = "an iterable of texts") -> None:
    """Raise TypeError where ``texts`` gives no texts one by one, in an order that counts."""
    if isinstance(texts, str):
        raise TypeError(f"{method} takes {wanted}, not one str: put it in a list.")
    instead = _instead_of_source(texts)
    if instead:
        raise TypeError(f"{method} takes {wanted}, not {_kind(texts)}: {instead}.")


def one_by_one(inputs: Iterable[Input], takes: tuple[type, ...]) -> Iterator[Input]:
    """The inputs; TypeError at the first that is none, with its place, counted from 0."""
    for at, one in enumerate(inputs):
        if not isinstance(one, takes):
            check_input(one, f"{'texts' if str in takes else 'inputs'}[{at}]", takes)
        yield one


def _kind(found: object) -> str:
    return str(found) if _is_missing(found) else type(found).__name__


def _is_missing(found: object) -> bool:
    """Whether it is None, or NaN, which is how data frames mark what is missing."""
    return found is None or (isinstance(found, float) and found != found)


def _instead_of(found: object, takes: tuple[type, ...]) -> str:
    """What to give instead of something that is no input."""
    if str not in takes and not _is_missing(found):
        columns = ", ".join(one.name for one in fields(takes[0]))
        return f"make it one with edgeft.{takes[0].__name__}({columns})"
    if isinstance(found, Input):
        return "this model's task takes no such thing"
    if _is_missing(found):
        return _MISSING
    if isinstance(found, bytes | bytearray | memoryview):
        return _DECODE
    if isinstance(found, Mapping):
        return 'give the text in it, such as row["text"]'
    if isinstance(found, os.PathLike):
        return "read the file first"
    if isinstance(found, Iterable):
        return "many texts go in one flat list, to predict or stream"
    return "make it text first, as with str(value)"


def _instead_of_source(found: Any) -> str:
    """What to give instead of what gives no texts; "" where it may."""
    if found is None:
        return "give [] for no texts"
    if isinstance(found, bytes | bytearray | memoryview):
        return _DECODE
    if isinstance(found, Mapping):
        return "give its texts in a list, as with list(texts.values())"
    if isinstance(found, Set):
        return "it has no order, so give a list, as with sorted(texts)"
    dimensions = getattr(found, "ndim", 1)  # of numpy or a data frame, which gives column names
    if dimensions != 1:
        column = 'give one column in a list, as with table["text"].tolist()'
        return column if dimensions else "give [texts.item()]"
    if isinstance(found, os.PathLike):
        return "open the file, which gives its lines"
    return "" if isinstance(found, Iterable) else "put texts in a list"
