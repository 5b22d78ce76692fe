"""What a finished run leaves: the checkpoint's files and the record of how it was made."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeft import __version__
from edgeft.bundle.integrity import sha256_of
from edgeft.checkpoint.pretrained import quiet, write_tokenizer
from edgeft.checkpoint.sentences import write_sentences
from edgeft.data.seen import SEEN_FILE, seen_document
from edgeft.folders import (
    CHECKPOINT,
    apply_umask,
    check_folder,
    discard,
    replace_folder,
    sync_tree,
    write_json,
)
from edgeft.folders.disk import remove
from edgeft.folders.names import place_of
from edgeft.inputs import columns_of
from edgeft.packages import package_versions
from edgeft.runtime.cpu import cpu_features, cpu_name, usable_cores
from edgeft.tasks.narrowed import takes_of
from edgeft.train.config import config_to
from edgeft.train.folder import FINAL, partial_folder
from edgeft.train.learn import Learned
from edgeft.train.prepare import Prepared

__all__ = ["TRAINING_FILE", "save", "training_document", "write_checkpoint"]

TRAINING_FILE = "training.json"
PACKAGES = ("accelerate", "numpy", "tokenizers", "torch", "transformers")


def save(
    prepared: Prepared, learned: Learned, model: Any, out: Path, *, force: bool
) -> dict[str, Any]:
    """Write the checkpoint, on the main process alone; return the content of training.json.

    It is put together in the run's working folder and then takes its place at ``out``. Raises
    OutputError, OSError.
    """
    document = training_document(prepared, learned)
    if prepared.hardware.is_main:
        partial, place = partial_folder(out), place_of(out)
        final = partial / FINAL
        remove(final)
        final.mkdir()
        document = write_checkpoint(prepared, model, document, final)
        sync_tree(final)
        check_folder(out, CHECKPOINT, force=force)  # as it is by now
        replace_folder(final, place)
        discard(partial, place)
    return document


def write_checkpoint(
    prepared: Prepared, model: Any, document: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Write a checkpoint's files into ``folder``, which is there; return what training.json says.

    That is ``document`` with the sha256 of the weights. Raises OutputError, OSError.
    """
    with quiet():
        model.save_pretrained(folder)
    write_tokenizer(prepared.base.tokenizer, folder, max_length=prepared.recipe.max_length)
    if prepared.base.sentences is not None:
        write_sentences(
            prepared.base.sentences,
            folder,
            dimensions=prepared.base.width,
            max_length=prepared.recipe.max_length,
        )
    with (folder / "model.safetensors").open("rb") as stream:
        document = {**document, "weights_sha256": sha256_of(stream)}
    write_json(folder / TRAINING_FILE, document)
    rows = seen_document(map(columns_of, prepared.splits.train.inputs), base=prepared.base.folder)
    write_json(folder / SEEN_FILE, rows)
    apply_umask(folder)  # safetensors makes its files readable to their owner alone
    return document


def training_document(prepared: Prepared, learned: Learned) -> dict[str, Any]:
    """The content of training.json, but for the sha256 of the weights."""
    base, hardware, columns = prepared.base, prepared.hardware, prepared.splits.train.columns
    return {
        "format": 1,
        "edgeft": __version__,
        "task": prepared.task.name,
        "takes": takes_of(prepared.task),
        "config": config_to(prepared.config),
        "recipe": asdict(prepared.recipe),
        "hold_out": prepared.hold_out,
        "labels": list(prepared.labels),
        "normalize": list(prepared.config.data.normalize),
        "max_length": prepared.recipe.max_length,
        "pair_prompts": list(base.head.pair_prompts),
        "seed": prepared.recipe.seed,
        "base_model": {
            # A local folder's path says nothing elsewhere; the sha256 does.
            "name": Path(base.name).name if Path(base.name).is_dir() else base.name,
            "sha256": base.sha256,
            "notes": list(base.notes),
        },
        "data": {
            "fingerprint": prepared.data_fingerprint,
            **{f"{role}_column": name for role, name in columns.items()},
            "report": prepared.report.to_dict(),
        },
        "curve": [point.to_dict() for point in learned.curve],
        "best_epoch": learned.best.epoch,
        "validation": learned.validation.to_dict() if learned.validation else None,
        "test": learned.test.to_dict() if learned.test else None,
        "seconds": round(learned.seconds, 1),
        "machine": {
            "cpu": cpu_name(),
            "cpu_features": sorted(cpu_features()),
            "usable_cores": usable_cores(),
        },
        "device": hardware.device,
        "precision": hardware.precision,
        "threads": hardware.threads,
        "world_size": hardware.processes,
        "packages": package_versions(PACKAGES),
    }
