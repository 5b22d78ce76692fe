"""Measure every cell of a bundle, in turns, and say what the figures mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeft.bench.asked import Asked, of_length, read_all
from edgeft.bench.ceiling import Ceiling, arithmetic_of, element_bytes
from edgeft.bench.cell import Cell, Measured, Run, agreement, summarize
from edgeft.bench.disturbance import Disturbance, Watch, worst_of
from edgeft.bench.machine import describe_machine
from edgeft.bench.matrix import BenchConfig, cells_of, check, in_turn
from edgeft.bench.operations import Operations, operations_of
from edgeft.bench.process import Job, ceiling_of, run_once
from edgeft.bench.recorded import lengths_of, quality_of
from edgeft.bench.result import BenchResult, CellResult, Quality
from edgeft.bench.roofline import Roofline, roofline
from edgeft.bench.scenarios import Load
from edgeft.bench.subject import Subject, is_foreign, open_subject
from edgeft.bench.verdict import cell_verdict, device_verdicts, warnings
from edgeft.data import Tell, unheard
from edgeft.errors import EdgeftError, UsageError
from edgeft.progress import Progress, silent
from edgeft.runtime.cache import private_folder
from edgeft.runtime.providers import import_onnxruntime
from edgeft.runtime.tokenize import TextEncoder
from edgeft.runtime.variants import Measurement, save_measurements
from edgeft.tasks import task_named
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.prompts import before_pair
from edgeft.tasks.reading import columns_named
from edgeft.tasks.task import Task

__all__ = ["BenchConfig", "BenchResult", "bench", "check_save", "save_result"]

Ceilings = dict[tuple[str, int, str], Ceiling]


@dataclass
class _Measurements:
    """What the rounds gave: the runs of each cell, the reason where one failed, the ceilings."""

    runs: dict[Cell, list[Run]] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)
    ceilings: Ceilings = field(default_factory=dict)
    disturbances: list[Disturbance] = field(default_factory=list)


def bench(config: BenchConfig, progress: Progress = silent, tell: Tell = unheard) -> BenchResult:
    """Measure the cells that ``config`` asks for.

    A cell that fails has its error in the result and does not stop the others. What the
    reader of ``config.data`` decided is told.
    Raises UsageError, BundleError, DataError, DependencyError, and DeviceError
    where a named device cannot run here.
    """
    check(config)
    with open_subject(config.bundle) as subject:
        record = subject.manifest.model
        cells = cells_of(config, subject.manifest)
        task = task_named(record.task, record.takes)
        encoder = TextEncoder(
            (subject.folder / record.tokenizer).read_bytes(),
            record.max_length,
            record.normalize,
            overlap=default_overlap(record.max_length) if task.on_long == "window" else None,
            empty=record.pad_id,
            apart=before_pair(record.head) if task.embeds else None,
        )
        whole = read_all(
            config.data,
            columns_named(vars(config)),
            config.texts,
            encoder,
            lengths_of(subject.manifest),
            tell,
            task=task,
        )
        asked: dict[int | None, Asked] = {None: whole}
        for length in config.lengths:
            asked[length] = of_length(whole, length, encoder)
        operations = operations_of(
            subject.config, _numbers(task, len(record.labels)), by_token=task.by_token
        )

        machine = describe_machine()
        found = _measure(config, subject, cells, asked, operations, progress)
        disturbance = worst_of(found.disturbances)

    measured = {cell: summarize(runs) for cell, runs in found.runs.items()
                if cell not in found.failed}  # fmt: skip
    results = [
        _result(cell, subject, asked[cell.length], measured, found, operations) for cell in cells
    ]
    results = [
        replace(one, verdict=cell_verdict(one, results, machine.features)) for one in results
    ]
    return BenchResult(
        config=config,
        name=subject.name,
        bundle_digest=subject.manifest.digest,
        adopted=subject.adopted,
        task=task.name,
        machine=machine,
        texts=whole.facts,
        disturbance=disturbance,
        cells=tuple(results),
        verdicts=tuple(device_verdicts(results)),
        warnings=tuple(warnings(results, disturbance, config.samples)),
    )


def _numbers(task: Task, labels: int) -> int:
    """The numbers that a head gives, of a text or of a token."""
    return sum(labels if "labels" in axes else 1 for axes in task.outputs.values())


def save_result(result: BenchResult) -> Path:
    """Keep the p50 of single texts for ``variant="auto"`` on this machine; return the file.

    Cells that failed are left out. Raises UsageError where nothing is left, OutputError.
    """
    found = []
    for one in result.cells:
        cell, measured = one.cell, one.measured
        if measured is not None and measured.single_p50_ms is not None:
            p50_ms = measured.single_p50_ms.median
            found.append(Measurement(cell.device, cell.variant, measured.threads, p50_ms))
    if not found:
        raise UsageError("There is nothing to save: every cell failed.", hint="See their errors.")
    version = str(import_onnxruntime().__version__)
    return save_measurements(result.bundle_digest, version, found)


def check_save(config: BenchConfig) -> None:
    """Refuse what ``save_result`` could not use or keep. Raises UsageError, OutputError."""
    usual = not config.lengths and not config.batch_tokens
    if not usual or "single-stream" not in config.scenarios or is_foreign(config.bundle):
        raise UsageError(
            "There would be nothing to save: `auto` chooses among a bundle's variants by their "
            "single texts, as they are.",
            hint="Measure a bundle without --length and --batch-tokens, and single-stream.",
        )
    private_folder()


def _measure(
    config: BenchConfig,
    subject: Subject,
    cells: Sequence[Cell],
    asked: Mapping[int | None, Asked],
    operations: Operations | None,
    progress: Progress,
) -> _Measurements:
    failed = {
        cell: subject.unreadable[cell.variant]
        for cell in cells
        if cell.variant in subject.unreadable
    }
    found = _Measurements(runs={cell: [] for cell in cells}, failed=failed)
    total = len(cells) * config.rounds
    for number in range(config.rounds):
        load = None
        if "server" in config.scenarios:
            load = Load(config.rates, config.slo_ms, config.most_s, seed=number)
        for at, cell in enumerate(in_turn(cells, number)):
            progress("benchmark", number * len(cells) + at, total)
            if cell in found.failed:
                continue
            some = asked[cell.length]
            count = config.samples // config.rounds
            job = Job(
                first=some.typical,
                singles=some.singles(count) if "single-stream" in config.scenarios else [],
                inputs=some.inputs,
                offline="offline" in config.scenarios,
                answers=subject.answers and number == 0 and "offline" in config.scenarios,
                patient=number == config.rounds - 1,
                adopted=subject.adopted,
                load=load,
                most_s=config.most_s,
            )
            watch = Watch.start()
            try:
                run = run_once(subject.folder, cell, job, timeout_s=config.timeout_s)
                found.runs[cell].append(run)
            except EdgeftError as error:  # which names no folder, since results are shown around
                found.failed[cell] = str(error).replace(
                    str(subject.folder.absolute()), subject.name
                )
            found.disturbances.append(watch.until_now())
        if operations is not None and number in (0, config.rounds - 1):
            _raise_ceilings(found, subject, operations, config.timeout_s)
    progress("benchmark", total, total)
    return found


def _raise_ceilings(
    found: _Measurements, subject: Subject, operations: Operations, timeout_s: float
) -> None:
    """Measure what the machine can do at best, once more; the better figures stay."""
    variants = subject.manifest.model.variants  # what ``operations`` counts
    wanted = {
        (cell.device, runs[0].threads, arithmetic_of(variants[cell.variant].precision))
        for cell, runs in found.runs.items()
        if runs and cell.variant in variants
    }
    for key in sorted(wanted):
        try:
            now = ceiling_of(*key, operations.weights, timeout_s=timeout_s)
        except EdgeftError:  # such as a device without int8 products: there is no roof then
            continue
        old = found.ceilings.get(key, now)
        found.ceilings[key] = Ceiling(
            max(now.operations_per_s, old.operations_per_s), max(now.bytes_per_s, old.bytes_per_s)
        )


def _result(
    cell: Cell,
    subject: Subject,
    asked: Asked,
    measured: Mapping[Cell, Measured],
    found: _Measurements,
    operations: Operations | None,
) -> CellResult:
    task = task_named(subject.manifest.model.task, subject.manifest.model.takes)
    manifest = subject.manifest
    variants = manifest.variants_of(cell.variant)
    one = measured.get(cell)
    reference = reference_of(measured, cell.length)
    same = None
    if one and reference and one.answers and reference.answers:
        same = agreement(task, one.answers, reference.answers)
    single = offline = None
    if one is not None and operations is not None and cell.variant in manifest.model.variants:
        variant = variants[0]
        ceiling = found.ceilings.get((cell.device, one.threads, arithmetic_of(variant.precision)))
        if ceiling is not None:
            weights = operations.weights * element_bytes(variant.precision)
            single, offline = _rooflines(one.runs, operations, ceiling, weights)
    return CellResult(
        cell=cell,
        precision="+".join(one.precision for one in variants),
        file_bytes=sum(
            manifest.files[name].bytes
            for name in {path for one in variants for path in one.files.values()}
        ),
        quality=quality_of(variants[0], task)
        if len(variants) == 1
        else Quality(metrics=tuple(task.metrics.values())),
        texts=asked.facts,
        measured=one,
        agreement=same,
        alike=task.alike,
        single_roofline=single,
        offline_roofline=offline,
        error=found.failed.get(cell, ""),
    )


def _rooflines(
    runs: Sequence[Run], operations: Operations, ceiling: Ceiling, weight_bytes: float
) -> tuple[Roofline | None, Roofline | None]:
    """Single texts, and all in one call, under the roof."""
    singles = [run.singles for run in runs if run.singles is not None]
    offline = [run.offline for run in runs if run.offline is not None]
    single = whole = None
    if singles:
        batches = [list(batch) for some in singles for batch in some.batches]
        run_s = sum(some.run_s for some in singles)
        single = roofline(batches, run_s, operations, ceiling, weight_bytes)
    if offline:
        batches = [list(batch) for one in offline for batch in one.batches]
        run_s = sum(one.run_s / one.passes for one in offline)
        whole = roofline(batches, run_s, operations, ceiling, weight_bytes)
    return single, whole


def reference_of(measured: Mapping[Cell, Measured], length: int | None) -> Measured | None:
    """The cell whose answers the others are compared with: fp32, on the CPU where it was asked."""
    fp32 = sorted(
        (cell for cell in measured if cell.variant == "fp32" and cell.length == length),
        key=lambda cell: cell.device != "cpu",
    )
    return measured[fp32[0]] if fp32 else None
