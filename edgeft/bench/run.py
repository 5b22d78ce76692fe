"""Measure every cell of a bundle, in turns, and say what the figures mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bench.cell import Cell, Measured, Run, agreement, run_once, summarize
from edgeft.bench.machine import CpuTime, Machine, describe_machine, others_busy_cores
from edgeft.bench.measure import PERCENTILE_METHOD, percentiles
from edgeft.bench.texts import builtin_texts, evenly
from edgeft.bench.verdict import CellResult, verdicts, warnings
from edgeft.bundle import Manifest, Variant, read_manifest
from edgeft.data import read_texts
from edgeft.errors import DataError, EdgeftError, UsageError
from edgeft.progress import Progress, silent
from edgeft.runtime.providers import available_devices, import_onnxruntime, resolve_device
from edgeft.runtime.tokenize import TextEncoder
from edgeft.runtime.variants import Measurement, save_measurements

__all__ = ["BenchConfig", "BenchResult", "TextFacts", "bench", "save_result", "takes"]


@dataclass(frozen=True)
class BenchConfig:
    """What to measure.

    data: texts, as ``edgeft.data.read_texts`` reads them; None for built-in ones.
    devices: names; empty for all that really load here.
    variants: names; empty for all that the device can take.
    samples: single texts that are timed, over all rounds together.
    rounds: fresh processes for each cell; the cells take turns.
    """

    bundle: Path
    data: Path | None = None
    text_column: str | None = None
    devices: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    threads: int | None = None
    samples: int = 300
    rounds: int = 3


@dataclass(frozen=True)
class TextFacts:
    """The texts that were predicted; tokens include special ones and stop at the model's limit."""

    source: str
    count: int
    tokens_p50: int
    tokens_p90: int
    tokens_max: int
    truncated: int


@dataclass(frozen=True)
class BenchResult:
    """All cells in the order of the table, and what they were measured on and how."""

    bundle_digest: str
    machine: Machine
    texts: TextFacts
    samples: int
    rounds: int
    others_busy_cores: float | None
    cells: tuple[CellResult, ...]
    verdicts: tuple[str, ...]
    warnings: tuple[str, ...]

    def method(self) -> str:
        """One sentence on how the figures came about."""
        return (
            f"rounds: {self.rounds}, each a fresh process for each variant and device, which take "
            "turns; each is warmed up until two successive blocks of 5 calls differ by at most "
            f"10%, and calls the model once with all {self.texts.count} texts; single texts: "
            f"{self.samples} over all rounds, percentiles by nearest rank; the other figures are "
            "medians of the rounds; tokenization is included."
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        return {
            "bundle_digest": self.bundle_digest,
            "machine": self.machine.to_dict(),
            "texts": vars(self.texts),
            "samples": self.samples,
            "rounds": self.rounds,
            "percentile_method": PERCENTILE_METHOD,
            "method": self.method(),
            "others_busy_cores": self.others_busy_cores,
            "cells": [cell.to_dict() for cell in self.cells],
            "verdicts": list(self.verdicts),
            "warnings": list(self.warnings),
        }


def bench(config: BenchConfig, progress: Progress = silent) -> BenchResult:
    """Measure the cells that ``config`` asks for.

    A cell that fails has its error in the result and does not stop the others.
    Raises UsageError, BundleError, DataError, DependencyError, and DeviceError
    where a named device cannot run here.
    """
    _check(config)
    manifest = read_manifest(config.bundle)
    texts, source = _texts(config)
    cells = _cells(config, manifest.model.variants)
    lengths, facts = _text_facts(config.bundle, manifest, texts, source)
    typical = texts[sorted(range(len(texts)), key=lengths.__getitem__)[len(texts) // 2]]
    chosen = [texts[at] for at in evenly(len(texts), config.samples)]

    machine = describe_machine()
    began = CpuTime.now()
    runs: dict[Cell, list[Run]] = {cell: [] for cell in cells}
    failed: dict[Cell, str] = {}
    total = len(cells) * config.rounds
    for at in range(total):
        progress("benchmark", at, total)
        number, cell = at // len(cells), cells[at % len(cells)]
        if cell in failed:
            continue
        try:
            singles = chosen[number :: config.rounds]
            runs[cell].append(run_once(config.bundle, cell, typical, singles, texts))
        except EdgeftError as error:
            failed[cell] = str(error)
    progress("benchmark", total, total)
    ended = CpuTime.now()
    others = others_busy_cores(began, ended) if began and ended else None

    measured = {cell: summarize(runs[cell]) for cell in cells if cell not in failed}
    reference = reference_of(measured)
    results = tuple(
        _result(cell, manifest, measured.get(cell), failed.get(cell, ""), reference)
        for cell in cells
    )
    return BenchResult(
        bundle_digest=manifest.digest,
        machine=machine,
        texts=facts,
        samples=config.samples,
        rounds=config.rounds,
        others_busy_cores=others,
        cells=results,
        verdicts=tuple(verdicts(results, machine.features)),
        warnings=tuple(warnings(results, machine, others)),
    )


def save_result(result: BenchResult) -> Path:
    """Keep the p50 of each cell for ``variant="auto"`` on this machine; return the file.

    Raises OutputError.
    """
    found = {}
    for cell in result.cells:
        if (one := cell.measured) is not None:
            measurement = Measurement(cell.device, cell.variant, one.threads, one.latency.p50_ms)
            found[cell.device, cell.variant, one.threads] = measurement
    version = str(import_onnxruntime().__version__)
    return save_measurements(result.bundle_digest, version, found)


def takes(device: str, variant: Variant) -> bool:
    """Whether a variant is worth running on a device ("cpu", "cuda:0").

    CPUs compute fp16 in fp32 with casts around each node; other devices have no
    kernels for dynamic int8 and would send its nodes back to the CPU.
    """
    return variant.precision != ("fp16" if device == "cpu" else "int8")


def _check(config: BenchConfig) -> None:
    if config.rounds < 1 or config.samples < config.rounds:
        raise UsageError(
            f"{config.samples} samples cannot be spread over {config.rounds} rounds.",
            hint="Use at least one sample for each round, and one round.",
        )
    if config.threads is not None and config.threads < 1:
        raise UsageError(f"{config.threads} threads cannot run a model.", hint="Use 1 or more.")


def _texts(config: BenchConfig) -> tuple[list[str], str]:
    if config.data is None:
        if config.text_column is not None:
            raise UsageError(
                "A text column is named, but no file.", hint="Name the file with --data."
            )
        return builtin_texts(), "built-in"
    texts = list(read_texts(config.data, text_column=config.text_column))
    if not texts:
        raise DataError(f"{config.data} has no texts.", hint="It needs at least one.")
    return texts, config.data.name


def _cells(config: BenchConfig, variants: Mapping[str, Variant]) -> list[Cell]:
    unknown = [name for name in config.variants if name not in variants]
    if unknown:
        raise UsageError(
            f"The bundle has no variant {unknown[0]!r}.", hint=f"It has: {', '.join(variants)}."
        )
    names = config.devices or tuple(name for name, why in available_devices().items() if not why)
    devices = [str(resolve_device(name)) for name in names]
    return [
        Cell(device, name, config.threads)
        for device in dict.fromkeys(devices)
        for name in dict.fromkeys(config.variants or variants)
        if config.variants or takes(device, variants[name])
    ]


def _text_facts(
    bundle: Path, manifest: Manifest, texts: list[str], source: str
) -> tuple[list[int], TextFacts]:
    """The tokens of each text, and what they amount to."""
    record = manifest.model
    tokenizer_json = (bundle / record.tokenizer).read_bytes()
    encoded = TextEncoder(tokenizer_json, record.max_length, record.normalize).encode(texts)
    lengths = [len(one.ids) for one in encoded]
    p50, p90, longest = map(int, percentiles(lengths, (50, 90, 100)))
    facts = TextFacts(
        source=source,
        count=len(texts),
        tokens_p50=p50,
        tokens_p90=p90,
        tokens_max=longest,
        truncated=sum(one.truncated for one in encoded),
    )
    return lengths, facts


def reference_of(measured: Mapping[Cell, Measured]) -> Measured | None:
    """The cell whose labels the others are compared with: fp32, on the CPU where it was asked."""
    fp32 = sorted(
        (cell for cell in measured if cell.variant == "fp32"), key=lambda cell: cell.device != "cpu"
    )
    return measured[fp32[0]] if fp32 else None


def _result(
    cell: Cell,
    manifest: Manifest,
    measured: Measured | None,
    error: str,
    reference: Measured | None,
) -> CellResult:
    files = manifest.model.variants[cell.variant].files.values()
    same = agreement(measured.labels, reference.labels) if measured and reference else None
    return CellResult(
        device=cell.device,
        variant=cell.variant,
        file_bytes=sum(manifest.files[name].bytes for name in files),
        measured=measured,
        agreement=same,
        error=error,
    )
