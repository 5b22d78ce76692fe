"""Which packages are installed, and whether edgeft works with them: asked of their metadata.

Nothing is imported for it but what compares versions.
"""

import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from edgeft.errors import DependencyError

__all__ = ["Misfit", "check_versions", "first_found", "mend", "misfits", "package_versions"]

SOURCES = Path(__file__).parents[1] / "pyproject.toml"


@dataclass(frozen=True)
class Misfit:
    """An installed package, the version found, and the versions that edgeft works with."""

    name: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.name} {self.found} (wanted: {self.wanted})"


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """The versions of those of the distributions ``names`` that are installed, in their order."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def first_found(names: Iterable[str]) -> dict[str, str]:
    """Like ``package_versions``, but only those that lie in one folder, the first of Python's path.

    They are what is imported; an environment below may have others.
    """
    found = package_versions(names)
    path = [Path(entry).resolve() for entry in sys.path]
    place = {name: Path(str(distribution(name).locate_file(""))).resolve() for name in found}
    first = min(place.values(), key=lambda one: path.index(one) if one in path else len(path),
                default=None)  # fmt: skip
    return {name: version for name, version in found.items() if place[name] == first}


def misfits(extra: str) -> tuple[Misfit, ...] | None:
    """The installed packages of an extra, "" for none, that have a version it does not work with.

    None where that cannot be told: the bounds are in edgeft's metadata, or in
    pyproject.toml where it runs from its sources, and a folder may have neither.
    """
    try:  # comes with tokenizers, and with everything else that has bounds
        from packaging.requirements import Requirement
        from packaging.version import InvalidVersion, Version
    except ImportError:
        return None
    if (stated := _stated(extra)) is None:
        return None
    found = []
    for requirement in map(Requirement, stated):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for name, installed in package_versions([requirement.name]).items():
            try:  # what a vendor builds on the way to a version counts as that version
                fits = requirement.specifier.contains(Version(installed).base_version)
            except (InvalidVersion, TypeError):  # a vendor's own numbers, or none at all
                continue
            if not fits:
                bounds = sorted(map(str, requirement.specifier), key=lambda one: one[0] == "<")
                found.append(Misfit(name, installed, ",".join(bounds)))
    return tuple(found)


def mend(found: Iterable[Misfit]) -> str:
    """The command that brings versions that edgeft works with."""
    return "pip install " + " ".join(f"'{one.name}{one.wanted}'" for one in found)


def check_versions(what: str, extra: str) -> None:
    """Raise DependencyError where ``what`` does not work with the versions of its extra's packages.

    Where that cannot be told, nothing is raised.
    """
    if found := misfits(extra):
        raise DependencyError(
            f"{what} does not work with what is installed: {', '.join(map(str, found))}.",
            hint=f"Install what it works with: {mend(found)}",
        )


def _stated(extra: str) -> list[str] | None:
    """The requirements that an extra, or with "" the base install, of this very edgeft has."""
    try:  # metadata may be those of another copy, or older than the sources
        project = tomllib.loads(SOURCES.read_text(encoding="utf-8"))["project"]
        if project["name"] == "edgeft":
            return list(project["optional-dependencies"][extra] if extra else
                        project["dependencies"])  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError):
        pass
    try:
        every = requires("edgeft") or []
    except PackageNotFoundError:
        return None
    return [one for one in every if ("extra ==" in one) == bool(extra)]
