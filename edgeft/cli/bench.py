"""edgeft bench: how fast, how big and how alike the variants are on this machine."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.runtime.cpu import MOST_THREADS

if TYPE_CHECKING:
    from edgeft.bench.matrix import BenchConfig

AGAIN = "Measure the old bundle here, with the same texts and options."
# Those of edgeft.bench.matrix, which would import numpy for a help page.
SCENARIOS = ("single-stream", "offline", "server", "cold-start")


EPILOG = """\b
Scenarios, after MLPerf, tokenization included:
  single-stream  single texts: p50 to p99.9, each only where there are
                 samples enough to tell it
  offline        all in one call: texts/s, tokens/s
  server         texts that arrive by chance, as --slo-ms or --rate asks
  cold-start     the start of the process to its first prediction

How sure: medians of the rounds, with the interval that holds the true median with 95%; "no clear
difference" where two cells cannot be told apart; warnings where the machine was busy, hot, out
of its CPU quota or shared, and a line where heat cannot be read.

What it costs: peak memory, the process's own and not a GPU's; bytes, CPU seconds and joules for
1,000 texts (RAPL, NVML, or a battery, which takes a minute more for each cell); points of
accuracy (entity F1, exact match) lost, and how far the answers are those of fp32 (same label, same
entities, same answer).

How near to the limit: useful operations at the texts' true lengths against this machine's own best
matrix product and memory, padding, and where the time goes. Then a verdict for each cell.

--save makes `auto` take the quickest on this machine, and fp32 where no other is clearly quicker.
--against says faster, slower or cannot tell.

The base install is enough, so it runs on the target; weights in a file of their own
(model.onnx_data) also take `pip install onnx`.

\b
  edgeft bench build/mine --device auto --threads 1 --threads 2 --slo-ms 100
"""


@click.command(epilog=EPILOG)
@options.bundle
@click.option(
    "--data", type=options.FILE,
    help="File of texts, tagged words, or questions with contexts.  [default: built-in ones]",
)  # fmt: skip
@options.text_column
@options.question_columns
@click.option(
    "--device", "devices", multiple=True, metavar="NAME",
    help="Device, such as cpu or cuda:1; may be repeated.  [default: all that load]",
)  # fmt: skip
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME",
    help="fp32, int8, fp16 …; may be repeated.  [default: all that suit the device]",
)  # fmt: skip
@click.option(
    "--threads", multiple=True, type=click.IntRange(1, MOST_THREADS),
    help="CPU threads; may be repeated.  [default: all usable cores]",
)  # fmt: skip
@click.option(
    "--batch-tokens", multiple=True, type=click.IntRange(min=1),
    help="Padded tokens in a batch; may be repeated.  [default: what suits the device]",
)  # fmt: skip
@click.option(
    "--length", "lengths", multiple=True, type=click.IntRange(min=4), metavar="TOKENS",
    help="Texts joined and cut to so many tokens, a question and its context together; may be "
    "repeated.  [default: as they are]",
)  # fmt: skip
@click.option(
    "--scenario", "scenarios", multiple=True, type=click.Choice(SCENARIOS),
    help="May be repeated.  [default: all but server, which --slo-ms or --rate adds]",
)  # fmt: skip
@click.option(
    "--slo-ms", type=options.Number(0, min_open=True),
    help="Find the highest rate of arrivals that keeps p99 within so many milliseconds.",
)  # fmt: skip
@click.option(
    "--rate", "rates", multiple=True, type=options.Number(0, min_open=True),
    help="Texts that arrive a second; may be repeated.",
)  # fmt: skip
@click.option(
    "--texts", type=click.IntRange(min=1),
    help="Texts to predict in one call, at most.  [default: some 65,536 tokens]",
)  # fmt: skip
@click.option(
    "--samples", type=click.IntRange(min=1), default=3000, show_default=True,
    help="Single texts to time, over all rounds.",
)  # fmt: skip
@click.option(
    "--rounds", type=click.IntRange(min=1), default=6, show_default=True,
    help="Fresh processes for each cell of the table.",
)  # fmt: skip
@click.option(
    "--seconds", type=options.Number(0, min_open=True), default=10.0, show_default=True,
    help="Of single texts in a round, at most, and of arrivals at each --rate.",
)  # fmt: skip
@click.option(
    "--timeout", "timeout_s", type=options.Number(0, min_open=True), default=600.0,
    show_default=True, metavar="SECONDS",
    help="End a process that has run no batch for so long; its cell has failed.",
)  # fmt: skip
@click.option("--save", is_flag=True, help="Let `auto` choose by these figures on this machine.")
@click.option(
    "--against", type=options.FILE, metavar="OLD.json",
    help="Say what is faster or slower than in an older --json document.",
)  # fmt: skip
@click.option(
    "--fail-slower", type=options.Number(0), metavar="PERCENT",
    help="Exit with 3 where the whole 95% interval of a figure is slower by more than that.",
)  # fmt: skip
@click.option("-o", "--out", type=options.OUT, help="Also keep the JSON document in a file.")
@click.option("--force", is_flag=True, help="Replace that file.")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    bundle: Path,
    seconds: float,
    save: bool,
    against: Path | None,
    fail_slower: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Time BUNDLE, or any exported ONNX folder, on this machine.

    Every combination of device, variant, threads, batch size and text length is a
    cell of the table. Each is measured in fresh processes that take turns in
    changing order, so that memory and cold start are its own and drift hits all
    alike. Exit status 1 if a cell failed, 3 if --fail-slower was not met.
    """
    from edgeft.bench.against import comparison_of, read_result
    from edgeft.bench.matrix import BenchConfig
    from edgeft.bench.run import bench, check_save, save_result
    from edgeft.folders import claim_file, write_json
    from edgeft.folders.kinds import read_object

    config = BenchConfig(
        bundle=bundle, most_s=seconds, **{**chosen, "scenarios": _scenarios(chosen)}
    )
    # What would be refused when all is measured is refused now.
    before = read_result(against) if against is not None else None
    if fail_slower is not None:
        _check_limit(before, config)
    if save:
        check_save(config)
    with ExitStack() as stack:
        place = None
        if out is not None:
            place = stack.enter_context(
                claim_file(
                    out,
                    force=force,
                    inputs=[one for one in (config.data, against) if one is not None],
                    models=[bundle],
                    alike=lambda path: "edgeft_bench" in (read_object(path) or {}),
                )
            )
        _tell_auto(config)
        with console.show_progress() as progress:
            result = bench(config, progress, console.note)
        document = result.to_dict()
        comparison = None
        if before is not None:
            comparison = document["against"] = comparison_of(document, before)
        try:
            if place is not None:  # first, since who reads what is printed may go away
                write_json(place, document)
            if save and not all(cell.error for cell in result.cells):
                saved = save_result(result)
                console.note(
                    f"Saved for --variant auto, which needs figures of two variants: {saved}"
                )
        finally:  # printed in any case, since the disk may be full
            _print(document, comparison, as_json)
    if any(cell.error for cell in result.cells):
        ctx.exit(1)
    if comparison is not None and fail_slower is not None:
        _hold(ctx, comparison, fail_slower)


def _scenarios(chosen: Mapping[str, Any]) -> tuple[str, ...]:
    if chosen["scenarios"]:
        return tuple(dict.fromkeys(chosen["scenarios"]))
    server = chosen["slo_ms"] is not None or bool(chosen["rates"])
    return tuple(name for name in SCENARIOS if name != "server" or server)


def _tell_auto(config: "BenchConfig") -> None:
    """Say what the device "auto" is, and why it is no GPU."""
    if "auto" not in config.devices:
        return
    from edgeft.runtime.providers import available_devices, resolve_device

    device = str(resolve_device("auto"))
    why = f", since CUDA does not load: {available_devices()['cuda']}" if device == "cpu" else "."
    console.note(f"The device auto is {device} here{why}")


def _print(
    document: Mapping[str, Any], comparison: Mapping[str, Any] | None, as_json: bool
) -> None:
    if as_json:
        console.print_json(document)
        return
    from edgeft.cli.bench_print import show, show_against

    show(document)
    if comparison is not None:
        show_against(comparison)


def _check_limit(before: Mapping[str, Any] | None, config: "BenchConfig") -> None:
    """Refuse a --fail-slower that no measurement on this machine could try."""
    from edgeft.bench.against import other_machine, tells_intervals
    from edgeft.bench.machine import describe_machine
    from edgeft.bench.statistics import FEWEST
    from edgeft.errors import DataError, UsageError

    if before is None:
        raise UsageError("--fail-slower has nothing to compare with.", hint="Add --against FILE.")
    if config.rounds < FEWEST:
        raise UsageError(
            f"--fail-slower cannot be tried with {config.rounds} rounds: no interval is told.",
            hint=f"Use --rounds {FEWEST} or more.",
        )
    if not tells_intervals(before):
        raise DataError(
            "--fail-slower cannot be tried: the older file was measured in too few rounds.",
            hint=AGAIN,
        )
    if reason := other_machine(describe_machine().to_dict(), before["machine"]):
        raise DataError(f"--fail-slower cannot be tried: {reason}", hint=AGAIN)


def _hold(ctx: click.Context, comparison: Mapping[str, Any], percent: float) -> None:
    """Exit with 3 where something is surely slower; a limit that cannot be tried is an error."""
    from edgeft.errors import DataError

    told = [one for one in comparison["figures"] if one["low"] is not None]
    if not told:
        reason = comparison["unlike"] or "no cell is in both with five rounds or more."
        raise DataError(
            f"--fail-slower could not be tried: {reason}",
            hint=AGAIN,
        )
    slow = [one for one in told if one["low"] > 1 + percent / 100]
    for one in slow:
        console.note(
            f"{one['cell']}: {one['figure']} takes {one['time_ratio']:.2f} times the time "
            f"({one['low']:.2f} to {one['high']:.2f}; allowed: {1 + percent / 100:.2f})."
        )
    if slow:
        ctx.exit(3)
