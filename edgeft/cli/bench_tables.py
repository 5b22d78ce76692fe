"""The tables of edgeft bench, from its JSON document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgeft.cli import console

__all__ = ["show", "show_against"]

Row = Mapping[str, Any]
# Parts of a cell's name that stand in the table where not all cells have the same.
CHOICES = {"threads": "threads", "batch_tokens": "batch", "length": "length"}


def show(document: Row) -> None:
    """Print a result: the tables, what failed, what it means, and how it was measured."""
    cells = document["cells"]
    done = [cell for cell in cells if "error" not in cell]
    head = [name for name in CHOICES if len({cell[name] for cell in cells}) > 1]
    _table("Speed", cells, head, _SPEED)
    if done:
        _table("Cost and quality", done, head, _COST)
        _table("Where the time goes", done, head, _TIME)
    if any(cell["trials"] for cell in done):
        _show_trials(done)
    for cell in cells:
        if "error" in cell:
            console.print_lines(f"{cell['name']} failed: {cell['error']}".splitlines())
    console.print_lines(f"{cell['name']}: {cell['verdict']}." for cell in done)
    console.print_lines(document["verdicts"])
    console.print_lines(f"Warning: {one}" for one in document["warnings"])
    texts = document["texts"]
    console.print_lines([
        "",
        f"Machine: {document['machine_summary']}",
        f"Texts: {texts['count']} ({texts['source']}), tokens p50 {texts['tokens_p50']}, "
        f"p90 {texts['tokens_p90']}, longest {texts['tokens_max']}; {texts['truncated']} cut",
        f"Energy: {_energy(done)}",
        f"Method: {document['method']}",
    ])  # fmt: skip


def show_against(comparison: Row) -> None:
    """Print what is faster or slower than before."""
    if not comparison["figures"]:
        console.print_lines([
            f"Against the older file: cannot tell. {comparison['unlike'] or 'No cell is in both.'}"
        ])  # fmt: skip
        return
    columns = ("cell", "figure", "before", "now", "times the time", "95%", "verdict")
    rows = [
        (
            one["cell"],
            one["figure"],
            f"{one['before']:.4g}",
            f"{one['now']:.4g}",
            f"{one['time_ratio']:.3f}",
            "" if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}",
            one["verdict"],
        )
        for one in comparison["figures"]
    ]
    console.print_table("Against the older file", columns, rows)
    if comparison["only_in_one"]:
        console.print_lines([f"Not compared: {'; '.join(comparison['only_in_one'])}."])


def _table(
    title: str,
    cells: Sequence[Row],
    head: Sequence[str],
    columns: Mapping[str, Callable[[Row], str]],
) -> None:
    names = ["device", "variant", *(CHOICES[name] for name in head)]
    rows = []
    for cell in cells:
        first = [cell["device"], cell["variant"], *(_plain(cell[name]) for name in head)]
        figures = (
            [""] * len(columns) if "error" in cell else [make(cell) for make in columns.values()]
        )
        rows.append([*first, *figures])
    kept = [at for at in range(len(names) + len(columns))
            if at < len(names) or any(row[at] for row in rows)]  # fmt: skip
    console.print_table(
        title, [[*names, *columns][at] for at in kept], [[row[at] for at in kept] for row in rows]
    )


def _show_trials(cells: Sequence[Row]) -> None:
    columns = ("cell", "arrivals/s", "p50 ms", "p99 ms", "goodput/s", "refused")
    rows = [
        (
            cell["name"],
            f"{one['rate_texts_per_s']:.0f}",
            _plain(one["p50_ms"], 1),
            _plain(one["p99_ms"], 1),
            f"{one['goodput_texts_per_s']:.0f}",
            one["refused"],
        )
        for cell in cells
        for one in sorted(cell["trials"], key=lambda one: float(one["rate_texts_per_s"]))
    ]
    console.print_table("Texts that arrive by chance", columns, rows)
    for cell in cells:
        if cell["highest_rate"]:
            rate = _interval(cell["highest_rate"], 0)
            console.print_lines([f"{cell['name']}: keeps the bound up to {rate} texts a second."])


def _plain(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _interval(figure: Row | None, digits: int, scale: float = 1.0) -> str:
    if not figure:
        return ""
    middle = f"{figure['median'] * scale:,.{digits}f}"
    if figure["low"] is None:
        return middle
    low, high = (f"{figure[end] * scale:,.{digits}f}" for end in ("low", "high"))
    return f"{middle} ({low} to {high})"


def _median(figure: Row | None, digits: int, scale: float = 1.0) -> str:
    return f"{figure['median'] * scale:,.{digits}f}" if figure else ""


def _percentile(name: str) -> Callable[[Row], str]:
    return lambda cell: "" if cell[name] is None else f"{cell[name]:.2f}"


def _share(cell: Row, split: str, part: str) -> str:
    return f"{cell[split][part]:.0%}" if part in cell[split] else ""


def _roof(name: str) -> Callable[[Row], str]:
    def told(cell: Row) -> str:
        roof = cell[name]
        return f"{roof['share']:.0%} of {roof['bound']}" if roof else ""

    return told


def _lost(cell: Row) -> str:
    quality = cell["quality"]
    if quality["drop_points"] is None:
        return ""
    return f"{quality['drop_points']:.2f} of {quality['drop_metric']}"


def _energy(cells: Sequence[Row]) -> str:
    names = {
        "rapl": "the CPU's packages (RAPL)",
        "nvml": "the GPU (NVML)",
        "battery": "the battery",
    }
    sources = {names[cell["energy_source"]] for cell in cells if cell["joules_per_1000"]}
    return f"of {' or '.join(sorted(sources))}" if sources else "not readable here"


def _joules(cell: Row) -> str:
    return f"{_median(cell['joules_per_1000'], 1)} {cell['energy_source']}" \
        if cell["joules_per_1000"] else ""  # fmt: skip


_SPEED: Mapping[str, Callable[[Row], str]] = {
    "p50 ms": lambda cell: _interval(cell["single_p50_ms"], 2),
    "p90 ms": _percentile("p90_ms"),
    "p99 ms": _percentile("p99_ms"),
    "p99.9 ms": _percentile("p99_9_ms"),
    "texts/s": lambda cell: _interval(cell["texts_per_s"], 0),
    "tokens/s": lambda cell: _median(cell["tokens_per_s"], 0),
    "first ms": lambda cell: _interval(cell["first_ms"], 0),
}
_COST: Mapping[str, Callable[[Row], str]] = {
    "peak MB": lambda cell: _median(cell["peak_rss_bytes"], 0, 1e-6),
    "file MB": lambda cell: f"{cell['file_bytes'] / 1e6:.1f}",
    "load ms": lambda cell: _median(cell["load_ms"], 0),
    "CPU s / 1,000": lambda cell: _median(cell["cpu_s_per_1000"], 2),
    "J / 1,000": _joules,
    "accuracy": lambda cell: (
        _plain(cell["quality"]["accuracy"], 4) if cell["quality"]["accuracy"] else ""
    ),
    "points lost": _lost,
    "same label": lambda cell: (
        "" if cell["label_agreement"] is None else f"{cell['label_agreement']:.2%}"
    ),
}
_TIME: Mapping[str, Callable[[Row], str]] = {
    "single: limit reached": _roof("single_roofline"),
    "tokenize": lambda cell: _share(cell, "single_split", "tokenize"),
    "run": lambda cell: _share(cell, "single_split", "run"),
    "decode": lambda cell: _share(cell, "single_split", "decode"),
    "all: limit reached": _roof("offline_roofline"),
    "GFLOP/s": lambda cell: (
        f"{cell['offline_roofline']['operations_per_s'] / 1e9:.0f}"
        if cell["offline_roofline"]
        else ""
    ),
    "padding": lambda cell: "" if cell["padding"] is None else f"{cell['padding']:.1%}",
    "wait": lambda cell: _share(cell, "offline_split", "wait"),
    "other": lambda cell: _share(cell, "offline_split", "other"),
}
