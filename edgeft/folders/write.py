"""The ways to write: a claim on a destination from the start, and a result that appears whole."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from edgeft.folders.disk import cannot_write, is_write_failure, remove, sync, sync_tree, umask
from edgeft.folders.guard import check_file, check_folder
from edgeft.folders.kinds import FolderKind
from edgeft.folders.lock import locked
from edgeft.folders.names import spare
from edgeft.folders.swap import clear_leftovers, replace_folder

__all__ = [
    "claim_file",
    "claim_folder",
    "new_file",
    "new_folder",
    "write_file",
    "write_json",
]


@contextmanager
def claim_folder(
    destination: Path,
    kind: FolderKind,
    *,
    force: bool = False,
    inputs: Iterable[Path | str] = (),
    models: Iterable[Path | str] = (),
) -> Iterator[Path]:
    """Hold a folder's place for the block, as nobody else may then; yield where it is.

    Everything that would be refused at the end is refused now: see
    ``check_folder``. What killed runs left beside it is cleared. Folders above
    it are made, and are gone again if the block leaves them empty. Raises
    OutputError.
    """
    place = check_folder(destination, kind, force=force, inputs=inputs, models=models)
    with _claimed(destination, place):
        # A killed run may have moved aside what stood there, and it is back now.
        yield check_folder(destination, kind, force=force, inputs=inputs, models=models)


@contextmanager
def new_folder(
    destination: Path,
    kind: FolderKind,
    *,
    force: bool = False,
    inputs: Iterable[Path | str] = (),
    models: Iterable[Path | str] = (),
) -> Iterator[Path]:
    """Yield an empty hidden folder that becomes ``destination`` when the block ends.

    The place is claimed for the whole block: see ``claim_folder``. At the end the
    files are synced to disk and the folder takes its place; with ``force`` at
    once in the place of an older one. On any failure the hidden folder is
    removed, and what stood there stands there still. Raises OutputError.
    """
    with claim_folder(destination, kind, force=force, inputs=inputs, models=models) as place:
        made = spare(place, "new")
        try:
            made.mkdir(0o700)
            yield made
            made.chmod(0o777 & ~umask())
            sync_tree(made)
            check_folder(destination, kind, force=force)  # as it is by now
            replace_folder(made, place)
        except Exception as error:
            if _is_ours(error, made):
                raise cannot_write(destination, error) from error
            raise
        finally:
            remove(made)


@contextmanager
def claim_file(
    destination: Path,
    *,
    force: bool = False,
    inputs: Iterable[Path | str] = (),
    models: Iterable[Path | str] = (),
    alike: Callable[[Path], bool] | None = None,
) -> Iterator[Path]:
    """Hold a file's place for the block; yield where it is, for ``write_file``.

    As ``claim_folder``, with the rule of ``check_file``. Raises OutputError.
    """
    place = check_file(destination, force=force, inputs=inputs, models=models, alike=alike)
    with _claimed(destination, place):
        yield place


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a hidden place beside ``path`` for a file that takes its place when the block ends.

    Of an older one it takes the mode. On any failure what stood there stands there still. Raises
    OutputError.
    """
    path = Path(os.path.realpath(path))
    temporary = spare(path, "new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all, in place of an older one. Raises OutputError."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document whole or not at all. Raises OutputError."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a path that is not UTF-8: only escaped can it be told
        text = json.dumps(document, indent=2)
    write_file(path, text + "\n")


@contextmanager
def _claimed(destination: Path, place: Path) -> Iterator[None]:
    made = [parent for parent in place.parents if not parent.exists()]
    try:
        with ExitStack() as stack:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                if stack.enter_context(locked(place)):
                    clear_leftovers(place)
            except OSError as error:
                raise cannot_write(destination, error) from error
            yield
    finally:
        _remove_empty(made)


def _is_ours(error: Exception, made: Path) -> bool:
    """Whether it was writing that failed: what is read may be forbidden, too."""
    name = error.filename if isinstance(error, OSError) else None
    return is_write_failure(error) and (
        not isinstance(name, str) or Path(name).is_relative_to(made.parent)
    )


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # something stands in it
            return
