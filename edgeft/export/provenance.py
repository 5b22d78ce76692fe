"""Where a bundle comes from, as far as the public may know."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any

from edgeft import __version__
from edgeft.bundle import Variant
from edgeft.checkpoint.open import Checkpoint
from edgeft.data import Examples
from edgeft.export.kinds import VARIANT_KINDS
from edgeft.export.single_file import SingleFile
from edgeft.export.targets import TARGETS
from edgeft.inputs import Input, json_of
from edgeft.packages import package_versions
from edgeft.proof.evidence import Evidence
from edgeft.tasks.task import Task

__all__ = ["PACKAGES", "fingerprint_of", "provenance"]

PACKAGES = ("numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "optimum", "optimum-onnx",
            "tokenizers", "torch", "transformers")  # fmt: skip
# Of training.json, what may be told: no texts, column names, paths or host names.
TOLD = ("edgeft", "base_model", "recipe", "seed", "best_epoch", "weights_sha256", "device",
        "precision", "packages", "trim", "distill")  # fmt: skip
LENGTHS = ("p50", "p90", "p95", "p99", "max")  # of the train texts, in tokens
# What training's short names for a base model stand for on the Hub.
HUB_IDS = {
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "distilbert": "distilbert/distilbert-base-uncased",
}


def provenance(
    checkpoint: Checkpoint,
    evidence: Evidence,
    *,
    target: str,
    variants: Mapping[str, Variant],
    dropped: Mapping[str, str],
    notes: Sequence[str],
    trained_on: Mapping[str, int] | None = None,
    single_file: SingleFile | None = None,
) -> dict[str, Any]:
    """The manifest's ``provenance``, as JSON values.

    The user's texts are told by fingerprint alone, and, where training left a
    trace of its rows, by how many of them were ``trained_on``: {"choose": …,
    "report": …}. ``dropped`` variants are told with the reason, ``notes`` as they
    are.
    """
    seen = trained_on or {}
    scaled = any(VARIANT_KINDS[name].takes_scales for name in variants)
    return {
        "edgeft": __version__,
        "checkpoint": {
            "name": checkpoint.name,
            "architecture": checkpoint.config.model_type,
            "weights_sha256": checkpoint.weights_sha256,
        },
        "training": _told(checkpoint.training, checkpoint.task) if checkpoint.training else None,
        "data": {
            "choose": fingerprint_of(evidence.choose, seen.get("choose")),
            "report": fingerprint_of(evidence.report, seen.get("report")),
            "scales": fingerprint_of(evidence.scales) if scaled else None,
        },
        "target": target,
        "quantization": {
            name: {
                "method": VARIANT_KINDS[name].told,
                "reduce_range": TARGETS[target].reduce_range,
                "left_in_float": list(one.measured.get("left_in_float", ())),
            }
            for name, one in variants.items()
            if VARIANT_KINDS[name].told
        },
        "dropped": dict(dropped),
        "notes": list(notes),
        "single_file": single_file.to_dict() if single_file else None,
        "packages": package_versions(PACKAGES),
    }


def _told(training: Mapping[str, Any], task: Task) -> dict[str, Any]:
    data = training.get("data") or {}
    report = data.get("report") or {}
    tokens = report.get("tokens") or {}
    told = {key: training[key] for key in TOLD if key in training}
    metrics = task.measured_as(training.get("validation") or training.get("test") or {}).metrics
    base = told.get("base_model")
    if isinstance(base, dict) and "name" in base:
        told["base_model"] = {**base, "name": public_name(str(base["name"]))}
    return {
        **told,
        "data": {
            "fingerprint": data.get("fingerprint"),
            "rows": report.get("rows"),
            **({"skipped": report["skipped"]} if report.get("skipped") else {}),
            "tokens": {key: tokens[key] for key in LENGTHS if key in tokens},
        },
        "validation": _headline(training.get("validation"), metrics),
        "test": _headline(training.get("test"), metrics),
    }


def public_name(name: str) -> str:
    """What may be told of a base model's name: its Hub id, or the last part of a path."""
    path = PureWindowsPath(name)  # it parts at both kinds of slash
    if name.startswith(("/", ".", "~")) or "\\" in name or path.drive:
        return path.name
    return HUB_IDS.get(name, name)


def _headline(scores: Mapping[str, Any] | None, metrics: Collection[str]) -> dict[str, Any] | None:
    """Of what training recorded, the rows and the task's metrics, and the mean by rows if any."""
    if not scores:
        return None
    more = [key for key in ("weighted_f1",) if key in scores]
    return {key: scores.get(key) for key in ("rows", *metrics, *more)}


def fingerprint_of(
    data: Examples | Sequence[Input] | None, trained_on: int | None = None
) -> dict[str, Any] | None:
    if data is None:
        return None
    rows: Iterable[Any] = (
        zip(map(json_of, data.inputs), data.named(), strict=True)
        if isinstance(data, Examples)
        else map(json_of, data)
    )
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    told: dict[str, Any] = {"fingerprint": f"sha256:{digest.hexdigest()}", "rows": len(data)}
    if isinstance(data, Examples) and data.skipped:  # of the whole file, whichever half this is
        told["skipped"] = dict(data.skipped)
    return told if trained_on is None else {**told, "trained_on": trained_on}
