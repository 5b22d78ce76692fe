"""edgeft report: results of edgeft bench as one page to look at."""

import shlex
from pathlib import Path

import click

from edgeft.cli import console, options


@click.command()
@click.argument("results", type=options.FILE, nargs=-1, required=True, metavar="RESULTS.json...")
@click.option(
    "-o", "--out", type=options.OUT, default="report.html", show_default=True,
    help="The page to write.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing page.")
def command(results: tuple[Path, ...], out: Path, force: bool) -> None:
    """Draw RESULTS, documents of `edgeft bench -o`, on one page.

    Name one for each machine or run. The page needs no network: latency, throughput,
    accuracy against time and size, text lengths and where a GPU overtakes the CPU,
    roofline, where the time goes, the machines side by side, and the commands that
    made it. Takes pip install 'edgeft[report]'.
    """
    from edgeft.report.page import write_report

    names = " ".join(shlex.quote(path.name) for path in results)
    made_by = f"edgeft report {names} -o {shlex.quote(out.name)}"
    write_report(results, out, command=made_by, force=force)
    console.print_lines([f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB)."])
