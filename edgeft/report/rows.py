"""Results as rows of figures, one for each mark of a chart; pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edgeft.bench.ceiling import arithmetic_of
from edgeft.bench.verdict import best_by_device, crossing
from edgeft.bench.wording import agreement_told, figure_of, kind_of

__all__ = [
    "PARTS",
    "MeasuredMachine",
    "cell_names",
    "crossings",
    "frontier",
    "kind_of_all",
    "latencies",
    "lengths",
    "machines_of",
    "of_several_tasks",
    "pareto",
    "roof_points",
    "roofs",
    "singles",
    "splits",
    "chosen_note",
    "throughputs",
    "throughputs_by_length",
    "unlikeness",
]

Row = dict[str, Any]
PARTS = ("tokenize", "wait", "run", "decode", "other")
ROOF_FROM, ROOF_TO, ROOF_STEPS = 1.0, 1e4, 25  # operations for each byte of weights


@dataclass(frozen=True)
class MeasuredMachine:
    """One document and the short name under which the page shows it."""

    name: str
    document: Mapping[str, Any]

    @property
    def cells(self) -> list[Mapping[str, Any]]:
        """The cells that have figures."""
        return [cell for cell in self.document["cells"] if "error" not in cell]


def machines_of(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> list[MeasuredMachine]:
    """Name each document, given as (file name, content), by its CPU and GPU."""
    names = []
    for _, document in documents:
        machine = document["machine"]
        gpus = "".join(f" + {gpu['name']}" for gpu in machine["gpus"])
        cores = machine["usable_cores"]
        names.append(f"{_short(machine['cpu'])}, {cores} core{'s' * (cores > 1)}{gpus}")
    machines: list[MeasuredMachine] = []
    for at, (name, (file, document)) in enumerate(zip(names, documents, strict=True)):
        if names.count(name) > 1:
            name = f"{name} ({file})"
        if name in [one.name for one in machines]:
            name = f"{name}, {at + 1}"
        machines.append(MeasuredMachine(name, document))
    return machines


def kind_of_all(machines: Sequence[MeasuredMachine]) -> str:
    """What was asked: "questions" where it was nothing else, or "texts"."""
    kinds = {kind_of(one.document) for one in machines}
    return kinds.pop() if len(kinds) == 1 else "texts"


def of_several_tasks(machines: Sequence[MeasuredMachine]) -> bool:
    """Whether answers agree in more senses than one, so that none can stand for all."""
    return len({agreement_told(cell)[0] for one in machines for cell in one.cells}) > 1


def singles(machine: MeasuredMachine) -> str:
    """The name of the scenario in which they come one by one."""
    return f"single {kind_of(machine.document)}"


def unlikeness(machines: Sequence[MeasuredMachine]) -> list[str]:
    """What differs between the documents beside the machine, and so forbids to compare them."""
    told = []
    for what, key in (("texts", "texts"), ("models", "bundle_digest")):
        values = [one.document.get(key) for one in machines]
        values = [one["sha256"] if isinstance(one, dict) else one for one in values]
        if len(set(values)) > 1:
            told.append(f"Not all of these measured the same {what}: compare within one of them.")
    return told


def cell_names(machines: Sequence[MeasuredMachine]) -> list[str]:
    """The names under which cells are drawn, each once, so that they keep their colours."""
    return list(dict.fromkeys(_name(cell, one) for one in machines for cell in one.cells))


def latencies(machine: MeasuredMachine) -> list[Row]:
    """The percentiles 1 to 99 of each cell's single texts, as they are."""
    return [
        {"cell": _name(cell, machine), "share": share, "ms": time_ms}
        for cell in _as_they_are(machine)
        for share, time_ms in enumerate(cell["quantiles_ms"][:99], start=1)
    ]


def throughputs(machines: Sequence[MeasuredMachine], *, whole: bool) -> list[Row]:
    """Texts a second, with its interval: of the whole matrix, or of texts as they are."""
    return [
        {
            "machine": machine.name,
            "cell": f"{cell['variant']} on {cell['device']}",
            "name": _name(cell, machine),
            "threads": cell["threads"],
            "batch": cell["batch_tokens"],
            "length": cell["length"],
            **_interval(cell["texts_per_s"]),
        }
        for machine in machines
        for cell in (machine.cells if whole else _as_they_are(machine))
        if cell["texts_per_s"]
    ]


def frontier(machines: Sequence[MeasuredMachine]) -> list[Row]:
    """Time, quality and size of each cell.

    Quality is the metric that the export measured, where every bundle tells the same one;
    else how far the answers are fp32's, where all are of one task. The two are never mixed.
    """
    cells = [(machine, cell) for machine in machines for cell in _as_they_are(machine)
             if cell["single_p50_ms"]]  # fmt: skip
    figures = [figure_of(cell["quality"]) for _, cell in cells]
    metrics = {metric for metric, _ in figures}
    told = len(metrics) == 1 and all(figure is not None for _, figure in figures)
    same = [agreement_told(cell) for _, cell in cells]
    if not told and of_several_tasks(machines):
        return []
    words = metrics.pop() if told else "".join({f"{alike} as fp32" for alike, _ in same})
    return [
        {
            "machine": machine.name,
            "cell": _name(cell, machine),
            "variant": cell["variant"],
            "ms": cell["single_p50_ms"]["median"],
            "quality": quality,
            "metric": words,
            "MB": cell["file_bytes"] / 1e6,
        }
        for (machine, cell), (_, figure), (_, share) in zip(cells, figures, same, strict=True)
        if (quality := figure if told else share) is not None
    ]


def lengths(machine: MeasuredMachine) -> list[Row]:
    """Single-text p50 of each cell by the length of its texts.

    Where lengths were set, those; batches do not touch single texts, so of several
    sizes the first stands for all. Else texts as they are, in buckets of like length,
    each drawn at its upper end.
    """
    found: dict[tuple[Any, ...], Row] = {}
    for cell in machine.cells:
        if cell["length"] is None or not cell["single_p50_ms"]:
            continue
        name = _name(cell, machine)
        row = {"device": cell["device"], "cell": name, "tokens": cell["length"]}
        found.setdefault((name, cell["length"]), row | _interval(cell["single_p50_ms"]))
    if found:
        return list(found.values())
    return [
        {"device": cell["device"], "cell": _name(cell, machine), "tokens": bucket["tokens"],
         "value": bucket["p50_ms"], "low": bucket["p50_ms"], "high": bucket["p50_ms"]}
        for cell in _as_they_are(machine)
        for bucket in cell["buckets"]
    ]  # fmt: skip


def throughputs_by_length(machine: MeasuredMachine) -> list[Row]:
    """Texts a second of each cell and size of batch, where lengths were set."""
    return [
        {
            "device": cell["device"],
            "cell": _name(cell, machine)
            + (f", {cell['batch_tokens']} tokens" if cell["batch_tokens"] else ""),
            "tokens": cell["length"],
            **_interval(cell["texts_per_s"]),
        }
        for cell in machine.cells
        if cell["length"] is not None and cell["texts_per_s"]
    ]


def chosen_note(machine: MeasuredMachine) -> str:
    """Which texts and batches stand for the machine where none are as they are; "" if some are."""
    first = next(iter(_as_they_are(machine)), None)
    parts = []
    if first is not None and first["length"] is not None:
        parts.append(f"{kind_of(machine.document)} of {first['length']} tokens")
    if first is not None and first["batch_tokens"] is not None:
        parts.append(f"batches of {first['batch_tokens']} tokens")
    return f" Shown are {', '.join(parts)}." if parts else ""


def crossings(rows: Sequence[Row]) -> list[Row]:
    """Where one device overtakes another, each by its quickest variant."""
    best = best_by_device((row["device"], row["tokens"], row["value"]) for row in rows)
    found = []
    for one in best:
        for other in best:
            at = crossing(best[one], best[other]) if one != other else None
            if at is not None:
                sentence = f"{other} overtakes {one} at {at:.0f} tokens."
                found.append({"tokens": at, "label": f"{at:.0f} tokens", "sentence": sentence})
    return found


def roof_points(machine: MeasuredMachine) -> list[Row]:
    """Where each cell lies under the roof, single texts and batches."""
    return [
        {
            "cell": _name(cell, machine),
            "scenario": scenario,
            "intensity": roof["intensity"],
            "flops": roof["operations_per_s"] / 1e9,
            "reached": roof["share"],
        }
        for cell in _as_they_are(machine)
        for scenario, name in (
            (singles(machine), "single_roofline"),
            ("batches", "offline_roofline"),
        )
        if (roof := cell[name])
    ]


def roofs(machine: MeasuredMachine) -> list[Row]:
    """The limits that were measured: a line for each device, precision and number of threads."""
    seen: dict[str, tuple[float, float]] = {}
    for cell in _as_they_are(machine):
        roof = cell["single_roofline"] or cell["offline_roofline"]
        if roof:
            name = (
                f"{arithmetic_of(cell['precision'])} on {cell['device']}{_threads(cell, machine)}"
            )
            seen.setdefault(name, (roof["peak_operations_per_s"], roof["peak_bytes_per_s"]))
    points = [row["intensity"] for row in roof_points(machine)]
    furthest = max(ROOF_TO, 2 * max(points, default=0.0))
    return [
        {"roof": name, "intensity": at, "flops": min(peak, at * bandwidth) / 1e9}
        for name, (peak, bandwidth) in seen.items()
        for at in _steps(peak / bandwidth, furthest)
    ]


def splits(machine: MeasuredMachine) -> list[Row]:
    """The shares of the time, for single texts and for all in one call."""
    return [
        {
            "cell": _name(cell, machine),
            "scenario": scenario,
            "part": part,
            "order": PARTS.index(part),
            "share": share,
        }
        for cell in _as_they_are(machine)
        for scenario, split in ((singles(machine), "single_split"), ("batches", "offline_split"))
        for part, share in cell[split].items()
    ]


def pareto(rows: Sequence[Row]) -> list[Row]:
    """The rows that no other beats in both time and quality, the quickest first."""
    ordered = sorted(rows, key=lambda row: (row["ms"], -row["quality"]))
    kept: list[Row] = []
    for row in ordered:
        if not kept or row["quality"] > kept[-1]["quality"]:
            kept.append(row)
    return kept


def _as_they_are(machine: MeasuredMachine) -> list[Mapping[str, Any]]:
    """The cells of texts as they are, in batches that suit the device.

    Where there are none, those of the middle length and of the largest batches
    stand for them, so that a chart shows devices and variants, not the whole matrix.
    """

    measured = sorted({cell["length"] for cell in machine.cells if cell["length"] is not None})
    batches = [cell["batch_tokens"] for cell in machine.cells]
    length = None
    if measured and all(cell["length"] is not None for cell in machine.cells):
        length = measured[len(measured) // 2]
    batch = None if None in batches else max(batches, default=None)
    return [
        cell for cell in machine.cells if (cell["length"], cell["batch_tokens"]) == (length, batch)
    ]


def _name(cell: Mapping[str, Any], machine: MeasuredMachine) -> str:
    """Variant and device, and the threads where not all cells have the same."""
    return f"{cell['variant']} on {cell['device']}{_threads(cell, machine)}"


def _threads(cell: Mapping[str, Any], machine: MeasuredMachine) -> str:
    if len({one["threads"] for one in machine.cells}) == 1:
        return ""
    return f", {cell['threads']} thread{'s' * (cell['threads'] > 1)}"


def _interval(figure: Mapping[str, Any]) -> Row:
    middle = figure["median"]
    low = middle if figure["low"] is None else figure["low"]
    high = middle if figure["high"] is None else figure["high"]
    return {"value": middle, "low": low, "high": high, "confidence": figure["confidence"]}


def _steps(ridge: float, furthest: float) -> list[float]:
    """Points of a roof, evenly on a logarithmic scale, the ridge among them."""
    ratio = (furthest / ROOF_FROM) ** (1 / (ROOF_STEPS - 1))
    points = [ROOF_FROM * ratio**at for at in range(ROOF_STEPS)]
    if any(low < ridge < high for low, high in pairwise(points)):
        points = sorted([*points, ridge])
    return points


def _short(cpu: str) -> str:
    for word in ("(R)", "(TM)", " Processor", " CPU"):
        cpu = cpu.replace(word, "")
    return cpu.partition(" @")[0].strip()
