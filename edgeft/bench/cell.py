"""A cell of the table: one variant on one device, measured in fresh processes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any

import edgeft
from edgeft.bench.measure import Latency, latency
from edgeft.errors import DeviceError

__all__ = ["Cell", "Measured", "Run", "agreement", "run_once", "summarize"]


@dataclass(frozen=True)
class Cell:
    """What is measured: a variant, a device, and CPU threads (None: all usable cores)."""

    device: str
    variant: str
    threads: int | None = None


@dataclass(frozen=True)
class Run:
    """What one process measured.

    load_ms: ``edgeft.load`` with the files' sha256 checked, packages imported.
    first_ms: from the start of the process to its first prediction.
    singles_ms: each text alone, tokenization included.
    texts_per_s: all texts in one call, tokenization included.
    labels: the predicted label of each text.
    """

    device: str
    threads: int
    load_ms: float
    first_ms: float
    warmup_calls: int
    steady: bool
    singles_ms: list[float]
    texts_per_s: float
    peak_rss_bytes: int | None
    labels: list[str]


@dataclass(frozen=True)
class Measured:
    """A cell's figures over all its runs.

    The percentiles are those of all single texts of all runs; the other
    figures are medians of the runs. The ``round_`` lists hold one figure a run,
    which shows how far a figure moves by itself.
    """

    latency: Latency
    texts_per_s: float
    load_ms: float
    first_ms: float
    peak_rss_bytes: int | None
    warmup_calls: int
    steady: bool
    threads: int
    round_p50_ms: tuple[float, ...]
    round_texts_per_s: tuple[float, ...]
    labels: tuple[str, ...]


def run_once(bundle: Path, cell: Cell, first: str, singles: list[str], texts: list[str]) -> Run:
    """Measure a cell in a fresh process, which is ended whatever happens.

    ``first`` is the text of the first prediction and of the warm-up. Raises
    DeviceError with the reason where the process fails.
    """
    job = {
        "bundle": str(bundle.absolute()),
        "device": cell.device,
        "variant": cell.variant,
        "threads": cell.threads,
        "text": first,
    }
    with tempfile.TemporaryFile() as noise:
        begin = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "edgeft.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            encoding="utf-8",
            env=_environment(),
        )
        with process:
            try:
                started = _ask(process, job, noise)
                first_ms = (time.monotonic() - begin) * 1e3
                answer = _ask(process, {"singles": singles, "texts": texts}, noise)
            except BaseException:
                process.kill()
                raise
    return Run(first_ms=first_ms, **started, **answer)


def summarize(runs: Sequence[Run]) -> Measured:
    """Put the runs of one cell together; at least one is needed."""
    peaks = [run.peak_rss_bytes for run in runs if run.peak_rss_bytes is not None]
    return Measured(
        latency=latency([time_ms for run in runs for time_ms in run.singles_ms]),
        texts_per_s=median(run.texts_per_s for run in runs),
        load_ms=median(run.load_ms for run in runs),
        first_ms=median(run.first_ms for run in runs),
        peak_rss_bytes=int(median(peaks)) if peaks else None,
        warmup_calls=sum(run.warmup_calls for run in runs),
        steady=all(run.steady for run in runs),
        threads=runs[0].threads,
        round_p50_ms=tuple(latency(run.singles_ms).p50_ms for run in runs),
        round_texts_per_s=tuple(run.texts_per_s for run in runs),
        labels=tuple(runs[0].labels),
    )


def agreement(labels: Sequence[str], reference: Sequence[str]) -> float:
    """The share, 0 to 1, of texts that got the label that the reference gave them."""
    same = sum(one == other for one, other in zip(labels, reference, strict=True))
    return same / len(reference)


def _ask(
    process: subprocess.Popen[str], question: dict[str, Any], noise: IO[bytes]
) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:  # it ended before it read the question
        line = ""
    if not line:
        raise DeviceError(_ending(process.wait(), noise))
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise DeviceError(answer["error"], hint=answer["hint"])
    return answer


def _ending(status: int, noise: IO[bytes]) -> str:
    """Why a process ended without an answer."""
    noise.seek(0)
    lines = noise.read().decode("utf-8", "replace").strip().splitlines()
    if status < 0:
        name = signal.Signals(-status).name
        reason = f"the process was ended by {name}"
        if name == "SIGKILL":
            reason += ", perhaps because memory ran out"
    else:
        reason = f"the process ended with status {status}"
    return f"{reason}: {lines[-1]}" if lines else f"{reason}."


def _environment() -> dict[str, str]:
    # The child must find the very edgeft that asks, wherever that was imported from.
    root = str(Path(edgeft.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{inherited}" if inherited else root}
