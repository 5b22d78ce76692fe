"""Figures made by hand, for tests of what is made of them."""

from dataclasses import replace
from typing import Any

from edgeft.bench.asked import TextFacts
from edgeft.bench.cell import Cell, Measured, Offline, Run, Singles, summarize
from edgeft.bench.disturbance import Disturbance
from edgeft.bench.machine import Machine
from edgeft.bench.result import CellResult, Quality

FACTS = TextFacts("texts.csv", "texts", 3, 3, 8, 9, 10, 0, 0, "ab" * 32)
QUIET = Disturbance(10.0, 2, 0.0, 0.0, 0, 0.0, 0.0)
VNNI = ("avx2", "vnni")


def machine(*, cpu: str = "Chip") -> Machine:
    return Machine(cpu, VNNI, 2, 2, 1 << 34, "Linux x", "3.11", {}, (), 0.0)


def singles(*times_ms: float) -> Singles:
    whole_s = sum(times_ms) / 1e3
    count = len(times_ms)
    return Singles(
        times_ms, [8] * count, [[8]] * count, 0.1 * whole_s, 0.8 * whole_s, 0.05 * whole_s
    )


def offline(texts_per_s: float, **other: Any) -> Offline:
    figures: dict[str, Any] = {
        "texts": 100, "tokens": 800, "padded_tokens": 1000, "passes": 1,
        "seconds": 100 / texts_per_s, "cpu_s": 0.5,
        "tokenize_s": 0.0, "wait_s": 0.0, "run_s": 90 / texts_per_s, "decode_s": 0.0,
        "batches": [[8, 8], [4, 8]], "joules": None, "energy_source": "",
    }  # fmt: skip
    return Offline(**{**figures, **other})


def run(p50_ms: float, texts_per_s: float = 100.0, **other: Any) -> Run:
    figures: dict[str, Any] = {
        "device": "cpu", "threads": 2, "load_ms": 10.0, "first_ms": 20.0, "warmup_calls": 10,
        "steady": True, "singles": singles(*[p50_ms] * 100), "offline": offline(texts_per_s),
        "trials": [], "highest": None, "highest_rate": None, "peak_rss_bytes": 1000,
        "answers": ["a"],
    }  # fmt: skip
    return Run(**{**figures, **other})


def measured(p50_ms: float, texts_per_s: float, *, spread: float = 0.01, **other: Any) -> Measured:
    """Figures of six processes that differ by up to ``spread`` to both sides."""
    sides = [1 + spread * side for side in (-1, -0.6, -0.2, 0.2, 0.6, 1)]
    one = summarize([run(p50_ms * side, texts_per_s * side) for side in sides])
    return replace(one, **other)


def cell(
    variant: str,
    one: Measured | None,
    *,
    device: str = "cpu",
    drop: float | None = None,
    length: int | None = None,
    **other: Any,
) -> CellResult:
    result = CellResult(
        cell=Cell(device, variant, length=length),
        precision=variant,
        file_bytes=90_000_000 if variant == "fp32" else 23_000_000,
        quality=Quality() if drop is None else Quality(0.9, drop, "accuracy"),
        texts=FACTS,
        measured=one,
        agreement=0.994,
        alike="same label",
    )
    return replace(result, **other)
