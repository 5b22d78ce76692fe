"""From a bundle's variant to an engine: its checked graph, opened as suits device and variant."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeft.bundle import Manifest, Variant
from edgeft.bundle.integrity import Verify, path_of
from edgeft.errors import OutputError
from edgeft.runtime.cache import private_folder
from edgeft.runtime.cpu import cpu_features, has_int8_dot
from edgeft.runtime.ends import check_ends
from edgeft.runtime.engine import BoundEngine, CheckedEngine, Ends, Engine, PlainEngine
from edgeft.runtime.graphfile import check_graph
from edgeft.runtime.providers import Device, DeviceName, import_onnxruntime, nvidia_gpu
from edgeft.runtime.sealed import SealedFiles
from edgeft.runtime.session import SessionOptions, device_of, open_session
from edgeft.runtime.spinning import SpinningEngine, may_spin
from edgeft.tasks import task_named
from edgeft.tasks.task import Task

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["TENSORRT_ROWS", "Opening", "open_variant"]

X86 = {"avx2", "avx512f", "fma"}
TENSORRT_ROWS = 256  # the largest batch that its engines are built for


@dataclass(frozen=True)
class Opening:
    """What is opened where, and how.

    spin: CPU threads wait busily during a call; None for as long as the cores are
    the process's own.
    """

    folder: Path
    manifest: Manifest
    place: DeviceName
    threads: int
    verify: Verify
    spin: bool | None = None
    cuda_graphs: bool = False

    @property
    def task(self) -> Task:
        """The task of the bundle's model."""
        return task_named(self.manifest.model.task, self.manifest.model.takes)


def open_variant(opening: Opening, name: str, files: SealedFiles) -> tuple[Engine, Device]:
    """An engine for the variant ``name``, and where it really runs.

    Raises BundleError, IntegrityError, DeviceError.
    """
    by_chance = opening.spin is None and opening.place.kind == "cpu" and may_spin(opening.threads)
    session = _open(opening, name, files, spin=bool(opening.spin) or by_chance)
    engine = _engine(opening, name, session)
    if by_chance:
        engine = SpinningEngine(engine, lambda: _sleeping(opening, name), opening.threads)
    record = opening.manifest.model
    checked = CheckedEngine(
        engine, opening.task.outputs, len(record.labels), record.head_of(name).dimensions
    )
    return checked, device_of(session, opening.place)


def _sleeping(opening: Opening, name: str) -> Engine:
    """The same graph again, its threads asleep between operators; checked as at first."""
    path = opening.manifest.model.variants[name].files["model"]
    records = {path: opening.manifest.files[path]}
    with SealedFiles(opening.folder, records, opening.verify) as files:
        return _engine(opening, name, _open(opening, name, files, spin=False))


def _open(
    opening: Opening, name: str, files: SealedFiles, *, spin: bool
) -> "onnxruntime.InferenceSession":
    variant = opening.manifest.model.variants[name]
    path = opening.folder / variant.files["model"]
    graph = files.open(variant.files["model"])
    check_graph(graph, path)
    options = _session_options(opening, name, spin=spin)
    session = open_session(path_of(graph, path), opening.place, options, name=str(path))
    check_ends(session, variant, opening.task, len(opening.manifest.model.labels), path)
    return session


def _session_options(opening: Opening, name: str, *, spin: bool) -> SessionOptions:
    manifest, place = opening.manifest, opening.place
    variant = manifest.model.variants[name]
    features = cpu_features()
    overflows = not has_int8_dot(features) and not features.isdisjoint(X86)
    cache = profile = None
    if place.kind == "tensorrt":
        version = str(import_onnxruntime().__version__)
        graph = variant.files["model"]
        key = "\n".join([manifest.digest, graph, version, nvidia_gpu(int(place.which))])
        with suppress(OutputError):  # without a cache TensorRT compiles its engines every time
            cache = private_folder("tensorrt", hashlib.sha256(key.encode()).hexdigest()[:32])
        profile = _profile(variant, manifest.model.max_length)
    return SessionOptions(
        threads=opening.threads,
        spin=spin,
        exact_int8=variant.full_range and overflows,
        cuda_graphs=opening.cuda_graphs,
        engine_cache=cache,
        profile=profile,
        fp16=variant.precision == "fp16",
    )


def _profile(variant: Variant, max_length: int) -> tuple[str, str, str]:
    """TensorRT's smallest, usual and largest shapes, "input_ids:1x1,…"."""
    shapes = ("1x1", f"16x{min(64, max_length)}", f"{TENSORRT_ROWS}x{max_length}")
    smallest, usual, largest = (
        ",".join(f"{one.name}:{shape}" for one in variant.inputs) for shape in shapes
    )
    return smallest, usual, largest


def _engine(opening: Opening, name: str, session: "onnxruntime.InferenceSession") -> Engine:
    record = opening.manifest.model
    names = tuple(one.name for one in record.variants[name].inputs)
    fill = {"input_ids": record.pad_id, "token_type_ids": record.pad_type_id}
    ends = Ends(names, fill, opening.task.outputs)
    if opening.place.kind in ("cuda", "tensorrt") and "attention_mask" in names:
        return BoundEngine(
            session,
            ends,
            device=("cuda", int(opening.place.which)),
            max_length=record.max_length,
            graphs=opening.cuda_graphs,
        )
    return PlainEngine(session, ends)
