"""What a checkpoint knows of the rows that a bundle is tried on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeft.cli import console

if TYPE_CHECKING:
    from edgeft.inputs import Input

__all__ = ["tell_trained"]


def tell_trained(checkpoint: Path, bundle: Path, data: Path, inputs: Sequence["Input"]) -> None:
    """Say on stderr how many of the inputs the bundle's model was trained on.

    Bundles do not know; ``checkpoint`` is what this one was exported from. Raises
    UsageError where it is not, or keeps no trace of its rows, ModelError, BundleError.
    """
    from edgeft.bundle import read_manifest
    from edgeft.checkpoint.weights import find_weights
    from edgeft.data.seen import read_seen, seen_sentence
    from edgeft.errors import UsageError
    from edgeft.inputs import columns_of
    from edgeft.normalize import normalizer
    from edgeft.tasks import task_named

    manifest = read_manifest(bundle)
    task = task_named(manifest.model.task, manifest.model.takes)
    weights = find_weights(str(checkpoint), checkpoint, auto_class=task.auto_class)
    recorded = (manifest.provenance.get("checkpoint") or {}).get("weights_sha256")
    if weights.sha256 != recorded:
        raise UsageError(
            f"{bundle} was not exported from {checkpoint}: its weights are others.",
            hint="Name the checkpoint that it was exported from, or leave --checkpoint out.",
        )
    seen = read_seen(checkpoint)
    if seen is None:
        raise UsageError(
            f"{checkpoint} keeps no trace of the rows that it was trained on.",
            hint="What edgeft train writes does. Leave --checkpoint out.",
        )
    prepare = normalizer(manifest.model.normalize) or str
    count = seen.count([prepare(text) for text in columns_of(one)] for one in inputs)
    console.note(f"Note: {seen_sentence(data.name, count, len(inputs))}")
