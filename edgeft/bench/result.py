"""What a benchmark gives back: cells, and all that is needed to judge them."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgeft.bench.asked import TextFacts
from edgeft.bench.cell import Cell, Measured
from edgeft.bench.disturbance import Disturbance
from edgeft.bench.machine import Machine
from edgeft.bench.matrix import BenchConfig
from edgeft.bench.roofline import Roofline
from edgeft.bench.scenarios import WARM_TEXTS
from edgeft.bench.statistics import PERCENTILE_METHOD, spread
from edgeft.tasks import task_named
from edgeft.tasks.reading import columns_named
from edgeft.tasks.task import Task

__all__ = ["RESULT_FORMAT", "BenchResult", "CellResult", "Quality", "key_of"]

ACCURACY = "accuracy"
RESULT_FORMAT = 1  # of the JSON document


@dataclass(frozen=True)
class Quality:
    """What the export measured of a variant; None where the bundle does not tell.

    ``figure`` is the first of the task's ``metrics``, in words, on the rows that reported;
    ``drop_points`` what was lost against the original of ``drop_metric``, whichever lost more.
    ``proven_points`` is how much at most any loses, as sure as the export says; None
    where its rows do not prove it of all. Where thresholds are recorded, ``figure`` is
    that of the answers, a withheld one being wrong, and losses those of the likeliest.
    """

    figure: float | None = None
    drop_points: float | None = None
    drop_metric: str | None = None
    proven_points: float | None = None
    metrics: tuple[str, ...] = (ACCURACY, "macro F1")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; of a classifier it names the metric in the figure's key."""
        told = asdict(self)
        figure, metrics = told.pop("figure"), told.pop("metrics")
        if metrics[0] == ACCURACY:
            return {ACCURACY: figure, **told}
        return {"metrics": list(metrics), "figure": figure, **told}


@dataclass(frozen=True)
class CellResult:
    """A cell's figures, or the reason why there are none.

    ``agreement`` is how far the answers are those of the reference cell, 0 to 1, in the sense
    of ``alike``, the task's words for it; None where there is no such cell. ``measured`` is None
    where ``error`` says why.
    """

    cell: Cell
    precision: str
    file_bytes: int
    quality: Quality
    texts: TextFacts
    measured: Measured | None
    agreement: float | None = None
    alike: str = ""
    single_roofline: Roofline | None = None
    offline_roofline: Roofline | None = None
    verdict: str = ""
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything but the answers."""
        one = self.measured
        head: dict[str, Any] = {
            **asdict(self.cell),
            "name": str(self.cell),
            "precision": self.precision,
            "file_bytes": self.file_bytes,
            "quality": self.quality.to_dict(),
            "texts": asdict(self.texts),
        }
        if one is None:
            return {**head, "error": self.error}
        return {
            **head,
            **one.to_dict(),
            "agreement": self.agreement,
            "alike": self.alike,
            "single_roofline": self.single_roofline and self.single_roofline.to_dict(),
            "offline_roofline": self.offline_roofline and self.offline_roofline.to_dict(),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class BenchResult:
    """All cells in the order of the table, and what they were measured on and how."""

    config: BenchConfig
    name: str
    bundle_digest: str
    adopted: bool
    task: str
    machine: Machine
    texts: TextFacts
    disturbance: Disturbance
    cells: tuple[CellResult, ...]
    verdicts: tuple[str, ...]
    warnings: tuple[str, ...]

    def method(self) -> str:
        """How the figures came about, in a few sentences."""
        config, kind = self.config, self.texts.kind
        texts = f"{self.texts.count:,} different {kind}"
        if config.lengths:
            counts = sorted({cell.texts.count for cell in self.cells})
            texts = f"{' or '.join(f'{one:,}' for one in counts)} different {kind} of each length"
        steps = []
        if "single-stream" in config.scenarios:
            steps.append(f"{config.samples // config.rounds:,} single {kind}, the same in each "
                         f"round, for at most {config.most_s:g} s")  # fmt: skip
        if "offline" in config.scenarios:
            sources = {one.measured.energy_source for one in self.cells if one.measured}
            minute = ", and for a minute in the last round, which the battery needs"
            steps.append(f"{texts} in one call, again and again for a second"
                         f"{minute * ('battery' in sources)}")  # fmt: skip
        if "server" in config.scenarios:
            steps.append(f"{kind} that arrive by chance, at least 299 of them at each rate")
        confidence = spread([0.0] * config.rounds).confidence
        told = "no intervals, of which fewer than five rounds tell none"
        if confidence is not None:
            told = f"the interval that holds the true median with {confidence:.0%}"
        return (
            f"{config.rounds} round{'s' * (config.rounds > 1)}, each a fresh process for each "
            "cell, which take turns in changing order; each is warmed up until two successive "
            "blocks of 5 calls differ by at most 10%, then with "
            f"{WARM_TEXTS} {kind}, and predicts "
            f"{', then '.join(steps) or 'no more than that'}. Tokenization is included. "
            "Percentiles by nearest rank, told where there are samples enough; p90 and p99.9 are "
            f"those of all rounds together (and p99, where a round has too few {kind} for it), all "
            f"else are medians of the rounds, with {told}. From the second round on the system "
            "has the files in memory, so a cold start is that of a process, not of a disk."
            f"{_counted(task_named(self.task))}"
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything; it names no folder, user or host."""
        config = asdict(self.config)
        columns = [name for name in config if name.endswith("_column")]
        for private in ("bundle", "data", *columns):
            config.pop(private)
        document = {
            "edgeft_bench": RESULT_FORMAT,
            "command": command_of(self.config, self.name),
            "name": self.name,
            "bundle_digest": self.bundle_digest,
            "adopted": self.adopted,
            "task": self.task,
            "machine": self.machine.to_dict(),
            "machine_summary": self.machine.summary(),
            "texts": asdict(self.texts),
            "config": config,
            "percentile_method": PERCENTILE_METHOD,
            "method": self.method(),
            "disturbance": asdict(self.disturbance),
            "cells": [cell.to_dict() for cell in self.cells],
            "verdicts": list(self.verdicts),
            "warnings": list(self.warnings),
        }
        # As a reader of the file sees it: in UTF-8, whatever the names of files are.
        text = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        return dict(json.loads(text))


def _counted(task: Task) -> str:
    """How answers that agree are counted, where that is not plain."""
    return f" {task.alike.capitalize()}: {task.alike_is}." if task.alike_is else ""


def key_of(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a cell of a JSON document from others, on whatever bundle."""
    return tuple(cell.get(name) for name in ("device", "variant", "threads", "batch_tokens",
                                             "length"))  # fmt: skip


def command_of(config: BenchConfig, name: str) -> str:
    """The command that asks for the same, with names of files in place of their paths."""
    default = BenchConfig(config.bundle)
    words = ["edgeft bench", shlex.quote(name)]
    if config.data is not None:
        words.append(f"--data {shlex.quote(config.data.name)}")
    for role, named in columns_named(vars(config)).items():
        if named is not None:
            option = "text" if role == "other" else role
            words.append(f"--{option}-column {shlex.quote(named)}")
    repeated = {"--device": config.devices, "--variant": config.variants,
                "--threads": config.threads, "--batch-tokens": config.batch_tokens,
                "--length": config.lengths, "--rate": config.rates}  # fmt: skip
    if config.scenarios != default.scenarios:
        repeated["--scenario"] = config.scenarios
    words += [f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}"
              for option, values in repeated.items() for value in values]  # fmt: skip
    single = {"--slo-ms": "slo_ms", "--texts": "texts", "--samples": "samples",
              "--rounds": "rounds", "--seconds": "most_s", "--timeout": "timeout_s"}  # fmt: skip
    for option, field in single.items():
        value = getattr(config, field)
        if value != getattr(default, field):
            words.append(f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}")
    return " ".join(words)
