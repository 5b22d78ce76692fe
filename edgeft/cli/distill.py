"""edgeft distill: a checkpoint teaches a smaller one."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line
from edgeft.cli.train_print import describe_run, note_epoch, print_report

if TYPE_CHECKING:
    from edgeft.distill.run import DistillResult
    from edgeft.train.prepare import Prepared


@click.command()
@click.argument("checkpoint")
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="CHECKPOINT", help="Folder to write."
)
@click.option(
    "--data", required=True, metavar="DATA",
    help="Labelled rows to learn from, best those that the teacher learned from: as train takes "
    "them.",
)  # fmt: skip
@click.option(
    "--student", default="static", show_default=True, metavar="KIND",
    help="static: vectors of tokens, averaged; layers:N: N of the checkpoint's layers.",
)  # fmt: skip
@click.option(
    "--bigrams", default=0, show_default=True, metavar="BUCKETS",
    help="Vectors for pairs of neighbouring tokens, of a static student; 0 leaves these out. Where "
    "word order matters, such as \"not bad\", and there are thousands of texts: 16384 add 4 MB in "
    "int8-vectors. Whether they pay the test rows tell.",
)  # fmt: skip
@click.option(
    "--teacher", default="", metavar="CHECKPOINT",
    help="Who teaches, such as a larger model of the same labels.  [default: CHECKPOINT]",
)  # fmt: skip
@click.option(
    "--unlabelled", type=options.FILE, multiple=True, metavar="FILE",
    help="More texts, which teach by the teacher's answers alone. Repeatable.",
)  # fmt: skip
@options.data_columns
@click.option("--validation", metavar="FILE", help="Rows to choose the best epoch by.")
@click.option("--test", metavar="FILE", help="Rows to report on; they choose nothing.")
@click.option(
    "--hold-out", type=float, metavar="SHARE",
    help="Share of --data held out without --validation.  [default: by size]",
)  # fmt: skip
@click.option(
    "--hard", type=options.Number(0, 1), metavar="SHARE",
    help="What the labels of --data count beside the teacher's answers.  [default: 0.1]",
)  # fmt: skip
@click.option(
    "--temperature", type=options.Number(0.1, 100),
    help="That softens the teacher's answers.  [default: 2]",
)  # fmt: skip
@click.option("--epochs", type=int, help="At most so many.  [default: by student and data]")
@click.option("--batch-size", type=int, help="[default: by student and data]")
@click.option("--learning-rate", type=float, help="[default: by student]")
@click.option("--max-length", type=int, help="Tokens.  [default: as the checkpoint]")
@click.option("--patience", type=int,
              help="Epochs without a better hold-out before it stops; 0 never.")  # fmt: skip
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--precision", default="auto", show_default=True, help="auto, fp32, bf16 or fp16.")
@options.threads
@click.option("--force", is_flag=True, help="Replace the folder if it exists, after success.")
@options.as_json
def command(as_json: bool, **given: Any) -> None:
    """Write a smaller CHECKPOINT that learned from this one.

    A static student looks up a vector for each token, averages them by weight and
    answers with a small perceptron: tens of times as quick, for what needs no word
    order. One with fewer layers keeps that. Both learn the teacher's answers to the
    texts of --data and --unlabelled. What comes out is a checkpoint as any other:
    export it, or put it before its teacher in a cascade. The teacher is told apart
    from the student on the test rows, or on those held out.
    """
    from edgeft.distill.run import DistillConfig, distill
    from edgeft.train.config import DataConfig
    from edgeft.train.recipe import RecipeChoice, check_recipe

    chosen = {name: value for name, value in given.items() if value is not None}
    groups = {}
    for kind in (DataConfig, RecipeChoice):
        names = {one.name for one in fields(kind)} & set(chosen)
        groups[kind] = {name: chosen.pop(name) for name in names}
    recipe = RecipeChoice(**groups[RecipeChoice])
    check_recipe(recipe)
    config = DistillConfig(**chosen, data=DataConfig(**groups[DataConfig]), recipe=recipe)
    metrics: dict[str, str] = {}

    def show_prepared(prepared: "Prepared") -> None:
        metrics.update(prepared.task.metrics)
        for note in prepared.report.notes:
            console.note(note)
        if not as_json:
            print_report(prepared.report)
            console.print_lines(describe_run(prepared)[-1:])

    with console.show_progress() as progress:
        result = distill(
            config,
            on_prepared=show_prepared,
            on_epoch=lambda point: note_epoch(point, metrics),
            tell=lambda text: console.note(f"Note: {text}"),
            progress=progress,
        )
    if as_json:
        console.print_json(result.document)
    else:
        show(result, config.checkpoint)


def show(result: "DistillResult", checkpoint: str) -> None:
    """Print teacher and student side by side, and what to do next."""
    scores = result.learned.test or result.learned.validation
    teacher = result.teacher.headline() if result.teacher else {}
    rows: list[list[object]] = [
        ["MB of weights", f"{result.bytes_before / 1e6:.1f}", f"{result.bytes_after / 1e6:.1f}"]
    ]
    if scores is not None:
        rows += [
            [f"{name} on {result.split}", f"{teacher[name]:.4f}", f"{one:.4f}"]
            for name, one in scores.headline().items()
            if name != "rows"
        ]
    console.print_table(f"{result.out}", ["", "teacher", "student"], rows)
    if lost := result.drop:
        told = ", ".join(f"{loss.metric} {loss}" for loss in lost.losses)
        console.print_lines(
            [f"On {lost.rows:,} {result.split} rows it loses, in points (95% interval): {told}."]
        )
    name = Path(result.out).name
    bundle = f"build/{name}"
    words = ("export", result.out, "-o", bundle, "--data", "FILE", "--original", checkpoint)
    console.print_lines([f"Next: {command_line(*words)}"])
