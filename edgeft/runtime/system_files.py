"""What Linux tells of this process in files: its control groups, and reading such files."""

from pathlib import Path

__all__ = ["MEMBERSHIP", "ROOT", "group_folders", "read_text"]

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def group_folders(controller: str, root: Path = ROOT, membership: Path = MEMBERSHIP) -> list[Path]:
    """The folder of this process's group and those of its parents, each of which may limit it.

    ``controller`` is "cpu" or "memory"; it matters to version 1, which has a
    hierarchy for each. In a container the root may be our own group, so a folder
    need not exist.
    """
    found = []
    for line in read_text(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            tops = [root]
        elif controller in controllers.split(","):
            names = (controllers, controller)  # of which one may be a link to the other
            tops = [root / name for name in names if (root / name).is_dir()][:1]
        else:
            continue
        for top in tops:
            own = top / group.lstrip("/")
            found += [own, *(folder for folder in own.parents if folder.is_relative_to(top))]
    return found


def read_text(path: Path) -> str:
    """What a file of the system says; "" where it is missing or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
