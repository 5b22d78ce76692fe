"""Cascades put together by hand from bundles of the same labels."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeft.bundle import (
    MANIFEST,
    Manifest,
    ModelRecord,
    PipelineStep,
    digest_of,
    read_manifest,
    record_files,
    write_manifest,
)

Step = tuple[str, str, float | None]  # model, variant, below


def cascade(
    out: Path, bundles: dict[str, Path], steps: Sequence[Step], **changes: ModelRecord
) -> Path:
    """The bundles, by the model's name there, asked in these steps; the last one's is the root.

    ``changes`` are records that stand in the place of what the bundles say of a model.
    """
    root = steps[-1][0]
    shutil.copytree(bundles[root], out)
    models = {root: read_manifest(out).model}
    for name, bundle in bundles.items():
        if name != root:
            shutil.copytree(bundle, out / "models" / name)
            (out / "models" / name / MANIFEST).unlink()
            models[name] = moved(read_manifest(bundle).model, f"models/{name}")
    manifest = Manifest(
        {**models, **changes},
        tuple(PipelineStep(*step) for step in steps),
        record_files(out),
        {},
    )
    write_manifest(out, manifest)
    return out


def moved(record: ModelRecord, to: str) -> ModelRecord:
    """What a manifest says of a model whose folder is elsewhere in the bundle."""
    variants = {
        name: replace(one, files={role: f"{to}/{path}" for role, path in one.files.items()})
        for name, one in record.variants.items()
    }
    return replace(record, path=to, tokenizer=f"{to}/{record.tokenizer}", variants=variants)


def with_content(folder: Path, content: dict[str, Any]) -> Path:
    """The folder with a manifest that says this, under a digest that fits."""
    content["digest"] = digest_of(content)
    (folder / MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    return folder
