"""What is never replaced, whatever was asked: the one rule for every command that writes.

Replaced is what edgeft wrote, with nothing of anybody else's in it, or what is
empty. Never an input, what holds an input, a part of a model that is read, the
working directory, a home, a root, a mount or a checkout. Files are compared as
the system knows them, so links, other spellings and cases lead nowhere.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from edgeft.errors import OutputError
from edgeft.folders.disk import cannot_write
from edgeft.folders.kinds import FolderKind, files_below
from edgeft.folders.names import LONGEST_NAME, place_of

__all__ = ["check_file", "check_folder"]

ELSEWHERE = "Name another folder with -o."
CHECKOUTS = (".git", ".hg", ".svn")
MOST_LINKS = 40  # of one path, as Linux counts

Identity = tuple[int, int]


def check_folder(
    destination: Path,
    kind: FolderKind,
    *,
    force: bool,
    inputs: Iterable[Path | str] = (),
    models: Iterable[Path | str] = (),
) -> Path:
    """Return where the folder will stand; refuse where it must not; raise OutputError.

    ``inputs`` are files and folders that the command reads, ``models`` folders
    that it reads and in which nothing may change. Names that are no path here
    (Hub ids, names of built-in models) are passed over. What stands there
    already is replaced with ``force`` alone, and only if it is of ``kind`` with
    nothing foreign in it, or empty. Its path is UTF-8: the libraries that write
    models take no other.
    """
    inputs, models = list(inputs), list(models)
    try:
        place = place_of(destination)
        _check_utf8(destination, place)
        _check_inputs(destination, place, [*inputs, *models], ELSEWHERE)
        _check_inside(destination, place, models, ELSEWHERE)
        if os.path.lexists(place):
            _check_replaceable(destination, place, kind, force=force)
        _check_writable(destination, place)
    except (OSError, ValueError) as error:
        raise _unusable(destination, error) from error
    return place


def check_file(
    destination: Path,
    *,
    force: bool,
    inputs: Iterable[Path | str] = (),
    models: Iterable[Path | str] = (),
    alike: Callable[[Path], bool] | None = None,
) -> Path:
    """Return where the file will stand; refuse where it must not; raise OutputError.

    As ``check_folder``; a link leads to the file that is meant. ``alike`` tells
    whether a file that stands there is of the kind that is written.
    """
    hint = "Name another file with -o."
    inputs, models = list(inputs), list(models)
    try:
        place = Path(os.path.realpath(destination))
        if place.is_dir():
            raise OutputError(f"{destination} is a folder.", hint="Name a file.")
        _check_inputs(destination, place, [*inputs, *models], hint)
        _check_inside(destination, place, models, hint)
        if place.exists():
            facts = place.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise OutputError(f"{destination} is no ordinary file.", hint=hint)
            if facts.st_size and alike is not None and not alike(place):
                raise OutputError(
                    f"{destination} exists already and holds something else, which is not replaced "
                    "even with --force.",
                    hint=hint,
                )
            if not force:
                raise OutputError(
                    f"{destination} exists already.", hint="Name another file, or use --force."
                )
        _check_writable(destination, place)
    except (OSError, ValueError) as error:
        raise _unusable(destination, error) from error
    return place


# --- the rule --------------------------------------------------------------------------


def _check_utf8(destination: Path, place: Path) -> None:
    try:
        str(place).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"{destination} is not UTF-8, and the libraries that write models take no other path.",
            hint=ELSEWHERE,
        ) from None


def _check_inputs(destination: Path, place: Path, inputs: Iterable[Path | str], hint: str) -> None:
    """Refuse a destination that is read, or holds something that is."""
    if (identity := _identity(place)) is None:
        return
    for one in inputs:
        path = _existing(one)
        if path is None:
            continue
        read = list(_hops(path))
        if identity in map(_identity, read):
            raise OutputError(
                f"{destination} is read by this command: it is not replaced.", hint=hint
            )
        # The files of a model or a data set may be links to where they really lie.
        read += [hop for link in _links_in(path) for hop in _hops(link)]
        if identity in {_identity(at) for hop in read for at in (hop, *hop.parents)}:
            raise OutputError(
                f"{destination} holds {one}, which this command reads: it is not replaced.",
                hint=hint,
            )


def _check_inside(destination: Path, place: Path, models: Iterable[Path | str], hint: str) -> None:
    """Refuse a destination inside a model that is read, which would change by it."""
    above = {_identity(path) for path in place.parents} - {None}
    for one in models:
        folder = _existing(one)
        if folder is not None and folder.is_dir() and _identity(folder) in above:
            raise OutputError(
                f"{destination} lies inside {one}, which is read and never changed.", hint=hint
            )


def _check_replaceable(destination: Path, place: Path, kind: FolderKind, *, force: bool) -> None:
    if place.is_symlink():
        raise OutputError(
            f"{destination} is a link.",
            hint=f"Name the folder that it leads to: {os.path.realpath(place)}",
        )
    if not place.is_dir():
        raise OutputError(f"{destination} exists and is not a folder.", hint=ELSEWHERE)
    if what := _precious(place):
        raise OutputError(f"{destination} is {what}: it is not replaced.", hint=ELSEWHERE)
    if any(files_below(place)):
        foreign = kind.foreign(place)
        if foreign is None:
            raise OutputError(
                f"{destination} exists already and is not {kind.name}: "
                "it is not replaced, even with --force.",
                hint=f"{ELSEWHERE[:-1]}, or remove it yourself.",
            )
        if foreign:
            more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
            raise OutputError(
                f"{destination} exists already and holds what edgeft did not write: "
                f"{', '.join(foreign[:3])}{more}. It is not replaced, even with --force.",
                hint="Move that elsewhere, or name another folder with -o.",
            )
    if not force:
        raise OutputError(
            f"{destination} exists already.",
            hint="Name another folder with -o, or replace it with --force.",
        )


def _precious(place: Path) -> str:
    """What a folder is that nobody would want to lose, though it may be empty; "" for none."""
    identity = _identity(place)
    if place == Path(place.anchor) or os.path.ismount(place):
        return "a root or a mount"
    try:
        working = Path.cwd()
    except FileNotFoundError:
        working = place / "gone"
    for where, path in (("the working directory", working), ("a home", _home())):
        if path is not None and identity in {_identity(one) for one in (path, *path.parents)}:
            return where if identity == _identity(path) else f"what {where} lies in"
    if any(os.path.lexists(place / name) for name in CHECKOUTS):
        return "a checkout"
    return ""


def _check_writable(destination: Path, place: Path) -> None:
    """Refuse a destination in whose folder nothing can be made."""
    folder = next(parent for parent in place.parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise OutputError(
            f"{destination} cannot be made: {folder} is not a folder.", hint="Name another place."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"{destination} cannot be made: nothing can be written in {folder}.",
            hint="Name another place with -o.",
        )
    for part in place.parts:
        if (size := len(os.fsencode(part))) > LONGEST_NAME:
            raise OutputError(
                f"{part[:20]}… has {size} bytes; a name has at most {LONGEST_NAME}.",
                hint="Choose a shorter one with -o.",
            )


# --- what the system knows --------------------------------------------------------------


def _existing(name: Path | str) -> Path | None:
    """What is read under a name; None where that is no path here, as whoever reads it will say."""
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, ~ of an unknown user, a NUL in it
        return None


def _identity(path: Path) -> Identity | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _links_in(path: Path) -> list[Path]:
    try:
        return [one for one in path.iterdir() if one.is_symlink()]
    except OSError:  # a file, or a folder that cannot be read
        return []


def _hops(path: Path) -> Iterator[Path]:
    """The absolute path and, where it is a link, what it leads to, link by link."""
    for _ in range(MOST_LINKS):
        path = place_of(path)
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user whom the system does not know
        return None


def _unusable(destination: Path, error: Exception) -> OutputError:
    if isinstance(error, OSError):
        return cannot_write(destination, error)
    return OutputError(f"{str(destination)!r} cannot be a path: {error}.", hint=ELSEWHERE)
