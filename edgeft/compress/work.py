"""The folder of a run of hours, ``<out>.partial``, in which one that was cut short goes on.

big.partial/
  asked.json             of which checkpoint and rows, and how; another request is refused
  rows/                  learn, choose and report
  checkpoints/half/ …    the sources that are made
  bundles/half/ …        and their bundles
  candidates/…/          what would be shipped: one variant, or a cascade
  measured/….json        what each is like, and by what the whole's fp32 answered
  left_out/….json        why something is not made
  final/                 the chosen one, just before it becomes big
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from edgeft.errors import OutputError
from edgeft.folders import BUNDLE, FolderKind, check_folder, claim_folder, write_json
from edgeft.folders.disk import remove
from edgeft.folders.kinds import files_below, read_object
from edgeft.folders.names import PARTIAL, place_of

__all__ = ["SHIPPED", "Work", "claim_work"]

ASKED = "asked.json"
SHIPPED = "final"
PARTS = ("rows", "checkpoints", "bundles", "candidates", "measured", "left_out", SHIPPED)
UNFINISHED = re.compile(r"\..+\.edgeft-(new|old|gone|lock)")
JUDGING, JUDGED = "max_drop", ("bundles", "candidates", "measured", "left_out")
FORMAT = 1
ROWS = {
    "learn": "The rows that students learn from",
    "choose": "The rows that choose",
    "report": "The rows that report",
}


class Work:
    """Where each thing of a run stands, or will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, role: str) -> Path:
        """The rows of a role."""
        return self.folder / "rows" / f"{role}.jsonl"

    def checkpoint(self, source: str) -> Path:
        """The checkpoint of a source that is made."""
        return self.folder / "checkpoints" / source.replace(" ", "-")

    def bundle(self, source: str) -> Path:
        """The bundle of a source, with all its variants."""
        return self.folder / "bundles" / source.replace(" ", "-")

    def candidate(self, folder: str) -> Path:
        """The bundle of a candidate, as it would be shipped."""
        return self.folder / "candidates" / folder

    def measured(self, folder: str) -> dict[str, Any] | None:
        """What was measured under this name; None where nothing was."""
        return read_object(self.folder / "measured" / f"{folder}.json")

    def keep_measured(self, folder: str, document: Mapping[str, Any]) -> None:
        """Keep it. Raises OutputError."""
        write_json(self.folder / "measured" / f"{folder}.json", document)

    def left_out(self, name: str) -> str:
        """Why a source or candidate is not made; "" where it is, or may be."""
        found = read_object(self.folder / "left_out" / f"{name.replace(' ', '-')}.json")
        return str(found["why"]) if found else ""

    def leave_out(self, name: str, why: str) -> None:
        """Keep why something is not made, without where this folder is. Raises OutputError.

        The reason goes into the card and the manifest, which tell no paths of a machine.
        """
        for role, words in ROWS.items():
            why = why.replace(str(self.rows(role)), words)
        why = why.replace(f"{self.folder}{os.sep}", "")
        write_json(self.folder / "left_out" / f"{name.replace(' ', '-')}.json", {"why": why})

    def begin(self, asked: Mapping[str, Any], *, force: bool) -> None:
        """Note what is asked; what a run that asked the same has done stays.

        Where no more than what may be lost differs, students stay, and all that is judged by it is
        made anew. With ``force`` a run of another kind is thrown away; raises OutputError where
        there is one.
        """
        document = {"format": FORMAT, **json.loads(json.dumps(asked))}
        before = read_object(self.folder / ASKED)
        if before == document:
            return
        keys = {*(before or ()), *document}
        other = sorted(key for key in keys if before and before.get(key) != document.get(key))
        if other == [JUDGING]:
            for part in JUDGED:
                remove(self.folder / part)
            write_json(self.folder / ASKED, document)
            return
        if before is not None and not force:
            raise OutputError(
                f"{self.folder.name} is an unfinished run that was asked otherwise: "
                f"{', '.join(one.replace('_', ' ') for one in other)} differ.",
                hint="Ask as before to go on with it, name another folder with -o, or throw it "
                "away with --force.",
            )
        if self.folder.exists():
            remove(self.folder)
        write_json(self.folder / ASKED, document)

    def remove(self) -> None:
        """Delete all of it."""
        remove(self.folder)


@contextmanager
def claim_work(
    out: Path,
    *,
    force: bool,
    inputs: Iterable[Path | str],
    models: Iterable[Path | str],
) -> Iterator[Work]:
    """Hold ``out`` and its working folder for the block: see ``claim_folder``. Raises OutputError.

    What is in the working folder stays, for a run to go on with; it is of this kind, and nothing
    foreign is in it.
    """
    inputs, models = list(inputs), list(models)
    place = place_of(out)
    with claim_folder(out, BUNDLE, force=force, inputs=inputs, models=models):
        partial = place.with_name(f"{place.name}{PARTIAL}")
        check_folder(partial, WORK, force=True, inputs=inputs, models=models)
        yield Work(partial)


def _foreign(folder: Path) -> list[str] | None:
    """What in the folder of an unfinished run is not the run's."""
    if not (folder / ASKED).is_file():
        return None
    return [name for name in files_below(folder) if not _is_works(PurePosixPath(name).parts[0])]


def _is_works(first: str) -> bool:
    # What was being written when a run was killed has a hidden name beside its own.
    return first in (ASKED, *PARTS) or bool(UNFINISHED.fullmatch(first))


WORK = FolderKind("an unfinished run of edgeft compress", _foreign)
