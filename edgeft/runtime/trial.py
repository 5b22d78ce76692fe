"""Which variant a load takes: as it was told, by rule, or by a short trial on this machine."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from statistics import median
from typing import Any

from edgeft.bundle import Manifest
from edgeft.errors import OutputError
from edgeft.runtime.cpu import cpu_features
from edgeft.runtime.engine import Engine
from edgeft.runtime.opening import Opening
from edgeft.runtime.providers import import_onnxruntime
from edgeft.runtime.tokenize import TextEncoder
from edgeft.runtime.variants import (
    TRIAL,
    Measurement,
    choose_variant,
    measurements_file,
    read_measurements,
    save_measurements,
)

__all__ = ["candidates", "quickest", "suitable", "try_out"]

TRIED = ("fp32", "int8")  # by what CPU flags say, either may be the quicker one
MOST_BYTES = 256 << 20  # of a graph; to open a larger one takes too long for a trial
BUDGET_S = 0.4
LEAST = 3  # texts, where a single one takes long


def suitable(opening: Opening, wanted: str) -> tuple[str, ...]:
    """The variant to open, or those of which a trial is to take one.

    A trial is for "auto" on a machine where nothing was measured yet, and where what
    it finds can be kept. Raises UsageError where ``wanted`` does not exist.
    """
    manifest, kind = opening.manifest, opening.place.kind
    measured: Mapping[str, float] = {}
    if wanted == "auto":
        version = str(import_onnxruntime().__version__)
        place = str(opening.place)
        measured = read_measurements(manifest.digest, version, place, opening.threads)
        tried = candidates(manifest, kind)
        if tried and not measured:
            with suppress(OutputError):  # there is no place for a cache: the rule decides
                measurements_file(manifest.digest, version)
                return tried
    return (choose_variant(manifest.model.variants, wanted, kind, cpu_features(), measured),)


def quickest(opening: Opening, engines: Mapping[str, Engine], encoder: TextEncoder) -> str:
    """The variant that a trial finds to be the quickest here; what it found is kept."""

    def side(engine: Engine) -> Callable[[Any], object]:
        return lambda text: engine.run(encoder.encode_one(text).parts)

    manifest, place = opening.manifest, str(opening.place)
    sides = {name: side(engine) for name, engine in engines.items()}
    times = try_out(sides, manifest.model.golden_inputs)
    found = [Measurement(place, name, opening.threads, p50_ms) for name, p50_ms in times.items()]
    with suppress(OutputError):  # the disk is full: the next load tries again
        version = str(import_onnxruntime().__version__)
        save_measurements(manifest.digest, version, found, section=TRIAL)
    variants = manifest.model.variants
    return choose_variant(variants, "auto", opening.place.kind, cpu_features(), times)


def candidates(manifest: Manifest, kind: str) -> tuple[str, ...]:
    """The variants that a trial should tell apart on a kind of device; there may be none."""
    variants = manifest.model.variants
    small = all(
        manifest.files[path].bytes <= MOST_BYTES
        for name in TRIED
        if name in variants
        for path in variants[name].files.values()
    )
    there = set(TRIED) <= set(variants) and manifest.model.golden_inputs
    return TRIED if kind == "cpu" and small and there else ()


def try_out(
    sides: Mapping[str, Callable[[Any], object]],
    texts: Sequence[Any],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median time, in ms, that each side takes for a text.

    The sides take turns at each text, so that what else the machine does hits them
    alike; the first text is not counted. Ends after 0.4 s, but not before three texts.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    end = clock() + BUDGET_S
    for at in range(len(texts) * 100):
        order = list(sides)[:: 1 if at % 2 else -1]
        for name in order:
            begin = clock()
            sides[name](texts[at % len(texts)])
            times[name].append((clock() - begin) * 1e3)
        if at >= LEAST and clock() > end:
            break
    return {name: median(some[1:]) for name, some in times.items()}
