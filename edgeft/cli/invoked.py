"""How this program was called, for the commands that it says to run next."""

import os
import shlex
import shutil
import sys
from pathlib import Path

__all__ = ["command_line"]

NAME = "edgeft"


def command_line(*words: object) -> str:
    """A line for the shell that runs this very program: ``edgeft`` where it is found by that name.

    Elsewhere as it was called: by its path, or by that of its Python and ``-m``. Words are quoted
    where a shell needs that.
    """
    return shlex.join([*_program(), *map(str, words)])


def _program() -> list[str]:
    called, found = Path(sys.argv[0]), shutil.which(NAME)
    if called.parts[-2:] == (NAME, "__main__.py"):  # python -m edgeft
        # Not by what links lead to: the Pythons of several environments are often one file.
        if found and Path(found).absolute().parent == Path(sys.executable).absolute().parent:
            return [NAME]
        return [_shown(sys.executable), "-m", NAME]
    if called.stem != NAME:  # part of another program
        return [NAME]
    same = found is not None and called.exists() and called.samefile(found)
    return [NAME] if same else [_shown(str(called))]


def _shown(path: str) -> str:
    """A path from here where it leads to something below."""
    here = Path.cwd()
    return os.path.relpath(path, here) if Path(path).is_relative_to(here) else path
