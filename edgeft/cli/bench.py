"""edgeft bench: how fast, how big and how alike the variants are on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.bench.run import BenchResult
    from edgeft.bench.verdict import CellResult

COLUMNS = (
    "device", "variant", "p50 ms", "p90 ms", "p99 ms", "texts/s", "load ms", "first ms",
    "peak MB", "file MB", "same label as fp32",
)  # fmt: skip


@click.command()
@options.bundle
@click.option("--data", type=options.FILE, help="File of texts.  [default: built-in texts]")
@options.text_column
@click.option(
    "--device", "devices", multiple=True, metavar="NAME",
    help="Device, such as cpu or cuda:1; may be repeated.  [default: all that load]",
)  # fmt: skip
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME",
    help="fp32, int8, fp16 …; may be repeated.  [default: all that suit the device]",
)  # fmt: skip
@options.threads
@click.option(
    "--samples", type=click.IntRange(min=1), default=300, show_default=True,
    help="Single texts to time.",
)  # fmt: skip
@click.option(
    "--rounds", type=click.IntRange(min=1), default=3, show_default=True,
    help="Fresh processes for each variant and device.",
)  # fmt: skip
@click.option("--save", is_flag=True, help="Let `auto` choose by these figures on this machine.")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    bundle: Path,
    data: Path | None,
    text_column: str | None,
    devices: tuple[str, ...],
    variants: tuple[str, ...],
    threads: int | None,
    samples: int,
    rounds: int,
    save: bool,
    as_json: bool,
) -> None:
    """Time each variant of BUNDLE on each device of this machine.

    Single texts one by one (p50, p90, p99) and all texts in one call (texts/s),
    tokenization included; the time to load; the time from the start of a fresh
    process to its first prediction; the peak of its memory (not a GPU's); and
    the share of texts that get the label that fp32 gives. Exit status 1 if a
    variant failed.
    """
    from edgeft.bench.run import BenchConfig, bench, save_result

    config = BenchConfig(
        bundle=bundle,
        data=data,
        text_column=text_column,
        devices=devices,
        variants=variants,
        threads=threads,
        samples=samples,
        rounds=rounds,
    )
    with console.show_progress() as progress:
        result = bench(config, progress)
    if as_json:
        console.print_json(result.to_dict())
    else:
        show(result)
    if save and any(cell.measured for cell in result.cells):
        console.note(f"Saved for --variant auto: {save_result(result)}")
    if any(cell.error for cell in result.cells):
        ctx.exit(1)


def show(result: "BenchResult") -> None:
    """Print a result: the table, what failed, what it means, and how it was measured."""
    texts = result.texts
    console.print_table("Benchmark", COLUMNS, map(_row, result.cells))
    for cell in result.cells:
        if cell.error:
            failed = f"{cell.variant} on {cell.device} failed: {cell.error}"
            console.print_lines(failed.splitlines())
    console.print_lines(result.verdicts)
    console.print_lines(f"Warning: {one}" for one in result.warnings)
    console.print_lines([
        "",
        f"Machine: {result.machine.summary()}",
        f"Texts: {texts.count} ({texts.source}), tokens p50 {texts.tokens_p50}, "
        f"p90 {texts.tokens_p90}, longest {texts.tokens_max}; {texts.truncated} cut",
        f"Method: {result.method()}",
    ])  # fmt: skip


def _row(cell: "CellResult") -> tuple[str, ...]:
    one = cell.measured
    size = f"{cell.file_bytes / 1e6:.1f}"
    if one is None:
        return (cell.device, cell.variant, *[""] * 7, size, "")
    peak = "" if one.peak_rss_bytes is None else f"{one.peak_rss_bytes / 1e6:.0f}"
    return (
        cell.device,
        cell.variant,
        f"{one.latency.p50_ms:.2f}",
        f"{one.latency.p90_ms:.2f}",
        f"{one.latency.p99_ms:.2f}",
        f"{one.texts_per_s:,.0f}",
        f"{one.load_ms:.0f}",
        f"{one.first_ms:.0f}",
        peak,
        size,
        "" if cell.agreement is None else f"{cell.agreement:.2%}",
    )
