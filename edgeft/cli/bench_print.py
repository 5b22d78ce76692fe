"""What edgeft bench prints, from its JSON document."""

from collections.abc import Mapping
from typing import Any

from edgeft.bench.tables import energy_source, kept_bounds, tables_of
from edgeft.bench.wording import kind_of, texts_text
from edgeft.cli import console

__all__ = ["show", "show_against"]

Row = Mapping[str, Any]


def show(document: Row) -> None:
    """Print a result: the tables, what failed, what it means, and how it was measured."""
    cells = document["cells"]
    for table in tables_of(document):
        console.print_table(table.title, table.columns, table.rows)
    console.print_lines(kept_bounds(document))
    for cell in cells:
        if "error" in cell:
            console.print_lines(f"{cell['name']} failed: {cell['error']}".splitlines())
    console.print_lines(
        f"{cell['name']}: {cell['verdict']}." for cell in cells if "error" not in cell
    )
    console.print_lines(document["verdicts"])
    console.print_lines(f"Warning: {one}" for one in document["warnings"])
    console.print_lines([
        "",
        f"Machine: {document['machine_summary']}",
        f"{kind_of(document).capitalize()}: {texts_text(document['texts'])}",
        f"Energy: {energy_source(document)}",
        *(["Slowed by heat: not readable here"] if document["disturbance"]["hot_events"] is None
          else []),
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
