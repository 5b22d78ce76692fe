"""The kinds of folder that edgeft writes, and what in such a folder is somebody else's."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BUNDLE", "CHECKPOINT", "CHECKPOINT_FILE", "FolderKind", "files_below", "read_object"]

# What file managers leave wherever they have been.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
# What transformers and edgeft write for a classifier and its tokenizer.
CHECKPOINT_FILE = re.compile(
    r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json"
    r"|(config|generation_config|training|rows)\.json"
    r"|(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|entity_vocab)\.json"
    r"|(vocab|merges|emoji)\.txt|bpe\.codes|dict\.txt|chat_template\.jinja"
    r"|(spiece|sentencepiece\.bpe|sentencepiece|tokenizer|spm|source|target)\.(model|spm)"
)


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder.

    name: "a bundle", as a sentence calls it.
    foreign: the relative names of files in a folder that edgeft did not write
        there; None where the folder is not of this kind at all.
    """

    name: str
    foreign: Callable[[Path], list[str] | None]


def files_below(folder: Path) -> Iterator[str]:
    """The relative names, with "/", of all files, links and empty folders; no file managers'.

    Raises OSError for a folder that cannot be read: it is not to be taken for an empty one.
    """

    def refuse(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=refuse):
        links = [name for name in folders if Path(root, name).is_symlink()]
        for name in sorted((*names, *links)):
            if name not in LITTER:
                yield Path(root, name).relative_to(folder).as_posix()
        if not folders and not names and root != str(folder):
            yield Path(root).relative_to(folder).as_posix()


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is none that can be read."""
    try:
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _foreign_to_bundle(folder: Path) -> list[str] | None:
    manifest = read_object(folder / "edgeft.json")
    files = manifest.get("files") if manifest else None
    if not manifest or "format" not in manifest or not isinstance(files, dict):
        return None
    return [
        name for name in files_below(folder) if name not in {*files, "edgeft.json", "README.md"}
    ]


def _foreign_to_checkpoint(folder: Path) -> list[str] | None:
    record = read_object(folder / "training.json")
    if not record or not {"recipe", "trim"} & set(record):
        return None
    return [name for name in files_below(folder) if not CHECKPOINT_FILE.fullmatch(name)]


BUNDLE = FolderKind("a bundle", _foreign_to_bundle)
CHECKPOINT = FolderKind("a checkpoint of edgeft's", _foreign_to_checkpoint)
