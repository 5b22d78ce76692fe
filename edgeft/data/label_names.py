"""Names for labels that data hold as ids: 0, 1, 2 and so on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeft.data.examples import Examples
from edgeft.data.labels import visible
from edgeft.errors import DataError

__all__ = ["as_ids", "label_names", "named_by_ids"]

OPTION = "--label-names"


def label_names(given: str) -> tuple[str, ...]:
    """The names, in the order of their ids: a file's lines, or ``given`` itself between commas.

    Raises DataError where there are fewer than two, or one is empty or stands there twice.
    """
    path = Path(given).expanduser()
    is_file = _is_file(path)
    if is_file:
        names = [line.strip() for line in _lines(path)]
        while names and not names[-1]:
            names.pop()
    elif "," in given:
        names = [name.strip() for name in given.split(",")]
    else:
        raise DataError(
            f"{OPTION} {visible(given)} is no file, and no names with commas between them.",
            hint=f"Name a file with a name a line, the first for the id 0, or: {OPTION} no,yes",
        )
    where = f"{path}" if is_file else OPTION
    if len(names) < 2:
        raise DataError(f"{where} has {len(names)} names, and two labels or more are wanted.")
    for at, name in enumerate(names):
        if not name or name in names[:at]:
            raise DataError(
                f"{where}: the name of the id {at} is "
                + (f"{visible(name)}, as that of {names.index(name)} is." if name else "empty."),
                hint="Each id needs a name of its own.",
            )
    return tuple(names)


def as_ids(labels: Sequence[str]) -> list[int] | None:
    """The numbers that labels are, or None where one is none, or is not written as one."""
    if all(label.isascii() and label.isdigit() and str(int(label)) == label for label in labels):
        return [int(label) for label in labels]
    return None


def named_by_ids(examples: Examples, names: Sequence[str], *, whole: bool) -> Examples:
    """Examples whose labels are ids, with the names of these.

    Where they are the ``whole`` of what is learned from, each name must be some row's: so a model
    has the ids of its data. Raises DataError where ids and names do not fit each other.
    """
    ids = as_ids(examples.labels)
    if ids is None:
        label = next(one for one in examples.labels if as_ids([one]) is None)
        raise DataError(
            f"{examples.source}: the label {visible(label)} is no id, and {OPTION} names ids.",
            hint=f"Leave {OPTION} out: labels keep the names that they have.",
        )
    lacking = [at for at in ids if at >= len(names)]
    unused = sorted({*range(len(names))} - {*ids}) if whole else []
    if lacking or unused:
        some = ", ".join(map(str, (lacking or unused)[:5])) + (
            ", …" if len(lacking or unused) > 5 else ""
        )
        raise DataError(
            f"{examples.source}: {len(names)} names are given, for the ids 0 to {len(names) - 1}, "
            f"and its labels are {len(ids)} ids from {min(ids)} to {max(ids)}: "
            + (f"{some} has no name." if lacking else f"no row has {some}."),
            hint="The first name is that of the id 0."
            + " Add rows with those ids, or write labels by their names." * bool(unused)
            + (" Do your ids begin with 1? Then give a name for 0 and leave no row without one: "
               "write the names into the data." if min(ids) == 1 else ""),
        )  # fmt: skip
    return replace(examples, labels=tuple(names[at] for at in ids))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that are too long for a path
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read as UTF-8: {error}.", hint="It holds a name a line."
        ) from error
