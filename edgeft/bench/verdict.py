"""What the figures mean, in sentences; pure functions of the figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.bench.cell import Measured
from edgeft.bench.machine import Machine
from edgeft.runtime.cpu import has_int8_dot

__all__ = ["CellResult", "verdicts", "warnings"]

SPARE_CORES = 0.25  # of work by others that a measurement bears without a warning
FEW_SAMPLES = 100  # below this many, p99 is the slowest sample or nearly so


@dataclass(frozen=True)
class CellResult:
    """A cell's figures, or the reason why there are none.

    ``agreement`` is the share of texts with the label that fp32 gives, None
    where fp32 was not measured. ``measured`` is None where ``error`` says why.
    """

    device: str
    variant: str
    file_bytes: int
    measured: Measured | None
    agreement: float | None
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything but the labels."""
        head: dict[str, Any] = {
            "device": self.device,
            "variant": self.variant,
            "file_bytes": self.file_bytes,
        }
        one = self.measured
        if one is None:
            return {**head, "error": self.error}
        return {
            **head,
            "threads": one.threads,
            **vars(one.latency),
            "texts_per_s": one.texts_per_s,
            "load_ms": one.load_ms,
            "first_prediction_ms": one.first_ms,
            "peak_rss_bytes": one.peak_rss_bytes,
            "label_agreement_with_fp32": self.agreement,
            "warmup_calls": one.warmup_calls,
            "warmup_steady": one.steady,
            "round_p50_ms": list(one.round_p50_ms),
            "round_texts_per_s": list(one.round_texts_per_s),
        }


def verdicts(cells: Sequence[CellResult], features: Sequence[str]) -> Iterator[str]:
    """A sentence for each variant beside fp32 on its device, then one on the devices."""
    for cell in cells:
        base = _find(cells, cell.device, "fp32")
        if cell.variant != "fp32" and base is not None and cell.measured is not None:
            yield _against(cell, base, features)
    done = [cell for cell in cells if cell.measured is not None]
    if len({cell.device for cell in done}) > 1:
        quick = min(done, key=lambda cell: _measured(cell).latency.p50_ms)
        broad = max(done, key=lambda cell: _measured(cell).texts_per_s)
        yield (
            f"Quickest for a single text: {quick.variant} on {quick.device}; "
            f"most texts a second: {broad.variant} on {broad.device}."
        )


def warnings(
    cells: Sequence[CellResult], machine: Machine, others_busy_cores: float | None
) -> Iterator[str]:
    """What makes the figures less sure than they look."""
    done = [cell for cell in cells if cell.measured is not None]
    threads = max((_measured(cell).threads for cell in done), default=0)
    spare = max(0, machine.host_cores - threads) + SPARE_CORES
    if others_busy_cores is not None and others_busy_cores > spare:
        yield (
            f"Other processes kept {others_busy_cores:.1f} of {machine.host_cores} cores busy "
            "meanwhile: measure again on an idle machine."
        )
    elif others_busy_cores is None and (machine.load_average or 0.0) > spare:
        yield (
            f"The load average was {machine.load_average:.1f} on {machine.host_cores} cores at the "
            "start: measure again on an idle machine."
        )
    for cell in done:
        if not _measured(cell).steady:
            yield f"{cell.variant} on {cell.device} was not steady after 100 warm-up calls."
    fewest = min((_measured(cell).latency.samples for cell in done), default=FEW_SAMPLES)
    if fewest < FEW_SAMPLES:
        yield f"p99 of {fewest} samples is little more than the slowest one: use more --samples."


def _against(cell: CellResult, base: CellResult, features: Sequence[str]) -> str:
    one, other = _measured(cell), _measured(base)
    single = _pace(
        other.latency.p50_ms / one.latency.p50_ms,
        clear=_apart(one.round_p50_ms, other.round_p50_ms),
    )
    whole = _pace(
        one.texts_per_s / other.texts_per_s,
        clear=_apart(one.round_texts_per_s, other.round_texts_per_s),
    )
    text = (
        f"On {cell.device}, {cell.variant} against fp32: {single} for single texts, {whole} for "
        f"the whole file, {cell.file_bytes / 1e6:.1f} MB instead of {base.file_bytes / 1e6:.1f} MB"
    )
    if cell.agreement is not None:
        text += f", the same label on {cell.agreement:.1%} of the texts"
    text += "."
    slower = one.latency.p50_ms > other.latency.p50_ms and one.texts_per_s < other.texts_per_s
    if cell.device == "cpu" and cell.variant == "int8" and slower and not has_int8_dot({*features}):
        text += " This CPU has no int8 dot products, so that is to be expected."
    return text


def _pace(speed: float, *, clear: bool) -> str:
    """ "1.4× as fast", or that there is no telling where the rounds overlap."""
    if not clear or 0.95 < speed < 1.05:
        return "no clear difference"
    return f"{speed:.1f}× as fast" if speed > 1 else f"slower ({speed:.2f}× as fast)"


def _apart(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether all rounds of one cell lie on the same side of all rounds of the other."""
    return max(one) < min(other) or max(other) < min(one)


def _find(cells: Sequence[CellResult], device: str, variant: str) -> CellResult | None:
    for cell in cells:
        if (cell.device, cell.variant) == (device, variant) and cell.measured is not None:
            return cell
    return None


def _measured(cell: CellResult) -> Measured:
    assert cell.measured is not None
    return cell.measured
