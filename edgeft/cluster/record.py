"""What was asked, kept beside the parts: who runs it again goes on, who asks otherwise is told."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgeft.cluster.parts import RowsPart
from edgeft.cluster.places import Folder
from edgeft.errors import OutputError

__all__ = ["RECORD_FILE", "WHOLE_MARK", "Record", "check_same_request", "name_of", "record_in"]

RECORD_FILE = "_edgeft.json"
WHOLE_MARK = "_SUCCESS"  # as Spark marks a folder of which nothing is missing
FORMAT = 1


@dataclass(frozen=True)
class Record:
    """A request: which bundle, how it is asked, what of which files, and how these are cut.

    bundle: its digest. variant: the one that runs, on all machines. options: of ``load``, and what
    is told. inputs: address, size and the footer's digest of each file. parts: file, begin, end.
    """

    bundle: str
    variant: str
    options: Mapping[str, Any]
    columns: tuple[str, ...]
    kept: tuple[str, ...]
    inputs: tuple[tuple[str, int, str], ...]
    parts: tuple[RowsPart, ...]

    def text(self) -> str:
        """As JSON."""
        found = {"format": FORMAT, **asdict(self)}
        found["parts"] = [[one.file, one.begin, one.end] for one in self.parts]
        return json.dumps(found, ensure_ascii=False) + "\n"


def name_of(part: int, parts: int) -> str:
    """The file of a part; names sort as the rows stand in the input."""
    return f"part-{part:0{max(5, len(str(parts - 1)))}}.parquet"


def record_in(folder: Folder) -> Record | None:
    """What the run that began a folder was asked; None where it is new or empty.

    Raises OutputError where it holds something else.
    """
    names = folder.names()
    if not names:
        return None
    if RECORD_FILE not in names:
        raise OutputError(
            f"{folder.address} holds something else: {names[0]}"
            f"{' …' if len(names) > 1 else ''}. It is not written to.",
            hint="Name a folder that is new or empty with -o.",
        )
    try:
        found = json.loads(folder.read(RECORD_FILE))
        if found.pop("format") != FORMAT:
            raise ValueError("it is of another version")
        return Record(
            bundle=found["bundle"],
            variant=found["variant"],
            options=found["options"],
            columns=tuple(found["columns"]),
            kept=tuple(found["kept"]),
            inputs=tuple((one, size, footer) for one, size, footer in found["inputs"]),
            parts=tuple(RowsPart(*one) for one in found["parts"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise OutputError(
            f"{folder.address}: its {RECORD_FILE} cannot be read ({error}).",
            hint="Name another folder with -o, or remove this one.",
        ) from error


def check_same_request(folder: Folder, before: Record, now: Record) -> None:
    """Raise OutputError where a folder was begun with another request."""
    if before.bundle != now.bundle:
        differs = f"another bundle, {before.bundle}; this one is {now.bundle}"
    elif before.inputs != now.inputs:
        differs = f"other input: {_difference(before, now)}"
    elif before.columns != now.columns:
        differs = f"texts from {', '.join(before.columns)}; now they are {', '.join(now.columns)}"
    elif before.kept != now.kept:
        differs = f"the columns {', '.join(before.kept) or 'none'} kept"
    elif before.variant != now.variant:
        differs = f"--variant {before.variant}"
    elif before.options != now.options:
        names = {*before.options, *now.options}
        changed = next(
            one for one in sorted(names) if before.options.get(one) != now.options.get(one)
        )
        differs = f"{changed} {before.options.get(changed)}; now it is {now.options.get(changed)}"
    else:
        return
    raise OutputError(
        f"{folder.address} was begun with {differs}.",
        hint="Name another folder with -o, or ask as before to go on.",
    )


def _difference(before: Record, now: Record) -> str:
    one = {name: rest for name, *rest in before.inputs}
    other = {name: rest for name, *rest in now.inputs}
    for name in sorted({*one, *other}):
        if name not in other:
            return f"{name} is gone"
        if name not in one:
            return f"{name} is new"
        if one[name] != other[name]:
            return f"{name} has changed"
    return "its files come in another order"
