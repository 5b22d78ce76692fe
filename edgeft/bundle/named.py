"""Bundles by the names under which a server has them. Standard library only."""

import re
from collections.abc import Sequence
from pathlib import Path

from edgeft.errors import UsageError

__all__ = ["named_bundles"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # what needs no escape in a path


def named_bundles(given: Sequence[str]) -> dict[str, Path]:
    """Names to folders, from FOLDER, whose name is the folder's, or NAME=FOLDER. UsageError."""
    found: dict[str, Path] = {}
    for one in given:
        name, equals, folder = one.partition("=")
        if not equals or Path(one).is_dir():
            name, folder = Path(one).resolve().name, one
        if not folder:
            raise UsageError(f"{one!r} names no folder.", hint="Give FOLDER, or NAME=FOLDER.")
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a model: it takes letters, digits, '.', '_', '-'.",
                hint=f"Name it yourself: NAME={folder}",
            )
        if name in found:
            raise UsageError(
                f"Two models are called {name}: {found[name]} and {folder}.",
                hint=f"Give one another name: NAME={folder}",
            )
        found[name] = Path(folder)
    return found
