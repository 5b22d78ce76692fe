"""load: from a bundle's folder to a Model, every file checked before it is parsed."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgeft.bundle import MANIFEST, Manifest, ModelRecord, Variant, read_manifest
from edgeft.errors import BundleError, IntegrityError, UsageError
from edgeft.integrity import Verify, path_of
from edgeft.runtime.cache import private_folder
from edgeft.runtime.cpu import cpu_features, has_int8_dot, usable_cores
from edgeft.runtime.ends import check_ends
from edgeft.runtime.engine import BoundEngine, CheckedEngine, Engine, Inputs, PlainEngine
from edgeft.runtime.golden import check_recorded, hold_golden
from edgeft.runtime.graphfile import check_graph
from edgeft.runtime.model import LongTexts, Model, Serving
from edgeft.runtime.providers import DeviceName, import_onnxruntime, nvidia_gpu, resolve_device
from edgeft.runtime.sealed import SealedFiles
from edgeft.runtime.session import SessionOptions, device_of, open_session
from edgeft.runtime.tokenize import TextEncoder
from edgeft.runtime.variants import choose_variant, read_measurements

__all__ = ["load"]

X86 = {"avx2", "avx512f", "fma"}
TENSORRT_ROWS = 256  # the largest batch that its engines are built for
MOST_SWAPS = 20  # of a bundle by another, while it is being loaded
SWAP_S = 0.02  # more than a folder is missing while another takes its place


def load(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    variant: str = "auto",
    threads: int | None = None,
    verify: Verify = "full",
    expect: str | None = None,
    on_long: LongTexts = "truncate",
    overlap: int | None = None,
    batch_invariant: bool = False,
    batch_tokens: int | None = None,
    max_waiting: int = 1024,
    wait_ms: float = 1.0,
    spin: bool = False,
    cuda_graphs: bool = False,
) -> Model:
    """Load a bundle.

    device: "auto", "cpu", "cuda", "cuda:N", "tensorrt", "openvino", "coreml",
        "directml". A named device that cannot run the model is an error;
        "auto" chooses, and ``Model.device`` says what.
    variant: "auto" or a name such as "fp32", "int8", "fp16". "auto" takes what
        ``edgeft bench --save`` found quickest here, fp32 where none is clearly
        quicker, else follows a rule.
    threads: CPU threads; by default as many as the process may use.
    verify: what is compared with the manifest, for each file before it is
        parsed, for all before the model is given: "full" the sha256, "fast" the
        size, "off" nothing. Unless "off", the golden texts are answered once, too.
    expect: the manifest's digest, "sha256:…", when it is known from elsewhere.
    on_long: a text of more than ``Model.max_length`` tokens is cut ("truncate"),
        refused ("error"), or read in windows that share ``overlap`` tokens
        (by default an eighth of the maximum) and whose logits are averaged,
        each weighted by its own tokens ("window"; a text of more than 1,048,576
        characters is refused).
    batch_invariant: never let a text's neighbours touch its answer: a variant
        whose manifest does not promise that runs each text alone.
    batch_tokens: padded tokens in a batch, at most; by default what suits the device.
    max_waiting: texts that may wait in ``apredict``; one more is refused.
    wait_ms: how long a batch of ``apredict`` may wait for callers to come back.
    spin: CPU threads wait busily during a call: sometimes quicker, never cheaper.
    cuda_graphs: on CUDA, record the kernels of single texts and replay them.

    Raises BundleError, FormatError, IntegrityError, DeviceError,
    DependencyError, UsageError.
    """
    _check_options(threads, verify, on_long, overlap, batch_tokens, max_waiting, wait_ms)
    folder = Path(path)
    return _settled(
        folder,
        lambda: _load(
            folder,
            device=device,
            wanted=variant,
            threads=threads or usable_cores(),
            verify=verify,
            expect=expect,
            overlap=overlap,
            batch_invariant=batch_invariant,
            serving=Serving(
                on_long=on_long,
                batch_tokens=batch_tokens,
                max_waiting=max_waiting,
                wait_s=wait_ms / 1e3,
            ),
            spin=spin,
            cuda_graphs=cuda_graphs,
        ),
    )


def _settled(folder: Path, attempt: Callable[[], Model]) -> Model:
    """What ``attempt`` gives once the bundle is the same before it and after it failed.

    So a bundle that is replaced while it is read is read once more, and a manifest
    is never held against another bundle's files.
    """
    for _ in range(MOST_SWAPS):
        before = _state(folder)
        try:
            return attempt()
        except BundleError:
            if before is None:
                time.sleep(SWAP_S)
            if _state(folder) == before:
                raise
    return attempt()


def _state(folder: Path) -> tuple[int, ...] | None:
    """What tells one manifest from another that takes its place; None where there is none."""
    try:
        found = (folder / MANIFEST).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _load(
    folder: Path,
    *,
    device: str,
    wanted: str,
    threads: int,
    verify: Verify,
    expect: str | None,
    overlap: int | None,
    batch_invariant: bool,
    serving: Serving,
    spin: bool,
    cuda_graphs: bool,
) -> Model:
    manifest = read_manifest(folder)
    if expect is not None and expect != manifest.digest:
        raise IntegrityError(
            f"{folder} has the digest {manifest.digest}, not {expect}.",
            hint="Load the bundle that you expect, or correct the digest.",
        )
    record = manifest.model
    with SealedFiles(folder, manifest.files, verify) as files:
        place = resolve_device(device)  # imports onnxruntime while the files are hashed
        if cuda_graphs and place.kind != "cuda":
            raise UsageError(f"There are no CUDA graphs on {place}.", hint="Add device='cuda'.")
        name = _variant(manifest, wanted, place, threads)
        variant = record.variants[name]
        if verify != "off":
            check_recorded(folder, manifest, name)
        windows = serving.on_long == "window"
        encoder = TextEncoder(
            files.read(record.tokenizer),
            record.max_length,
            record.normalize,
            overlap=(record.max_length // 8 if overlap is None else overlap) if windows else None,
            empty=record.pad_id,
        )
        options = _session_options(manifest, name, place, threads, spin, cuda_graphs)
        path = folder / variant.files["model"]
        graph = files.open(variant.files["model"])
        check_graph(graph, path)
        session = open_session(path_of(graph, path), place, options, name=str(path))
        check_ends(session, variant, len(manifest.labels), path)
        files.finish()
    model = Model(
        manifest=manifest,
        variant=name,
        device=device_of(session, place),
        threads=threads,
        encoder=encoder,
        engine=CheckedEngine(
            _engine(session, variant, record, place, cuda_graphs), len(manifest.labels)
        ),
        serving=replace(
            serving,
            alone=batch_invariant and not variant.batch_invariant,
            max_rows=TENSORRT_ROWS if place.kind == "tensorrt" else None,
        ),
    )
    if verify != "off":
        try:
            hold_golden(model)
        except BaseException:
            model.close()
            raise
    return model


def _check_options(
    threads: int | None,
    verify: str,
    on_long: str,
    overlap: int | None,
    batch_tokens: int | None,
    max_waiting: int,
    wait_ms: float,
) -> None:
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads cannot run a model.", hint="Use 1 or more.")
    if verify not in ("full", "fast", "off"):
        raise UsageError(f"There is no verify={verify!r}.", hint="Choose full, fast or off.")
    if on_long not in ("truncate", "error", "window"):
        raise UsageError(
            f"There is no on_long={on_long!r}.", hint="Choose truncate, error or window."
        )
    if overlap is not None and on_long != "window":
        raise UsageError("An overlap was given, but no windows.", hint='Add on_long="window".')
    if batch_tokens is not None and batch_tokens < 1:
        raise UsageError(f"Batches of {batch_tokens} tokens hold nothing.", hint="Use 1 or more.")
    if max_waiting < 1 or wait_ms < 0:
        raise UsageError(
            f"max_waiting={max_waiting} and wait_ms={wait_ms} make no queue.",
            hint="Let at least 1 text wait, and 0 ms or more.",
        )


def _variant(manifest: Manifest, wanted: str, place: DeviceName, threads: int) -> str:
    measured = None
    if wanted == "auto":
        version = str(import_onnxruntime().__version__)
        measured = read_measurements(manifest.digest, version, str(place), threads)
    return choose_variant(manifest.model.variants, wanted, place.kind, cpu_features(), measured)


def _session_options(
    manifest: Manifest, name: str, place: DeviceName, threads: int, spin: bool, graphs: bool
) -> SessionOptions:
    variant = manifest.model.variants[name]
    features = cpu_features()
    overflows = not has_int8_dot(features) and not features.isdisjoint(X86)
    cache = profile = None
    if place.kind == "tensorrt":
        version = str(import_onnxruntime().__version__)
        key = "\n".join([manifest.digest, name, version, nvidia_gpu(int(place.which))])
        cache = private_folder("tensorrt", hashlib.sha256(key.encode()).hexdigest()[:32])
        profile = _profile(variant, manifest.model.max_length)
    return SessionOptions(
        threads=threads,
        spin=spin,
        exact_int8=variant.full_range and overflows,
        cuda_graphs=graphs,
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


def _engine(
    session: object, variant: Variant, record: ModelRecord, place: DeviceName, graphs: bool
) -> Engine:
    names = tuple(one.name for one in variant.inputs)
    fill = {"input_ids": record.pad_id, "token_type_ids": record.pad_type_id}
    inputs = Inputs(names, fill)
    if place.kind in ("cuda", "tensorrt") and "attention_mask" in names:
        device = ("cuda", int(place.which))
        return BoundEngine(
            session, inputs, device=device, max_length=record.max_length, graphs=graphs
        )
    return PlainEngine(session, inputs)
