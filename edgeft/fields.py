"""Readers of JSON values: each takes a value and gives it back checked, or says what it must be.

A reader is a function; small ones make larger ones, so that a document's whole
shape stands in one place as a table of its fields. Standard library only.
"""

import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

__all__ = [
    "FieldError",
    "Reader",
    "choice",
    "document",
    "entries",
    "flag",
    "listed",
    "mapped",
    "number",
    "optional",
    "record",
    "repeated",
    "text",
    "unique_keys",
    "whole",
]

Given = TypeVar("Given")
Reader = Callable[[Any], Given]

DEEPEST = 64  # objects within objects, where a field may hold what it likes
SHOWN = 60  # characters of a wrong value
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
HALVES = re.compile(r"[\ud800-\udfff]")  # of surrogate pairs, which UTF-8 cannot hold
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = SHOWN


class FieldError(ValueError):
    """A field is missing or misstated; ``where`` leads to it from the document's top."""

    def __init__(self, found: str, *where: str | int) -> None:
        super().__init__(found)
        self.found = found
        self.where = where

    def inside(self, key: str | int) -> "FieldError":
        """The same, seen from one level higher."""
        return FieldError(self.found, key, *self.where)

    def __str__(self) -> str:
        steps = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in self.where)
        return f"{steps.lstrip('.')} {self.found}".lstrip()


def whole(low: int, high: int) -> Reader[int]:
    """A whole number within limits; true and 1.0 are none."""

    def read(found: Any) -> int:
        if type(found) is not int or not low <= found <= high:
            raise _wrong(found, f"a whole number from {low} to {high}")
        return found

    return read


def number(low: float, high: float) -> Reader[float]:
    """A number within limits."""

    def read(found: Any) -> float:
        if type(found) not in (int, float) or not low <= found <= high:  # nor is NaN
            raise _wrong(found, f"a number from {low:g} to {high:g}")
        return float(found)

    return read


def text(least: int = 0, most: int = 10_000, *, controls: bool = True,
         pattern: str = "") -> Reader[str]:  # fmt: skip
    """Text of so many characters.

    Names and paths do without ``controls`` (line breaks, NUL); ``pattern`` is a
    regular expression that all of it must match.
    """
    wanted = re.compile(pattern)

    def read(found: Any) -> str:
        if not isinstance(found, str) or not least <= len(found) <= most:
            raise _wrong(found, f"text of {least} to {most} characters")
        if not controls and CONTROLS.search(found):
            raise _wrong(found, "text without control characters")
        if pattern and not wanted.fullmatch(found):
            raise _wrong(found, f"text that matches {pattern}")
        return found

    return read


def flag(found: Any) -> bool:
    """True or false."""
    if not isinstance(found, bool):
        raise _wrong(found, "true or false")
    return found


def choice(*options: str) -> Reader[str]:
    """One of a few words."""

    def read(found: Any) -> str:
        if not isinstance(found, str) or found not in options:
            raise _wrong(found, f"one of {', '.join(map(repr, options))}")
        return found

    return read


def optional(reader: Reader[Given]) -> Reader[Given | None]:
    """What ``reader`` reads, or null."""

    def read(found: Any) -> Given | None:
        return None if found is None else reader(found)

    return read


def listed(reader: Reader[Given], least: int = 0, most: int = 1 << 20) -> Reader[tuple[Given, ...]]:
    """A list of so many items."""

    def read(found: Any) -> tuple[Given, ...]:
        if not isinstance(found, list) or not least <= len(found) <= most:
            sizes = f"{least} to {most}" if least < most else str(least)
            raise _wrong(found, f"a list of {sizes} items")
        items = []
        for at, one in enumerate(found):
            try:
                items.append(reader(one))
            except FieldError as error:
                raise error.inside(at) from None
        return tuple(items)

    return read


def mapped(
    reader: Reader[Given], key: Reader[str], least: int = 0, most: int = 1 << 20
) -> Reader[dict[str, Given]]:
    """An object of so many entries, whose names ``key`` reads."""

    def read(found: Any) -> dict[str, Given]:
        if not isinstance(found, dict) or not least <= len(found) <= most:
            raise _wrong(found, f"an object of {least} to {most} entries")
        entries = {}
        for name, one in found.items():
            try:
                entries[key(name)] = reader(one)
            except FieldError as error:
                raise error.inside(name) from None
        return entries

    return read


def record(kind: Callable[..., Given], **readers: Reader[Any]) -> Reader[Given]:
    """An object that becomes the dataclass ``kind``; entries without a reader are passed over.

    A field that the object lacks takes its default, if it has one.
    """
    needed = [
        one.name
        for one in fields(kind)  # type: ignore[arg-type]  # a dataclass, not any callable
        if one.default is MISSING and one.default_factory is MISSING
    ]

    def read(found: Any) -> Given:
        if not isinstance(found, dict):
            raise _wrong(found, "an object")
        for name in needed:
            if name not in found:
                raise FieldError("is missing", name)
        values = {}
        for name, reader in readers.items():
            if name in found:
                try:
                    values[name] = reader(found[name])
                except FieldError as error:
                    raise error.inside(name) from None
        return kind(**values)

    return read


def entries(found: Any) -> Mapping[str, Any]:
    """An object that holds what it likes."""
    if not isinstance(found, dict):
        raise _wrong(found, "an object")
    return found


def document(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A whole object, in which nothing is that JSON cannot say or that nests too deeply."""
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, float) and not math.isfinite(one):
                raise FieldError("it holds a number that is out of range")
            if isinstance(one, str) and HALVES.search(one):
                raise FieldError("it holds text with half a surrogate pair")
            if isinstance(one, dict):
                inner += [*one, *one.values()]
            elif isinstance(one, list):
                inner += one
        level = inner
    if level:
        raise FieldError(f"it nests more than {DEEPEST} deep")
    return found


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads(object_pairs_hook=…)``: an object that names nothing twice."""
    twice = repeated(name for name, _ in pairs)
    if twice is not None:
        raise FieldError(f"it states {twice!r} twice")
    return dict(pairs)


def repeated(names: Iterable[str]) -> str | None:
    """The first name that was there before; None where each is there once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _wrong(found: Any, wanted: str) -> FieldError:
    return FieldError(f"is {_SHORT.repr(found)}; it must be {wanted}")
