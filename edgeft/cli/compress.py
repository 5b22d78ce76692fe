"""edgeft compress: the smallest and quickest model that keeps the limits."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line

if TYPE_CHECKING:
    from edgeft.compress.frontier import MeasuredCandidate

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}  # fmt: skip


class _Bytes(click.ParamType):  # type: ignore[type-arg]  # older click has no parameter
    """A size: 10MB, 512kB, 9.5MiB, or bytes."""

    name = "size"

    def convert(self, value: Any, *context: Any) -> Any:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", str(value))
        if not found or found[2].upper() not in UNITS:
            self.fail(f"{value!r} is no size, such as 10MB, 512kB or 9.5MiB.", *context)
        return int(float(found[1]) * UNITS[found[2].upper()])


@click.command()
@click.argument("checkpoint")
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="BUNDLE", help="Folder to write."
)
@click.option(
    "--data", type=options.FILE, required=True, metavar="FILE",
    help="Labelled rows. Without --test some choose and others report; without --train students "
    "learn from a part that does neither.",
)  # fmt: skip
@click.option(
    "--test", type=options.FILE, metavar="FILE",
    help="Labelled rows that report, and do nothing else.",
)  # fmt: skip
@click.option(
    "--train", type=options.FILE, metavar="FILE",
    help="Labelled rows that students learn from, best those that CHECKPOINT learned from.",
)  # fmt: skip
@click.option(
    "--unlabelled", type=options.FILE, multiple=True, metavar="FILE",
    help="More texts for students to learn from. Repeatable.",
)  # fmt: skip
@options.data_columns
@options.max_drop
@click.option("--max-bytes", type=_Bytes(), metavar="SIZE", help="Of the bundle, such as 10MB.")
@click.option("--max-p50-ms", type=float, metavar="MS",
              help="Median time of a single text here.")  # fmt: skip
@click.option("--min-texts-per-s", type=float, metavar="N",
              help="Texts a second here, in lists.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), metavar="N",
              help="Of each student, at most.  [default: by student and data]")  # fmt: skip
@click.option("--device", default="auto", show_default=True,
              help="Where students learn: auto, cpu or cuda.")  # fmt: skip
@click.option(
    "--report", "page", type=options.OUT, metavar="FILE.html",
    help="Draw score against speed and size there, too, also where no limit can be met.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the parts of --data, of students.")
@click.option("--force", is_flag=True, help="Replace BUNDLE if it exists, after success.")
@options.as_json
def command(
    checkpoint: str,
    out: Path,
    as_json: bool,
    max_drop: float,
    max_bytes: int | None,
    max_p50_ms: float | None,
    min_texts_per_s: float | None,
    epochs: int | None,
    **settings: Any,
) -> None:
    """Try smaller models of CHECKPOINT, and write the quickest that keeps the limits.

    Its variants, a trimmed vocabulary, half the layers, shorter texts, a static student and
    cascades of these are made and measured on this machine, on your rows: what each loses
    against the whole, its speed and size. Of those within all limits on the rows that choose,
    by proof before what only seems so, the quickest becomes BUNDLE; the table is of rows that
    report. It takes minutes to hours: a run that was cut short goes on where it was when asked
    again, and so does another request with other limits of size or speed while BUNDLE.partial
    is there. Exit status 3, and no BUNDLE, if a limit cannot be met, with what comes nearest.
    """
    from edgeft.compress.config import CompressConfig
    from edgeft.compress.frontier import Limits
    from edgeft.compress.run import compress
    from edgeft.train.recipe import RecipeChoice

    config = CompressConfig(
        checkpoint,
        out,
        limits=Limits(max_drop, max_bytes, max_p50_ms, min_texts_per_s),
        recipe=RecipeChoice(epochs=epochs),
        **settings,
    )

    def show(family: "Sequence[MeasuredCandidate]", left_out: Mapping[str, str]) -> None:
        if not as_json:
            _print(family, left_out)

    with console.show_progress() as progress:
        result = compress(config, on_measured=show, progress=progress, tell=console.note)
    if as_json:
        console.print_json(result.to_dict())
        return
    console.print_lines(
        [
            f"Chosen: {result.chosen.name}",
            *result.notes,
            f"Next: {command_line('predict', out, 'FILE')}",
        ]
    )


def _print(family: "Sequence[MeasuredCandidate]", left_out: Mapping[str, str]) -> None:
    """Print the frontier on the rows that report, and what is not in it."""
    from edgeft.compress.wording import COLUMNS, table_rows

    rows = table_rows([one.to_dict() for one in family])
    console.print_table("What was tried, on the rows that report", COLUMNS, rows)
    console.print_lines(f"Not made: {name}: {why}" for name, why in left_out.items())
