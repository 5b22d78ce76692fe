"""Which packages are installed, asked of their metadata: nothing is imported."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_versions"]


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """The versions of those of the distributions ``names`` that are installed, in their order."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
