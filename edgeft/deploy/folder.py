"""Folders that ``edgeft deploy`` writes: each lists its files, so that no other is replaced."""

from pathlib import Path

from edgeft.folders import FolderKind, write_json
from edgeft.folders.kinds import files_below, read_object

__all__ = ["DEPLOYED", "RECORD", "record_deployed"]

RECORD = "edgeft-deploy.json"


def record_deployed(folder: Path, made: str) -> None:
    """List in ``folder`` all files that it holds; ``made`` is the command's word for it."""
    files = sorted(files_below(folder))
    write_json(folder / RECORD, {"format": 1, "made": made, "files": files})


def _foreign(folder: Path) -> list[str] | None:
    record = read_object(folder / RECORD)
    files = record.get("files") if record else None
    if not record or "made" not in record or not isinstance(files, list):
        return None
    return [name for name in files_below(folder) if name not in {*files, RECORD}]


DEPLOYED = FolderKind("what edgeft deploy wrote", _foreign)
