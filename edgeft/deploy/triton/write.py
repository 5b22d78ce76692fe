"""Bundles to a model repository, whole or not at all."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgeft.bundle import MANIFEST, read_manifest
from edgeft.deploy.folder import DEPLOYED, record_deployed
from edgeft.deploy.triton.config import MODEL_FILE, Kind, Served, config_of
from edgeft.folders import new_folder
from edgeft.runtime.load import load
from edgeft.tasks.columns import columns_of_shown
from edgeft.tasks.task import LongTexts

__all__ = ["TritonConfig", "deploy_triton"]

VERSION = "1"  # of each model, as Triton counts
CARD = "README.md"


@dataclass(frozen=True, kw_only=True)
class TritonConfig:
    """What ``edgeft deploy triton`` is told.

    bundles: name to folder. out: the repository. device, variant, threads, on_long,
    batch_invariant: as ``edgeft.load`` takes them inside Triton. The rest: see ``Served``.
    """

    bundles: Mapping[str, Path]
    out: Path
    force: bool = False
    device: Kind = "cpu"
    variant: str = "auto"
    threads: int | None = None
    on_long: LongTexts | None = None
    batch_invariant: bool = False
    max_batch: int = 64
    max_waiting: int = 1024
    timeout_s: float = 30.0

    @property
    def options(self) -> dict[str, str]:
        """What differs from what ``edgeft.load`` does anyhow, as Triton's parameters say it."""
        found = {
            "variant": self.variant if self.variant != "auto" else None,
            "threads": self.threads,
            "on_long": self.on_long,
            "batch_invariant": "true" if self.batch_invariant else None,
        }
        return {name: str(one) for name, one in found.items() if one is not None}


def deploy_triton(config: TritonConfig) -> dict[str, Any]:
    """Write the repository; tell what each of its models takes and gives.

    Every bundle is loaded from its copy, on the CPU, and its built-in inputs are answered. Raises
    what ``edgeft.load`` raises, and OutputError.
    """
    sources = config.bundles.values()
    with new_folder(config.out, DEPLOYED, force=config.force, models=sources) as folder:
        models = {
            name: _write_model(folder / name, source, config)
            for name, source in config.bundles.items()
        }
        record_deployed(folder, "triton")
    return {"repository": str(config.out), "models": models}


def _write_model(folder: Path, source: Path, config: TritonConfig) -> dict[str, Any]:
    """Write one model's folder; what it takes and gives."""
    place = folder / VERSION / "bundle"
    _copy_bundle(source, place)
    with load(
        place, device="cpu", variant=config.variant, threads=config.threads, on_long=config.on_long
    ) as model:
        task, digest = model.task, model.manifest.digest
        columns = columns_of_shown(task.show(model.predict(task.golden[0]), False))
    served = Served(
        name=folder.name,
        task=task,
        columns=columns,
        device=config.device,
        max_batch=config.max_batch,
        max_waiting=config.max_waiting,
        timeout_s=config.timeout_s,
        options={"expect": digest, **config.options},
    )
    (folder / "config.pbtxt").write_text(config_of(served), encoding="utf-8")
    ours = files("edgeft.deploy.triton").joinpath(MODEL_FILE)
    (folder / VERSION / MODEL_FILE).write_bytes(ours.read_bytes())
    return {"task": task.name, "bundle": digest, "outputs": columns}


def _copy_bundle(source: Path, place: Path) -> None:
    """The files of a bundle, links followed, and nothing else that lies there."""
    manifest = read_manifest(source)
    for name in (*manifest.files, MANIFEST, CARD):
        if name == CARD and not (source / CARD).is_file():
            continue
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, place / name)
