"""Which cells there are, in which order they take turns, and which texts they get."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.bench.cell import Cell
from edgeft.bench.process import TIMEOUT_S
from edgeft.bundle import Manifest, Variant
from edgeft.bundle.manifest import CASCADE
from edgeft.errors import UsageError
from edgeft.runtime.providers import available_devices, resolve_device
from edgeft.tasks.reading import columns_named

__all__ = ["SCENARIOS", "BenchConfig", "cells_of", "check", "in_turn", "takes"]

PLAIN_ONLY = ("tensorrt", "coreml", "openvino")
STATIC_INT8 = ("tensorrt", "openvino")
SCENARIOS = ("single-stream", "offline", "server", "cold-start")
MOST = 1_000_000  # of whatever is counted; more is a slip of the finger, or never ends


@dataclass(frozen=True)
class BenchConfig:
    """What to measure.

    data: texts or questions, as ``edgeft.tasks.reading.read_inputs`` reads them; None for built-in
    ones.
    devices: names; empty for all that really load here, "auto" for what load chooses.
    variants: names; empty for all that the device can take: the full model's, and the cascade.
    threads, batch_tokens, lengths: values of ``Cell``; empty for its default. A length is that of
    all tokens that the model reads: of a question and its context together.
    scenarios: of SCENARIOS; cold starts are measured in any case.
    texts: to predict in one call, at most; None for some 65,536 tokens.
    samples: single texts that are timed, over all rounds together.
    rounds: fresh processes for each cell; the cells take turns.
    most_s: seconds of single texts in each process, at most, and of a server trial.
    rates, slo_ms: of the server scenario: texts a second, and the bound on p99.
    timeout_s: after which a process is ended that gives no sign of life.
    """

    bundle: Path
    data: Path | None = None
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    devices: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    batch_tokens: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    scenarios: tuple[str, ...] = ("single-stream", "offline", "cold-start")
    texts: int | None = None
    samples: int = 3000
    rounds: int = 6
    most_s: float = 10.0
    rates: tuple[float, ...] = ()
    slo_ms: float | None = None
    timeout_s: float = TIMEOUT_S


def check(config: BenchConfig) -> None:
    """Raise UsageError for what makes no sense, whatever the bundle is."""
    for what, number in (("rounds", config.rounds), ("samples", config.samples)):
        if number > MOST:
            raise UsageError(f"{number} {what} are too many.", hint=f"Use {MOST:,} or less.")
    if config.rounds < 1 or config.samples < config.rounds:
        raise UsageError(
            f"{config.samples} samples cannot be spread over {config.rounds} rounds.",
            hint="Use at least one sample for each round, and one round.",
        )
    numbers = {
        "threads": config.threads,
        "batch tokens": config.batch_tokens,
        "length": config.lengths,
        "texts": () if config.texts is None else (config.texts,),
        "arrivals a second": config.rates,
        "milliseconds": () if config.slo_ms is None else (config.slo_ms,),
        "seconds": (config.most_s, config.timeout_s),
    }
    for what, values in numbers.items():
        for value in values:
            if not 0 < value <= MOST:  # nor is NaN
                raise UsageError(
                    f"{value} is no number of {what}.", hint=f"Use more than 0, up to {MOST:,}."
                )
    unknown = [name for name in config.scenarios if name not in SCENARIOS]
    if unknown:
        raise UsageError(
            f"There is no scenario {unknown[0]!r}.", hint=f"Choose from {', '.join(SCENARIOS)}."
        )
    load = bool(config.rates) or config.slo_ms is not None
    if load and "server" not in config.scenarios:
        raise UsageError(
            "Rates and a bound belong to the server scenario, which is left out.",
            hint="Add --scenario server, or leave --rate and --slo-ms out.",
        )
    if "server" in config.scenarios and not config.rates and config.slo_ms is None:
        raise UsageError(
            "The server scenario needs to know what is fast enough, or how much arrives.",
            hint="Add --slo-ms 50 to find the highest rate, or --rate 100.",
        )
    named = columns_named(vars(config)).values()
    if config.data is None and any(one is not None for one in named):
        raise UsageError("A column is named, but no file.", hint="Name the file with --data.")


def cells_of(config: BenchConfig, manifest: Manifest) -> list[Cell]:
    """Every combination that was asked for. Raises UsageError, DeviceError."""
    known, max_length = manifest.answerers, manifest.model.max_length
    unknown = [name for name in config.variants if name not in known]
    if unknown:
        raise UsageError(
            f"The bundle has no variant {unknown[0]!r}.", hint=f"It has: {', '.join(known)}."
        )
    variants = [*manifest.model.variants, *[CASCADE] * bool(manifest.stages)]
    for length in config.lengths:
        if length > max_length:
            raise UsageError(
                f"No text can have {length} tokens: the model reads {max_length}.",
                hint=f"Use --length {max_length} or less.",
            )
    # Only where none is named is every provider tried: CUDA's alone loads hundreds of megabytes.
    names = config.devices or tuple(name for name, why in available_devices().items() if not why)
    devices = dict.fromkeys(str(resolve_device(name)) for name in names)
    cells = [
        Cell(device, name, threads, batch_tokens, length)
        for device in devices
        for name in dict.fromkeys(config.variants or variants)
        if config.variants or all(takes(device, one) for one in manifest.variants_of(name))
        for threads in dict.fromkeys(config.threads or (None,))
        for batch_tokens in dict.fromkeys(config.batch_tokens or (None,))
        for length in dict.fromkeys(config.lengths or (None,))
    ]
    if not cells:
        raise UsageError(
            f"No variant suits {' or '.join(devices)}: there is only {', '.join(variants)}.",
            hint="Name what to run all the same with --variant.",
        )
    return cells


def takes(device: str, variant: Variant) -> bool:
    """Whether a variant is worth running on a device ("cpu", "cuda:0").

    CPUs compute fp16 in fp32 with casts around each node; TensorRT and OpenVINO have
    int8 for scales that are known beforehand alone, the other devices compute it in
    floats or send it back to the CPU; and only onnxruntime's own CPU and CUDA kernels
    take its fused operators.
    """
    kind, _, which = device.partition(":")
    if kind in PLAIN_ONLY and variant.graph != "onnx":
        return False
    if kind == "cpu" or which == "CPU":
        return variant.precision != "fp16"
    # Where scales are known beforehand, a text's neighbours cannot touch them.
    return variant.precision != "int8" or (kind in STATIC_INT8 and variant.batch_invariant)


def in_turn(cells: Sequence[Cell], number: int) -> list[Cell]:
    """The order of the cells in a round: it goes forth and back, and begins elsewhere each time.

    So whatever drifts, and whatever a cell leaves behind, meets all cells alike.
    """
    begin = (number // 2) % len(cells)
    order = [*cells[begin:], *cells[:begin]]
    return order if number % 2 == 0 else order[::-1]
