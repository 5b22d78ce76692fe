"""Hidden names beside a destination, for what must not be seen there half-made."""

import hashlib
import os
import re
import secrets
from pathlib import Path

__all__ = ["LONGEST_NAME", "PARTIAL", "leftovers_of", "lock_of", "place_of", "spare"]

LONGEST_NAME = 255  # bytes of a name, on every common file system
TOKEN = 8  # hexadecimal digits
PARTIAL = ".partial"  # of the folder beside it in which a run works


def place_of(destination: Path) -> Path:
    """The absolute path of a destination, links in its parents followed, not a link at its end.

    Raises OSError, and ValueError where a path cannot be one.
    """
    if destination.name in ("", "..") or "\0" in str(destination):
        return Path(os.path.realpath(destination))
    return Path(os.path.realpath(destination.parent)) / destination.name


def spare(destination: Path, purpose: str) -> Path:
    """A new hidden name beside ``destination``.

    ``purpose`` is "new" (being made), "old" (stood there before, and is to come
    back if nothing else stands there) or "gone" (to be deleted).
    """
    token = secrets.token_hex(TOKEN // 2)
    return destination.with_name(f".{_stem(destination)}.{token}.edgeft-{purpose}")


def lock_of(destination: Path) -> Path:
    """The file that a run holds locked while it works for ``destination``."""
    return destination.with_name(f".{_stem(destination)}.edgeft-lock")


def leftovers_of(destination: Path) -> dict[str, list[Path]]:
    """What stands under names that ``spare`` gave, by purpose."""
    pattern = re.compile(
        rf"\.{re.escape(_stem(destination))}\.[0-9a-f]{{{TOKEN}}}\.edgeft-(new|old|gone)"
    )
    found: dict[str, list[Path]] = {"new": [], "old": [], "gone": []}
    for path in sorted(destination.parent.iterdir()):
        if match := pattern.fullmatch(path.name):
            found[match[1]].append(path)
    return found


def _stem(destination: Path) -> str:
    """The name, or a hash of it where nothing longer would be a name."""
    name = os.fsencode(destination.name)
    if len(name) + len(f"..{'0' * TOKEN}.edgeft-gone") <= LONGEST_NAME:
        return destination.name
    return hashlib.sha256(name).hexdigest()[:32]
