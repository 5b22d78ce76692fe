"""Copies of a bundle that were changed in one way, with a manifest that fits again."""

import shutil
from dataclasses import replace
from pathlib import Path

from edgeft.bundle import Variant, read_manifest, record_files, write_manifest


def with_file(bundle: Path, to: Path, name: str, content: bytes) -> Path:
    """A copy in which a file has other content, recorded as if it belonged there."""
    shutil.copytree(bundle, to)
    (to / name).write_bytes(content)
    write_manifest(to, replace(read_manifest(to), files=record_files(to)))
    return to


def with_variant(bundle: Path, to: Path, name: str, **changes: object) -> Path:
    """A copy whose manifest says something else of a variant."""
    shutil.copytree(bundle, to)
    manifest = read_manifest(to)
    variant: Variant = replace(manifest.model.variants[name], **changes)  # type: ignore[arg-type]
    record = replace(manifest.model, variants={**manifest.model.variants, name: variant})
    write_manifest(to, replace(manifest, models={"main": record}))
    return to
