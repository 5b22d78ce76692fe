"""Packages that metadata claim to be installed, in a folder to be found before the real ones."""

from pathlib import Path


def pretend_installed(folder: Path, **versions: str) -> None:
    """Write the metadata of distributions, without anything that could be imported."""
    for name, version in versions.items():
        place = folder / f"{name}-{version}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )
