"""One bundle of several: each model's files, and the manifest that says who is asked when."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeft.bundle import (
    Manifest,
    ModelRecord,
    PipelineStep,
    record_files,
    write_manifest,
)
from edgeft.bundle.integrity import confined
from edgeft.cascade.stages import FULL, StageBundle
from edgeft.export.single_file import SINGLE_FILE

__all__ = ["settle", "write"]


def write(folder: Path, stages: Sequence[StageBundle]) -> Manifest:
    """Write the files of a cascade of the stages, the full model in the folder itself.

    Of each model the variants that are asked come along, and no others: the promise is of these.
    Every stage asks the next until it is settled otherwise.
    """
    models: dict[str, ModelRecord] = {}
    for stage in stages:
        if stage.model in models:
            continue
        variants = {one.variant for one in stages if one.model == stage.model}
        models[stage.model] = _moved(stage, variants)
        to = folder / models[stage.model].path
        for name in _needed(stage, variants):
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(confined(stage.bundle, name), path)
    pipeline = [PipelineStep(one.model, one.variant, 1.0) for one in stages[:-1]]
    pipeline.append(PipelineStep(stages[-1].model, stages[-1].variant))
    return write_manifest(folder, Manifest(models, tuple(pipeline), record_files(folder), {}))


def settle(
    folder: Path, manifest: Manifest, below: float, provenance: Mapping[str, Any]
) -> Manifest:
    """Write anew of a cascade when the next stage is asked, and how that was found."""
    *before, last = manifest.pipeline
    pipeline = (*(replace(one, below=below) for one in before), last)
    return write_manifest(folder, replace(manifest, pipeline=pipeline, provenance=provenance))


def _moved(stage: StageBundle, variants: set[str]) -> ModelRecord:
    """What the manifest says of a stage's model in its new place, with these variants."""
    record = stage.record
    to = "" if stage.model == FULL else f"models/{stage.model}/"
    return replace(
        record,
        path=to.rstrip("/") or ".",
        tokenizer=to + record.tokenizer,
        variants={
            name: replace(one, files={role: to + path for role, path in one.files.items()})
            for name, one in record.variants.items()
            if name in variants
        },
    )


def _needed(stage: StageBundle, variants: set[str]) -> list[str]:
    """The files of a bundle but for the graphs that are not asked."""
    graphs = {
        path
        for name, one in stage.record.variants.items()
        if name not in variants
        for path in one.files.values()
    }
    return [name for name in stage.manifest.files if name not in {*graphs, SINGLE_FILE}]
