"""Runs that die before their first, second, third … file operation, until one does not die.

python -m tests.folder_victim FOLDER HOW prints for each what stands at its
destination then, and after the next run has cleared what was left: "old new".
HOW is "exchange" or "renames" (as where the system cannot exchange two names),
or "file" for a single file. A process of its own, since it forks.
"""

import os
import signal
import sys
from pathlib import Path

from edgeft.folders import BUNDLE, claim_file, claim_folder, new_folder, swap, write_file
from tests.folders import a_bundle, names_in

OPERATIONS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate",
              "ctypes.dlsym", "shutil.rmtree")  # fmt: skip


def write(out: Path, how: str, text: str) -> None:
    """Write ``out`` in place of what is there."""
    if how == "file":
        with claim_file(out, force=True) as place:
            write_file(place, text)
    else:
        with new_folder(out, BUNDLE, force=True) as folder:
            a_bundle(folder, text)


def die_before(last: int) -> None:
    """Kill this process just before its operation ``last``, as a power cut would."""
    seen = 0

    def count(event: str, _: object) -> None:
        nonlocal seen
        if event in OPERATIONS:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def state_of(out: Path, how: str) -> str:
    """The text of a file, or of all files of a bundle, which is whole; "none" where it is gone."""
    names = [""] if how == "file" else ["config.json", "onnx/model.onnx", "README.md"]
    if not out.exists():
        return "none"
    (text,) = {(out / name).read_text() for name in names}
    return text


def main(folder: Path, how: str) -> None:
    """Kill one run after the other."""
    if how == "renames":
        swap._exchange = lambda *_: False
    died, last = True, 0
    while died:
        last += 1
        out = folder / str(last) / "out"
        write(out, how, "old")
        child = os.fork()
        if not child:
            die_before(last)
            write(out, how, "new")
            os._exit(0)
        died = os.waitpid(child, 0)[1] != 0
        after = state_of(out, how)
        with (
            claim_file(out, force=True) if how == "file" else claim_folder(out, BUNDLE, force=True)
        ):
            cleared = state_of(out, how)
        assert names_in(out.parent) == ["out"], names_in(out.parent)
        print(after, cleared)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
