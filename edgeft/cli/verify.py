"""edgeft verify: the export's checks again, on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.proof.finding import Finding
    from edgeft.tasks.task import Task


@click.command()
@options.bundle
@click.option(
    "--data", type=options.FILE, metavar="FILE",
    help="Texts to compare the variants on; labelled ones also score them.",
)  # fmt: skip
@options.data_columns
@options.checkpoint
@options.max_drop
@options.device
@options.threads
@options.as_json
def command(
    bundle: Path,
    data: Path | None,
    skip_bad: bool,
    checkpoint: Path | None,
    max_drop: float,
    device: str,
    threads: int | None,
    as_json: bool,
    **named: str | None,
) -> None:
    """Check BUNDLE's files, and its answers on this machine.

    Every file is compared with its sha256, and every variant answers its golden
    texts within the recorded tolerance. With --data the variants are compared
    with fp32, and a cascade with its full model. Labelled texts score their likeliest
    answers, and none may lose more than --max-drop points of its task's metrics, such
    as accuracy or F1; whether so many rows prove that is said. "As answered" is what
    predict answers where thresholds are recorded, a withheld answer being a wrong one.
    Without labels, nine in ten of fp32's clear answers must be the same. Exit status 3
    if a variant misses that.
    """
    from edgeft.bundle import read_manifest
    from edgeft.cli.trained import tell_trained
    from edgeft.data import Examples, OnBad, inputs_in
    from edgeft.errors import IntegrityError, UsageError
    from edgeft.proof.battery import hold, verify
    from edgeft.tasks import task_named
    from edgeft.tasks.reading import columns_named, read_examples_or_inputs

    if data is None and any(named.values()):
        raise UsageError("A column was named, but no --data.", hint="Add --data FILE.")
    record = read_manifest(bundle).model
    task = task_named(record.task, record.takes)
    columns = columns_named(named)
    on_bad: OnBad = "skip" if skip_bad else "error"
    texts = read_examples_or_inputs(data, task, columns, console.note, on_bad) if data else ()
    if isinstance(texts, Examples):
        task = task.judging(texts.truths)
    if checkpoint is not None:
        if data is None:
            raise UsageError("--checkpoint tells of --data, and there is none.")
        tell_trained(checkpoint, bundle, data, inputs_in(texts))
    with console.show_progress() as progress:
        results = verify(bundle, texts, device=device, threads=threads, progress=progress)
    if as_json:
        console.print_json({name: one.checked(max_drop) for name, one in results.items()})
    else:
        show(bundle, results, max_drop, task)
    failed = [name for name, one in results.items() if one.golden and not one.golden.passed]
    if failed:
        raise IntegrityError(
            f"{bundle}: on this machine {', '.join(failed)} does not answer as recorded.",
            hint="Use another variant with --variant, or export again on a CPU like this one.",
        )
    hold(results, max_drop)


def show(bundle: Path, results: "dict[str, Finding]", max_drop: float, task: "Task") -> None:
    """Print what was found, a row for each variant, and what is not proven."""
    from edgeft.proof.battery import FULL_MODEL, against
    from edgeft.proof.limits import EXACT

    whole = any(against(name) == FULL_MODEL for name in results)
    beside = " (a cascade's: as its full model)" * whole
    compared = any(one.agreement for one in results.values())
    rows = []
    for name, one in results.items():
        golden = ["-", "-", "-"]  # a cascade's are those of its stages
        if one.golden is not None:
            golden = [
                f"{one.golden.max_abs_difference:.2g}",
                f"{one.golden.tolerance:.2g}",
                "pass" if one.golden.passed else "FAIL",
            ]
        row = [name, one.device, *golden]
        if compared:
            row.append(f"{one.agreement.agreement:.2%}" if one.agreement else "-")
        rows.append(row)
    console.print_table(
        f"{bundle}",
        ["variant", "device", "golden difference", "tolerance", "golden"]
        + [f"{task.alike} as fp32{beside}"] * compared,
        rows,
    )
    if compared and task.alike_is:
        console.print_lines([f"{task.alike}: {task.alike_is}."])
    scored = [
        [
            name,
            *(f"{one.scores.figure(metric):.4f}" for metric in task.metrics),
            *(map(str, one.drop.losses) if one.drop else ("-" for _ in task.metrics)),
            *(f"{value:.3f}" for further, value in one.after.items() if further == "ece"),
        ]
        for name, one in results.items()
        if one.scores
    ]
    if scored:
        console.print_table(
            f"On their labels, points lost against fp32{beside}",
            [
                "variant",
                *task.metrics.values(),
                *(f"{metric} lost (95%)" for metric in task.metrics.values()),
                *["ECE"] * any("ece" in one.after for one in results.values()),
            ],
            scored,
        )
        if task.provided:
            console.print_lines([f"The intervals hold if {task.provided}."])
    for name, one in results.items():
        if one.drop and name not in EXACT and not one.drop.proven(max_drop):
            console.print_lines([f"{name}, against {against(name)}: {one.drop.sentence(max_drop)}"])
        elif one.clear and not one.drop and name not in EXACT:
            console.print_lines([f"{name}: {one.clear.sentence(against(name))}"])
        if one.stages:
            console.print_lines([f"{name}, answered by: {one.stages_told()}"])
        if one.outcome:
            console.print_lines([f"{name}, as answered: {', '.join(one.outcome_told(task))}"])
