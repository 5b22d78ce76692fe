"""edgeft cascade: several models in one bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line

if TYPE_CHECKING:
    from edgeft.cascade.run import CascadeResult


@click.command()
@click.argument("stages", nargs=-1, required=True, metavar="CHEAP... FULL")
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="BUNDLE", help="Folder to write."
)
@click.option(
    "--data", type=options.FILE, metavar="FILE",
    help="Texts that set the threshold. Without --test, one half of labelled ones does and the "
    "other reports.",
)  # fmt: skip
@click.option(
    "--test", type=options.FILE, metavar="FILE",
    help="Labelled texts that report, so that all of --data may set the threshold.",
)  # fmt: skip
@click.option(
    "--unlabelled", type=options.FILE, multiple=True, metavar="FILE",
    help="Further texts, by which --max-disagreement is tested; repeatable.",
)  # fmt: skip
@options.text_column
@options.label_column
@options.skip_bad
@click.option(
    "--max-disagreement", type=options.Number(0, 100), metavar="PERCENT",
    help="Of the answers no more may differ from FULL's; needs no labels.  [default: 1.0, where "
    "there are none and nothing else is asked for]",
)  # fmt: skip
@click.option(
    "--max-drop", type=options.Number(0, 100), metavar="POINTS",
    help="Of accuracy no more may be lost against FULL.  [default: 0.5, where there are labels and "
    "nothing else is asked for]",
)  # fmt: skip
@click.option(
    "--speedup", type=float, metavar="TIMES",
    help="The safest threshold that makes it so many times as fast as FULL on this machine; with a "
    "promise, of those that keep it.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the split of --data.")
@click.option("--force", is_flag=True, help="Replace BUNDLE if it exists, after success.")
@options.as_json
def command(stages: tuple[str, ...], out: Path, as_json: bool, **settings: Any) -> None:
    """Put models into one BUNDLE: each answers what it is sure of, the rest goes on.

    CHEAP and FULL are bundles, or checkpoints, which are exported first; FOLDER=int8
    names a variant of one. The sureness below which the next is asked is the lowest
    at which what you ask for is proven, with 95% confidence and any number of rows,
    for texts like those that set it; figures are of other rows. Rows decide once: to
    try again with the same and some more until it passes breaks the promise, so give
    new ones then. Rows that a checkpoint was trained on are refused, and a few of them
    left out; of a bundle that is known for whole files alone. Exit status 3, and
    nothing written, if rows are too few to prove it, which says how many would do, or
    if no threshold keeps it.
    """
    from edgeft.cascade.run import CascadeConfig, cascade

    config = CascadeConfig(stages=stages, out=out, **settings)
    with console.show_progress() as progress:
        result = cascade(config, progress, console.note)
    if as_json:
        console.print_json(result.to_dict())
        return
    show(result)
    console.print_lines([f"Next: {command_line('predict', out, 'FILE')}"])


def show(result: "CascadeResult") -> None:
    """Print what each stage answers, what is promised, and what other rows show."""
    from edgeft.cascade.wording import promises_told, seen_told, share

    found = result.found
    columns = [
        "stage",
        "variant",
        "sureness below",
        "texts",
        "right",
        "right by the full model",
        "same",
    ]
    rows = [
        [
            one["stage"],
            step.variant,
            f"{step.below:g}" if step.below is not None else "-",
            share(one["share"]),
            *("-" if one[key] is None else share(one[key]) for key in ("right", "full", "same")),
        ]
        for step, one in zip(result.manifest.pipeline, found["stages"], strict=True)
    ]
    console.print_table(f"{result.out}, what each stage answers", columns, rows)
    if figures := found["figures"]:
        metrics = [key for key in next(iter(figures["scores"].values())) if key != "rows"]
        console.print_table(
            "On the labels of rows that report",
            ["answered by", *(metric.replace("_", " ") for metric in metrics)],
            [[name, *(f"{one[metric]:.4f}" for metric in metrics)]
             for name, one in figures["scores"].items()],
        )  # fmt: skip
    console.print_lines(
        [
            *promises_told(found),
            *seen_told(found),
            *found["misleads"],
            f"{result.times_as_fast:g} times as fast as its full model alone, in lists of texts.",
            *result.notes,
        ]
    )
