"""Which variant of a model suits a machine: by rule, or by what was measured on it."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgeft.bundle import Variant
from edgeft.errors import OutputError, UsageError
from edgeft.fields import listed, number, record, text, whole
from edgeft.runtime.cache import cache_folder, private_folder
from edgeft.runtime.cpu import MOST_THREADS, cpu_features, cpu_name, has_int8_dot
from edgeft.runtime.providers import nvidia_gpu

__all__ = [
    "SAME",
    "TRIAL",
    "Measurement",
    "choose_variant",
    "measurements_file",
    "read_measurements",
    "save_measurements",
]

FOLDER = "measurements"
SAVED, TRIAL = "measurements", "trial"  # by bench, and by the first load: never mixed
SAME = 0.03  # of a difference in time that nobody would choose by
NVIDIA = ("cuda", "tensorrt")
# What reading a file of measurements raises that is missing, damaged or somebody else's.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError)


@dataclass(frozen=True)
class Measurement:
    """How quick a variant was here: ``p50_ms`` of single texts, tokenization included.

    ``gpu`` is the name of the NVIDIA GPU that ``device`` was then, "" for another device.
    """

    device: str
    variant: str
    threads: int
    p50_ms: float
    gpu: str = ""


_MEASUREMENTS = listed(
    record(
        Measurement,
        device=text(),
        variant=text(),
        threads=whole(1, MOST_THREADS),
        p50_ms=number(1e-9, 1e9),
        gpu=text(),
    )
)


def choose_variant(
    variants: Mapping[str, Variant],
    wanted: str,
    kind: str,
    features: AbstractSet[str],
    measured: Mapping[str, float] | None = None,
) -> str:
    """The name of the variant to run; raises UsageError where ``wanted`` does not exist.

    ``wanted`` is a name or "auto"; ``kind`` the kind of device; ``measured``
    the p50 of variants on this very device. "auto" is the quickest where two or
    more were measured, and fp32, which loses nothing, where no other is clearly
    quicker. Else the rule: fp16 on a GPU; on a CPU int8 where it has
    int8 dot products, where it mostly is the quicker one; else fp32, which is always
    there and always right. TensorRT and CoreML get a graph of plain operators,
    if there is one.
    """
    if wanted != "auto":
        if wanted in variants:
            return wanted
        raise UsageError(
            f"The bundle has no variant {wanted!r}.", hint=f"It has: {', '.join(variants)}."
        )
    times = {name: time for name, time in (measured or {}).items() if name in variants}
    if len(times) > 1:
        quickest = min(times, key=times.__getitem__)
        return "fp32" if times.get("fp32", math.inf) * (1 - SAME) <= times[quickest] else quickest
    if kind in (*NVIDIA, "directml"):
        order = ["fp16", "fp32"]
    elif kind == "cpu" and has_int8_dot(features):
        order = ["int8", "fp32"]
    else:
        order = ["fp32"]
    if kind in ("tensorrt", "coreml"):
        order = [name for name in order if name in variants and variants[name].graph == "onnx"]
        order += [name for name, one in variants.items() if one.graph == "onnx"] + ["fp32"]
    return next((name for name in order if name in variants), next(iter(variants)))


def read_measurements(digest: str, onnxruntime: str, device: str, threads: int) -> dict[str, float]:
    """The kept p50, in ms, of each variant of a bundle on a device with so many threads.

    What bench saved, else what the trial of a first load found. Empty where neither
    knows two variants for this bundle, machine, GPU and onnxruntime, or the file cannot
    be read: the rule is always there to fall back on.
    """
    here = (device, _gpu(device), threads)
    try:
        kept = _read(cache_folder() / FOLDER / _file_name(digest, onnxruntime))
    except OutputError:  # there is no place for a cache
        return {}
    for section in (SAVED, TRIAL):
        found = {
            one.variant: one.p50_ms
            for one in kept.get(section, ())
            if (one.device, one.gpu, one.threads) == here
        }
        if len(found) > 1:
            return found
    return {}


def measurements_file(digest: str, onnxruntime: str) -> Path:
    """Where measurements of a bundle are kept on this machine; its folder is made.

    Raises OutputError where there is no place for a cache.
    """
    return private_folder(FOLDER) / _file_name(digest, onnxruntime)


def save_measurements(
    digest: str, onnxruntime: str, measurements: Sequence[Measurement], *, section: str = SAVED
) -> Path:
    """Keep measurements for ``variant="auto"`` in the user's cache; return the file.

    They are kept with the name of the GPU; those of an earlier call stay where no new
    one is of the same device, variant and threads. ``section`` is TRIAL for what was
    measured in passing. Raises OutputError.
    """
    from edgeft.folders import write_json

    path = measurements_file(digest, onnxruntime)
    kept = _read(path)
    old = {(one.device, one.gpu, one.variant, one.threads): one for one in kept.get(section, ())}
    for one in measurements:
        new = replace(one, gpu=_gpu(one.device))
        old[new.device, new.gpu, new.variant, new.threads] = new
    kept[section] = list(old.values())
    document = {
        "bundle": digest,
        "onnxruntime": onnxruntime,
        "cpu": cpu_name(),
        **{name: [asdict(one) for one in some] for name, some in kept.items()},
    }
    write_json(path, document)
    return path


def _read(path: Path) -> dict[str, list[Measurement]]:
    """The sections of a file of measurements; those that are missing or damaged are left out."""
    sections = {}
    with suppress(*UNREADABLE):
        content = json.loads(path.read_text(encoding="utf-8"))
        for name in (SAVED, TRIAL):
            with suppress(*UNREADABLE):
                sections[name] = [*_MEASUREMENTS(content[name])]
    return sections


def _gpu(device: str) -> str:
    """The name of the NVIDIA GPU behind "cuda:0"; another driver makes it no other GPU."""
    kind, _, number = device.partition(":")
    return nvidia_gpu(int(number or 0)).rpartition(", CUDA ")[0] if kind in NVIDIA else ""


def _file_name(digest: str, onnxruntime: str) -> str:
    """One file for each bundle, CPU and onnxruntime, so that machines may share a home folder."""
    machine = [digest, onnxruntime, cpu_name(), *sorted(cpu_features())]
    return hashlib.sha256("\n".join(machine).encode()).hexdigest()[:32] + ".json"
