"""What came back from a GPU machine, as tables of benchmarks/README.md: `make gpu-results`.

Also keeps it as results/gpu.json, and what `edgeft bench` said there as results/bench-gpu.json,
which `edgeft report` reads.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.compare import RESULTS
from benchmarks.gpu import kit
from benchmarks.gpu.machine import STEPS
from benchmarks.gpu.steps import GRAPHS, PLAIN
from benchmarks.tables import replace_table

__all__ = ["Bar", "bars", "latencies", "main"]

README = RESULTS.parent / "README.md"
TABLE = "gpu"
OURS, UNBOUND = "fp16", "fp16 unbound"
CPU = ("cpu fp32", "cpu int8")
MOST_POINTS = 0.5  # that fp16 may lose, as in export


@dataclass(frozen=True)
class Bar:
    """A figure in relation to another's, and what was to be reached; None where it wasn't measured.

    ``quicker``: how many times as quick; else a share of the other's time.
    """

    what: str
    ratio: float | None
    wanted: float
    quicker: bool = False

    @property
    def row(self) -> str:
        """A line of the table."""
        bar = f"at {'least' if self.quicker else 'most'} {self.wanted:g}"
        if self.ratio is None:
            return f"| {self.what} | not measured | {bar} | |"
        met = self.ratio >= self.wanted if self.quicker else self.ratio <= self.wanted
        return f"| {self.what} | {self.ratio:.2f} | {bar} | {'yes' if met else 'no'} |"


class Figures:
    """The figures of all steps that were run."""

    def __init__(self, records: Sequence[dict[str, Any]]) -> None:
        self.records = list(records)
        self.all = [one for record in records for one in record.get("figures", [])]

    def having(self, *keys: str) -> list[dict[str, Any]]:
        """Those that tell of all these."""
        return [one for one in self.all if all(key in one for key in keys)]

    def times(self, model: str, side: str) -> dict[tuple[int, int], float]:
        """Milliseconds (p50) of each length and batch."""
        return {
            (one["length"], one["batch"]): one["p50_ms"]
            for one in self.having("p50_ms")
            if (one["model"], one["side"]) == (model, side)
        }

    def sides(self, model: str) -> list[str]:
        """Those that gave times, in their order."""
        return list(
            dict.fromkeys(one["side"] for one in self.having("p50_ms") if one["model"] == model)
        )


def main(arguments: Sequence[str]) -> None:
    """Keep the results and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu results", description=__doc__)
    parser.add_argument("folder", type=Path, help="what came back: devices.json and others")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--readme", type=Path, default=README)
    chosen = parser.parse_args(arguments)
    records = read(chosen.folder)
    known = chosen.results / "gpu.json"
    before = json.loads(known.read_text(encoding="utf-8")) if known.exists() else []
    for record in records:
        for one in record.get("figures", []):
            if one.get("document"):
                _keep(chosen.results / "bench-gpu.json", one.pop("document"))
    records = merged(before, records)
    _keep(known, records)
    replace_table(chosen.readme, TABLE, page(Figures(records)))


def merged(
    before: Sequence[dict[str, Any]], records: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The steps that ran now, and of those that did not what was measured before."""
    found = {one["step"]: one for one in (*before, *records)}
    return [found[step.name] for step in STEPS if step.name in found]


def read(folder: Path) -> list[dict[str, Any]]:
    """The steps' records, in the steps' order. SystemExit where none is there or one is broken."""
    found = [
        folder / f"{step.name}.json" for step in STEPS if (folder / f"{step.name}.json").exists()
    ]
    if not found:
        raise SystemExit(f"{folder} holds no step's results, such as {STEPS[0].name}.json.")
    try:
        return [json.loads(path.read_text(encoding="utf-8")) for path in found]
    except ValueError as error:
        raise SystemExit(f"A step's results in {folder} cannot be read: {error}.") from error


def page(figures: Figures) -> str:
    """All tables, with what ran and what did not."""
    devices = {record["device"] for record in figures.records if "device" in record}
    steps = ", ".join(
        f"{record['step']} {record['outcome']} ({record['seconds']:.0f} s)"
        for record in figures.records
    )
    machine = next((one["machine"] for one in figures.having("machine")), None)
    parts = [
        f"{_machine(machine)}; device {', '.join(sorted(devices))}. Steps: {steps}.",
        "\n".join(["| what | ratio | bar | met |", "| --- " * 4 + "|",
                   *(one.row for one in bars(figures))]),
        *(latencies(figures, model) for model in kit.MODELS if figures.sides(model)),
        *_others(figures),
        *_training(figures),
        *_answers(figures),
    ]  # fmt: skip
    return "\n" + "\n\n".join(parts) + "\n"


def bars(figures: Figures) -> list[Bar]:
    """What was to be reached; ratios are medians over lengths, of each model."""
    found = []
    for model in kit.MODELS:
        torch = next((one for one in figures.sides(model) if one.endswith("sdpa")), "torch sdpa")
        ours, theirs = figures.times(model, OURS), figures.times(model, torch)
        found += [
            Bar(f"{model}: p50 of single texts, {OURS} of {torch}", _singles(ours, theirs), 0.6),
            Bar(f"{model}: texts/s at the best batch, {OURS} of {torch}",
                _ratio(_best(ours), _best(theirs)), 1.2, quicker=True),
            Bar(f"{model}: p50 of single texts, CUDA graphs of plain",
                _singles(figures.times(model, GRAPHS), figures.times(model, PLAIN)), 0.8),
            Bar(f"{model}: p50 of single texts, bound of unbound",
                _singles(ours, figures.times(model, UNBOUND)), 1.0),
        ]  # fmt: skip
    rows = {one["data"]: one["time_ratio"] for one in figures.having("time_ratio")}
    found += [Bar(f"training on {name}, time of the Trainer's", rows[name], 0.6) for name in rows]
    lost = _lost(figures)
    found.append(Bar("points of accuracy that fp16 loses to the CPU's fp32", lost, MOST_POINTS))
    return found


def latencies(figures: Figures, model: str) -> str:
    """Single texts, the best batch, and the batch from which the GPU is quicker."""
    sides = figures.sides(model)
    lengths = sorted({length for side in sides for length, _ in figures.times(model, side)})
    lines = [
        f"{model}: ms of a single text (p50), and texts/s at the best batch",
        "",
        "| side | " + " | ".join(f"{length} tokens" for length in lengths) + " |",
        "| --- " * (len(lengths) + 1) + "|",
    ]
    for side in sides:
        times = figures.times(model, side)
        best = _best(times)
        cells = [
            f"{_shown(times.get((length, 1)))} ms, {_shown(best.get(length))}/s"
            for length in lengths
        ]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    crossing = [f"{at} at {length} tokens" for length, at in _crossing(figures, model)]
    if crossing:
        lines += ["", f"Quicker than the CPU's best from a batch of: {', '.join(crossing)}."]
    return "\n".join(lines)


def _crossing(figures: Figures, model: str) -> Iterator[tuple[int, str]]:
    ours = figures.times(model, OURS)
    cpu = [times for side in CPU if (times := figures.times(model, side))]
    for length in sorted({length for length, _ in ours}):
        batches = sorted(batch for one, batch in ours if one == length)
        known = [b for b in batches if any((length, b) in times for times in cpu)]
        quicker = [
            batch for batch in known
            if ours[length, batch] < min(t[length, batch] for t in cpu if (length, batch) in t)
        ]  # fmt: skip
        if known:
            yield length, str(quicker[0]) if quicker else "none"


def _others(figures: Figures) -> Iterator[str]:
    rows = figures.having("other")
    if not rows:
        return
    lines = ["| model | device | variant | score | inputs/s | nodes |", "| --- " * 6 + "|"]
    for one in rows:
        if "skipped" in one:
            continue
        if "error" in one:
            cells = [f"**{one['error']}**", "", ""]
        else:
            told = ", ".join(f"{name} {score:.4f}" for name, score in one.get("scores", {}).items()
                             if name in ("entity_f1", "exact_match", "f1", "accuracy"))  # fmt: skip
            nodes = ", ".join(f"{at} {count}" for at, count in one.get("nodes", {}).items())
            cells = [told or f"batch {one['batch']}", _shown(one["inputs_per_s"]), nodes]
        lines.append(f"| {one['other']} | {one['device']} | {one['variant']} | "
                     f"{' | '.join(cells)} |")  # fmt: skip
    yield "\n".join(lines)
    for one in figures.having("together"):
        found = one["together"]
        yield (
            f"100 questions over one context of 3,000 words, {one['variant']} on {one['device']}: "
            f"{found['together_s']:.2f} s in one call, {found['alone_s']:.2f} s one at a time, "
            f"{found['alone_s'] / found['together_s']:.1f} times as quick."
        )


def _training(figures: Figures) -> Iterator[str]:
    rows = figures.having("edgeft_s", "ordinary_s")
    if not rows:
        return
    peak = next((one["peak"]["operations_per_s"] for one in figures.having("peak")), None)
    lines = ["| data | rows | epochs | edgeft | Trainer | accuracy | Trainer's | of the peak |",
             "| --- " * 8 + "|"]  # fmt: skip
    for one in rows:
        share = (
            f"{100 * one['operations'] / one['edgeft_s'] / peak:.1f}%"
            if peak and one.get("operations") else ""
        )  # fmt: skip
        lines.append(
            f"| {one['data']} | {one['rows']['train']:,} | {one['epochs']} | "
            f"{one['edgeft_s']:.1f} s | {one['ordinary_s']:.1f} s | {one['edgeft_accuracy']:.4f} | "
            f"{one['ordinary_accuracy']:.4f} | {share} |"
        )
    yield "\n".join(lines)
    yield (
        "Both start from the checkpoint that was carried, which was fine-tuned before on the first "
        "data that were given."
    )


def _answers(figures: Figures) -> Iterator[str]:
    told = [
        f"{one['variant']} on {one['device']} {accuracy:.4f}" for one, accuracy in _scores(figures)
    ]
    if told:
        yield f"Accuracy on the rows that training did not see: {', '.join(told)}."
    for one in figures.having("without_gpu"):
        found = one["without_gpu"]
        yield f"A GPU that was taken away: {'an error' if found['status'] else '**no error**'}."


def _scores(figures: Figures) -> Iterator[tuple[dict[str, Any], float]]:
    for one in figures.having("eval"):
        yield one, one["eval"]["variants"][one["variant"]]["accuracy"]


def _lost(figures: Figures) -> float | None:
    found = {(one["device"] == "cpu", one["variant"]): score for one, score in _scores(figures)}
    whole = found.get((True, "fp32"))
    half = found.get((False, "fp16"), found.get((True, "fp16")))
    return None if whole is None or half is None else 100 * (whole - half)


def _singles(
    ours: dict[tuple[int, int], float], theirs: dict[tuple[int, int], float]
) -> float | None:
    return _ratio(*({length: ms for (length, batch), ms in side.items() if batch == 1}
                    for side in (ours, theirs)))  # fmt: skip


def _best(times: dict[tuple[int, int], float]) -> dict[int, float]:
    """Texts a second at each length's best batch."""
    found: dict[int, float] = {}
    for (length, batch), ms in times.items():
        found[length] = max(found.get(length, 0.0), 1e3 * batch / ms)
    return found


def _ratio(ours: dict[int, float], theirs: dict[int, float]) -> float | None:
    ratios = [ours[length] / theirs[length] for length in ours if length in theirs]
    return median(ratios) if ratios else None


def _machine(machine: dict[str, Any] | None) -> str:
    if machine is None:
        return "A machine that is not told of"
    gpus = ", ".join(gpu["name"] for gpu in machine["gpus"]) or "no GPU"
    return f"{gpus}; {machine['usable_cores']} cores of {machine['cpu']}"


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _keep(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
