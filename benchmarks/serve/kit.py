"""What the scripts share: the generator, texts with their right answers, and the options."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

import edgeft as runtime
from benchmarks.compare import RESULTS, ROOT, write_texts
from benchmarks.serve.servers import Server
from edgeft.bench.machine import describe_machine

__all__ = ["Claim", "Generator", "bundle_of", "claim", "generator", "loaded", "options", "save"]

NEAR = 1e-3  # below the best probability, a label counts as right too: rounding decides


class Generator:
    """The load generator, ready to be given jobs."""

    def __init__(self, asked: Path) -> None:
        """``asked``: the file of texts, as ``benchmarks.serve.load`` reads it."""
        self.asked = asked
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serve.load", str(asked)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._read(None)

    def ask(
        self, server: Server, do: str, *, progress: Callable[[int], None] | None = None, **job: Any
    ) -> dict[str, Any]:
        """Do one job against a server. ``progress`` is told how many answers there are."""
        assert self._process.stdin is not None
        whole = {"do": do, "port": server.port, "shape": server.shape, **job}
        cpu = server.cpu_seconds()
        self._process.stdin.write(json.dumps(whole) + "\n")
        self._process.stdin.flush()
        found = self._read(progress)
        return {**found, "server_cpu_s": server.cpu_seconds() - cpu}

    def _read(self, progress: Callable[[int], None] | None) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            found: dict[str, Any] = json.loads(line)
            if "progress" not in found:
                return found
            if progress is not None:
                progress(found["progress"])
        raise SystemExit(f"The load generator ended with status {self._process.wait()}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def generator(bundle: Path, chosen: argparse.Namespace, variant: str) -> "Iterator[Generator]":
    """The generator, for the texts of ``--data``, with what ``load(bundle).predict`` says of them.

    ``texts`` of ``chosen`` then names them.
    """
    with tempfile.TemporaryDirectory(prefix="edgeft-serve-") as folder:
        chosen.texts, path = write_texts(Path(folder), chosen.data, chosen.limit)
        texts = json.loads(path.read_text(encoding="utf-8"))
        labels, scores = [], []
        with runtime.load(bundle, device="cpu", variant=variant, threads=chosen.threads) as model:
            for one in model.predict(texts):
                least = one.score - NEAR
                labels.append([name for name, score in one.scores.items() if score >= least])
                scores.append(one.score)
        asked = Path(folder) / "asked.json"
        asked.write_text(
            json.dumps({"texts": texts, "labels": labels, "scores": scores}), encoding="utf-8"
        )
        with Generator(asked) as one:
            yield one


def loaded(
    load: Generator, server: Server, chosen: argparse.Namespace, *, seed: int, **job: Any
) -> dict[str, Any]:
    """So many clients ask ``chosen.requests`` texts in all; each round other ones, by ``seed``."""
    asked = {"clients": chosen.clients, "requests": chosen.requests, **job}
    return load.ask(server, "closed", seed=seed, **asked)


@dataclass(frozen=True)
class Claim:
    """A figure and its bar: the median over rounds, the least and the most of them."""

    what: str
    value: float
    least: float
    most: float
    bar: str
    met: bool
    values: tuple[float, ...]


def claim(
    what: str,
    values: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Claim:
    """A line of the table; without a bar it is met."""
    value = median(values)
    bar, met = "", True
    if at_least is not None:
        bar, met = f"at least {at_least:g}", value >= at_least
    elif at_most is not None:
        bar, met = f"at most {at_most:g}", value <= at_most
    return Claim(what, value, min(values), max(values), bar, met, tuple(values))


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that all scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path, help="what benchmarks.model made, or a bundle")
    parser.add_argument("--data", type=Path, help="file of texts; built-in ones by default")
    parser.add_argument("--limit", type=int, help="texts of it, evenly; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=2000, help="of each side in each round")
    parser.add_argument("--threads", type=int, default=2, help="of each model")
    parser.add_argument("-o", "--out", type=Path, help="file to keep; by default in results/")
    return parser


def bundle_of(folder: Path) -> Path:
    """The bundle itself, or the one in what benchmarks.model made."""
    return folder if (folder / "edgeft.json").exists() else folder / "bundle"


def save(
    name: str,
    claims: Sequence[Claim],
    chosen: argparse.Namespace,
    method: str | None,
    **more: Any,
) -> None:
    """Print a Markdown table, and keep all with the machine as JSON."""
    print("| what | median | least to most | bar | met |")
    print("| --- | --- | --- | --- | --- |")
    for one in claims:
        met = ("yes" if one.met else "no") if one.bar else ""
        span = f"{one.least:.4g} to {one.most:.4g}"
        print(f"| {one.what} | {one.value:.4g} | {span} | {one.bar} | {met} |")
    document = {
        "machine": describe_machine().to_dict(),
        "method": method,
        "texts": chosen.texts,
        "threads": chosen.threads,
        "clients": chosen.clients,
        "requests": chosen.requests,
        "claims": [asdict(one) for one in claims],
        **more,
    }
    path = chosen.out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
