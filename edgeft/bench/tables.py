"""A result as tables of texts, the same on the terminal and on the page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeft.bench.wording import (
    agreement_told,
    choices_of,
    figure_of,
    figure_text,
    kind_of,
    lost_text,
    p99_text,
    stages_text,
)

__all__ = ["ResultTable", "energy_source", "kept_bounds", "tables_of"]

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], str]]


@dataclass(frozen=True)
class ResultTable:
    """Rows of as many texts as there are columns; "" where there is no figure."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(document: Row) -> Iterator[ResultTable]:
    """The tables of a JSON document, without columns and tables in which nothing stands."""
    cells = document["cells"]
    done = [cell for cell in cells if "error" not in cell]
    head = choices_of(cells)
    kind = kind_of(document)
    yield _table("Speed", cells, head, _renamed(_SPEED, {"texts/s": f"{kind}/s"}))
    for title, columns in (("Cost and quality", _cost(done)), ("Where the time goes", _TIME)):
        table = _table(title, done, head, columns)
        if len(table.columns) > len(_names(head)):
            yield table
    trials = [
        (
            cell["name"],
            f"{one['rate_texts_per_s']:.0f}",
            _plain(one["p50_ms"], 1),
            _plain(one["p99_ms"], 1),
            f"{one['goodput_texts_per_s']:.0f}",
            str(one["refused"]),
        )
        for cell in done
        for one in sorted(cell["trials"], key=lambda one: float(one["rate_texts_per_s"]))
    ]
    if trials:
        names = ("cell", "arrivals/s", "p50 ms", "p99 ms", "goodput/s", "refused")
        yield ResultTable(f"{kind.capitalize()} that arrive by chance", names, tuple(trials))


def _cost(cells: Sequence[Row]) -> Columns:
    """The columns of cost and quality, by the names that the task has for them."""
    named = {
        "figure": (figure_of(cell["quality"])[0] for cell in cells),
        "same": (agreement_told(cell)[0] for cell in cells),
    }
    return _renamed(_COST, {name: next(told, name) for name, told in named.items()})


def _renamed(columns: Columns, names: Mapping[str, str]) -> Columns:
    return {names.get(name, name): one for name, one in columns.items()}


def kept_bounds(document: Row) -> Iterator[str]:
    """Up to which rate of arrivals each cell keeps the bound, where that was sought."""
    for cell in document["cells"]:
        rate = cell.get("highest_rate")
        if rate is None:
            continue
        told = f"up to {figure_text(rate, 0)} {kind_of(document)} a second"
        if rate["median"] == 0:
            told = "at no rate that was tried"
        yield f"{cell['name']}: keeps the bound {told}."


def energy_source(document: Row) -> str:
    """Whose energy was counted, "not readable here" where none was."""
    names = {
        "rapl": "the CPU's packages (RAPL)",
        "nvml": "the GPU (NVML)",
        "battery": "the battery",
    }
    cells = [cell for cell in document["cells"] if cell.get("joules_per_1000")]
    sources = {names[cell["energy_source"]] for cell in cells}
    return f"of {' or '.join(sorted(sources))}" if sources else "not readable here"


def _names(head: Mapping[str, str]) -> list[str]:
    """The columns that tell cells apart."""
    return ["device", "variant", *head.values()]


def _table(
    title: str, cells: Sequence[Row], head: Mapping[str, str], columns: Columns
) -> ResultTable:
    names, rows = _names(head), []
    for cell in cells:
        first = [cell["device"], cell["variant"], *(_plain(cell[name]) for name in head)]
        failed = "error" in cell
        rows.append([*first, *("" if failed else make(cell) for make in columns.values())])
    kept = [at for at in range(len(names) + len(columns))
            if at < len(names) or any(row[at] for row in rows)]  # fmt: skip
    return ResultTable(
        title,
        tuple([*names, *columns][at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in rows),
    )


def _plain(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _median(figure: Row | None, digits: int, scale: float = 1.0) -> str:
    return figure_text(figure, digits, scale, interval=False)


def _percentile(name: str) -> Callable[[Row], str]:
    return lambda cell: "" if cell[name] is None else f"{cell[name]:.2f}"


def _share(cell: Row, split: str, part: str) -> str:
    return f"{cell[split][part]:.0%}" if part in cell[split] else ""


def _roof(name: str) -> Callable[[Row], str]:
    def told(cell: Row) -> str:
        roof = cell[name]
        return f"{roof['share']:.0%} of {roof['bound']}" if roof else ""

    return told


def _joules(cell: Row) -> str:
    return f"{_median(cell['joules_per_1000'], 1)} {cell['energy_source']}" \
        if cell["joules_per_1000"] else ""  # fmt: skip


_SPEED: Columns = {
    "p50 ms": lambda cell: figure_text(cell["single_p50_ms"], 2),
    "p90 ms": _percentile("p90_ms"),
    "p99 ms": p99_text,
    "p99.9 ms": _percentile("p99_9_ms"),
    "texts/s": lambda cell: figure_text(cell["texts_per_s"], 0),
    "tokens/s": lambda cell: _median(cell["tokens_per_s"], 0),
    "first ms": lambda cell: figure_text(cell["first_ms"], 0),
}
_COST: Columns = {
    "peak MB": lambda cell: _median(cell["peak_rss_bytes"], 0, 1e-6),
    "file MB": lambda cell: f"{cell['file_bytes'] / 1e6:.1f}",
    "load ms": lambda cell: _median(cell["load_ms"], 0),
    "CPU s / 1,000": lambda cell: _median(cell["cpu_s_per_1000"], 2),
    "J / 1,000": _joules,
    "figure": lambda cell: "" if (one := figure_of(cell["quality"])[1]) is None else _plain(one, 4),
    "points lost": lost_text,
    "answered by": lambda cell: stages_text(cell.get("stages", {})),
    "same": lambda cell: "" if (one := agreement_told(cell)[1]) is None else f"{one:.2%}",
}
_TIME: Columns = {
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
