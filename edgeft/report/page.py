"""The page of measurements: figures, tables, the machines and the commands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from edgeft import __version__
from edgeft.bench.against import read_result
from edgeft.bench.tables import kept_bounds, tables_of
from edgeft.bench.wording import (
    agreement_told,
    choices_of,
    figure_text,
    kind_of,
    lost_text,
    p99_text,
    texts_text,
)
from edgeft.folders import claim_file, write_file
from edgeft.report.charts import figures
from edgeft.report.rows import MeasuredMachine, machines_of, unlikeness
from edgeft.report.shell import html_table, is_page, sections, shell
from edgeft.tasks.task import Noun

__all__ = ["render", "write_report"]

CELLS, VERDICTS = Noun("cell", "cells"), Noun("verdict", "verdicts")
FEW = 8  # lines that are shown without being asked for


def write_report(results: Sequence[Path], out: Path, *, command: str, force: bool = False) -> None:
    """Write a page of the documents that ``edgeft bench --json`` gave.

    With ``force`` it replaces another such page. Raises DataError for another
    file, OutputError.
    """
    with claim_file(out, force=force, inputs=results, alike=is_page) as place:
        documents = [(path.stem, read_result(path)) for path in results]
        page = render(machines_of(documents), command)
        # Names of files and edited documents may hold what is no character.
        write_file(place, page.encode("utf-8", "replace").decode("utf-8"))


def render(machines: Sequence[MeasuredMachine], command: str) -> str:
    """The whole page. ``command`` is what made it."""
    found = figures(machines)
    names = list(dict.fromkeys(str(one.document["name"]) for one in machines))
    title = f"{' and '.join(names)}, measured"
    body = [*_verdicts(machines), *sections(found), *_machines(machines), *_how(machines, command)]
    return shell(title, _facts(machines), body, found)


def _facts(machines: Sequence[MeasuredMachine]) -> str:
    cells = sum(len(one.cells) for one in machines)
    count = Noun("machine", "machines").of(len(machines))
    tasks = dict.fromkeys(str(one.document["task"]) for one in machines if "task" in one.document)
    return ", ".join([*map(escape, tasks), count, CELLS.of(cells), f"edgeft {escape(__version__)}"])


def _verdicts(machines: Sequence[MeasuredMachine]) -> Iterator[str]:
    yield '<section id="verdicts"><h2>In short</h2>'
    yield from (f'<p class="warning">{escape(one)}</p>' for one in unlikeness(machines))
    for one in machines:
        yield f"<h3>{escape(one.name)}</h3>"
        chosen = choices_of(one.cells)
        columns = ["cell", *chosen.values(), *_columns(one)]
        yield _details(CELLS, len(one.cells))
        yield from html_table(
            columns, [_row(cell, chosen) for cell in one.cells], wraps=("points lost",)
        )
        sentences = list(_sentences(one))
        yield f"</details>{_details(VERDICTS, len(sentences))}<ul>"
        yield from (f"<li>{sentence}</li>" for sentence in sentences)
        yield "</ul></details>"
        yield "<details><summary>All figures</summary>"
        for table in tables_of(one.document):
            yield f"<h4>{escape(table.title)}</h4>"
            yield from html_table(table.columns, table.rows, wraps=("points lost",))
        yield "</details>"
        for warning in one.document["warnings"]:
            yield f'<p class="warning">{escape(warning)}</p>'
    yield "</section>"


def _details(what: Noun, count: int) -> str:
    """The beginning of a list that is folded where it is long."""
    return f"<details{' open' * (count <= FEW)}><summary>{what.of(count)}</summary>"


def _sentences(machine: MeasuredMachine) -> Iterator[str]:
    """What was concluded, the sentences on devices first, as HTML."""
    yield from map(escape, machine.document["verdicts"])
    yield from map(escape, kept_bounds(machine.document))
    for cell in machine.document["cells"]:
        text = cell.get("verdict") or f"failed: {cell.get('error', '')}"
        yield f"<b>{escape(cell['name'])}</b>: {escape(text)}."


def _machines(machines: Sequence[MeasuredMachine]) -> Iterator[str]:
    yield "<section><h2>The machines</h2>"
    facts = [_machine_facts(one) for one in machines]
    rows = [[name, *(one[name] for one in facts)] for name in facts[0]]
    yield from html_table(["", *(one.name for one in machines)], rows, kind="prose")
    yield "</section>"


def _how(machines: Sequence[MeasuredMachine], command: str) -> Iterator[str]:
    yield "<section><h2>How it was measured</h2>"
    for one in machines:
        yield f"<h3>{escape(one.name)}</h3>"
        yield f"<pre>{escape(one.document['command'])} -o RESULTS.json</pre>"
        yield f"<p>{escape(one.document['method'])}</p>"
    yield f"<h3>This page</h3><pre>{escape(command)}</pre></section>"


def _columns(machine: MeasuredMachine) -> list[str]:
    """The headings of ``_row``'s figures, in the words of the task."""
    alike = next((agreement_told(cell)[0] for cell in machine.cells), "")
    return ["p50 ms", "p99 ms", f"{kind_of(machine.document)}/s", "first ms", "peak MB", "file MB",
            "points lost", alike]  # fmt: skip


def _row(cell: Mapping[str, Any], chosen: Iterable[str]) -> list[str]:
    _, same = agreement_told(cell)
    return [
        f"{cell['variant']} on {cell['device']}",
        *("-" if cell[name] is None else str(cell[name]) for name in chosen),
        figure_text(cell["single_p50_ms"], 2),
        p99_text(cell),
        figure_text(cell["texts_per_s"], 0),
        figure_text(cell["first_ms"], 0),
        figure_text(cell["peak_rss_bytes"], 0, 1e-6, interval=False),
        f"{cell['file_bytes'] / 1e6:.1f}",
        lost_text(cell),
        "" if same is None else f"{same:.2%}",
    ]


def _machine_facts(one: MeasuredMachine) -> dict[str, str]:
    machine = one.document["machine"]
    memory = machine["memory_bytes"]
    packages = [f"{name} {version}" for name, version in machine["packages"].items()]
    roof = next((cell["offline_roofline"] or cell["single_roofline"] for cell in one.cells
                 if cell["precision"] == "fp32"), None)  # fmt: skip
    return {
        "CPU": machine["cpu"],
        "cores used, of all": f"{machine['usable_cores']} of {machine['host_cores']}",
        "features": ", ".join(machine["features"]),
        "memory": f"{memory / 2**30:.0f} GiB" if memory else "unknown",
        "GPU": ", ".join(gpu["name"] for gpu in machine["gpus"]) or "none",
        "system": f"{machine['system']}, Python {machine['python']}",
        "packages": ", ".join(packages),
        "fp32 at best": f"{roof['peak_operations_per_s'] / 1e9:,.0f} GFLOP/s"
        if roof
        else "unknown",
        "memory at best": f"{roof['peak_bytes_per_s'] / 1e9:,.1f} GB/s" if roof else "unknown",
        "task": one.document.get("task", "text-classification"),
        "asked": f"{kind_of(one.document)}: {texts_text(one.document['texts'])}",
    }
