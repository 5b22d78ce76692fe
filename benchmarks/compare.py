"""Two sides in alternation: processes, ratios, and the file that keeps them."""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.peers import ALL_PEERS
from edgeft.bench.machine import describe_machine
from edgeft.bench.statistics import spread
from edgeft.bench.texts import sentences
from edgeft.tasks import task_named
from edgeft.tasks.reading import read_inputs

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
SINGLES = 60  # texts alone in each alternation
AS_GOOD = 0.97  # what counts as 1.0 where two sides do the same work


class Side:
    """A process of one side, ready to be given jobs.

    ``start_s``: from its start to its first prediction. ``versions`` of its packages.
    ``source``: another checkout of edgeft that it runs instead of the installed one.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        texts: Path,
        threads: int,
        variant: str = "fp32",
        source: Path | None = None,
    ) -> None:
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            _command(kind, folder, texts, threads, variant),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(source),
        )  # fmt: skip
        self.versions: dict[str, str] = self._read()["versions"]
        self.start_s = time.perf_counter() - begin  # to its first prediction

    def ask(self, do: str, **job: Any) -> dict[str, Any]:
        """Do one job and return its figures."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **job}) + "\n")
        self.process.stdin.flush()
        return self._read()

    def seconds(self, batch: int | None = None) -> float:
        """The time of all texts."""
        return float(self.ask("all", batch=batch, labels=False)["seconds"])

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"A side ended with status {self.process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of edgeft's in relation to another side's.

    ``ratio`` is the median of one ratio for each alternation; ``low`` and
    ``high`` are its 95% interval (``edgeft.bench.statistics.spread``), None where
    there are too few. ``bar`` is what was to be reached.
    """

    what: str
    ratio: float
    low: float | None
    high: float | None
    alternations: int
    bar: str
    met: bool
    ours: float
    theirs: float
    unit: str
    note: str = ""


def alternate(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int, *, first: int = 0
) -> list[tuple[float, float]]:
    """Measure both sides in turns; who begins changes each time: we, if ``first`` is even."""
    pairs = []
    for at in range(first, first + rounds):
        if at % 2:
            their = theirs()
            pairs.append((ours(), their))
        else:
            our = ours()
            pairs.append((our, theirs()))
    return pairs


def row(
    what: str,
    pairs: Sequence[tuple[float, float]],
    *,
    unit: str,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Row:
    """A line from (ours, theirs): ours / theirs where less is better, else theirs / ours.

    ``at_least`` is a bar for how many times quicker we are, ``at_most`` one for
    our share of theirs.
    """
    quicker = at_least is not None
    ratios = sorted(their / our if quicker else our / their for our, their in pairs)
    one = spread(ratios)
    low, high = one.low, one.high
    ratio = median(ratios)
    if at_least is not None:
        met = ratio >= (AS_GOOD if at_least == 1.0 else at_least)
    else:
        met = ratio <= (at_most or 0.0)
    return Row(
        what=what,
        ratio=ratio,
        low=low,
        high=high,
        alternations=len(ratios),
        bar=f"at least {at_least:g}" if quicker else f"at most {at_most:g}",
        met=met,
        ours=median(our for our, _ in pairs),
        theirs=median(their for _, their in pairs),
        unit=unit,
        note=note,
    )


def p50_ms(side: Side, first: int = 0) -> float:
    """The median of single texts, from a place on."""
    times = sorted(side.ask("singles", places=[first + i * 7 for i in range(SINGLES)])["ms"])
    return float(times[len(times) // 2])


def peak_mb(side: Side) -> float:
    """The most memory that a side has held."""
    return float(side.ask("peak")["peak_rss_bytes"]) / 1e6


def latency(ours: Side, theirs: Side, what: str, rounds: int, *, at_most: float) -> Row:
    """Single texts, the median of each alternation; both sides get the same ones."""
    p50_ms(ours), p50_ms(theirs)
    pairs = []
    for at in range(rounds):
        first = at * SINGLES
        pairs += alternate(
            lambda first=first: p50_ms(ours, first),  # type: ignore[misc]
            lambda first=first: p50_ms(theirs, first),  # type: ignore[misc]
            1,
            first=at,
        )
    return row(what, pairs, unit="ms", at_most=at_most)


def write_texts(
    folder: Path, data: Path | None, limit: int | None, task: str = "text-classification"
) -> tuple[str, Path]:
    """The unique texts of a file, in its order, as JSON; return a name for them and the path.

    ``task``, one that takes texts, says how the file is read.
    """
    given = read_inputs(data, task_named(task)) if data else islice(sentences(), 2400)
    texts = [one for one in given if isinstance(one, str)]
    unique = list(dict.fromkeys(text for text in texts if text.strip()))
    if limit and len(unique) > limit:  # evenly from the whole file
        unique = [unique[at * len(unique) // limit] for at in range(limit)]
    name = f"{data.parent.name}/{data.name}" if data else "built-in"
    path = folder / f"{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(unique), encoding="utf-8")
    return f"{name} ({len(unique):,} texts)", path


def save(path: Path, rows: Sequence[Row], method: str) -> None:
    """Print a Markdown table, and keep the rows with the machine as JSON."""
    print("| what | ratio | 95% interval | bar | met | ours | theirs |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in rows:
        bounds = f"{one.low:.3f} to {one.high:.3f}" if one.low and one.high else "-"
        met = "yes" if one.met else "no"
        sides = f"{one.ours:.4g} {one.unit} | {one.theirs:.4g} {one.unit}"
        print(f"| {one.what} | {one.ratio:.3f} | {bounds} | {one.bar} | {met} | {sides} |")
    document = {
        "machine": describe_machine().to_dict(),
        "method": method,
        "rows": [asdict(one) for one in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that all comparisons share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="what benchmarks.model made")
    parser.add_argument("--data", type=Path, action="append", help="file of texts; repeatable")
    parser.add_argument("--rounds", type=int, default=9, help="alternations")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="texts of each file, evenly; all by default")
    parser.add_argument("-o", "--out", type=Path, help="file to keep; by default in results/")
    return parser


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A folder for the texts."""
    return tempfile.TemporaryDirectory(prefix="edgeft-bench-")


def _command(kind: str, folder: Path, texts: Path, threads: int, variant: str) -> list[str]:
    peer = ALL_PEERS[kind]
    python = ROOT / peer.environment / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} does not exist: run `make {peer.environment}/installed` first.")
    script = Path(__file__).parent / "peers" / f"{peer.script}.py"
    return [
        str(python), str(script), str(folder), str(texts), "--threads", str(threads),
        "--variant", variant,
    ]  # fmt: skip


def _environment(source: Path | None) -> dict[str, str]:
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    there = {} if source is None else {"PYTHONPATH": str(source.resolve())}
    return {**os.environ, **offline, **there, "PYTHONWARNINGS": "ignore"}
