"""edgeft trim: a checkpoint becomes a smaller one."""

from pathlib import Path
from typing import Any

import click

from edgeft.cli import console, options
from edgeft.cli.invoked import command_line


@click.command()
@click.argument("checkpoint")
@click.option(
    "-o", "--out", type=options.OUT, required=True, metavar="CHECKPOINT",
    help="Folder to write.",
)  # fmt: skip
@click.option(
    "--data", type=options.FILE, required=True, metavar="FILE",
    help="Texts whose tokens stay. Without --test, one half of labelled ones gives the tokens and "
    "the other tells what was lost.",
)  # fmt: skip
@click.option(
    "--test", type=options.FILE, metavar="FILE",
    help="Labelled texts that tell what was lost, so that all of --data may give tokens.",
)  # fmt: skip
@options.data_columns
@options.max_drop
@click.option(
    "--tokens", type=click.IntRange(min=1), metavar="N",
    help="Keep at least so many: beside what is needed the vocabulary's most common ones.  "
    "[default: three in ten]",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the split of --data.")
@click.option("--force", is_flag=True, help="Replace the folder if it exists, after success.")
@options.as_json
def command(checkpoint: str, out: Path, as_json: bool, **settings: Any) -> None:
    """Write a smaller copy of CHECKPOINT, for your texts.

    A compact encoder's embeddings are a third of it or more. The tokens of
    --data stay, what it takes to spell other words, and the most common of the
    rest; tokenizer and embeddings are rewritten together, and the texts of --data
    are answered as before. Exit status 3 if labelled texts lose more than
    --max-drop. Export the copy with --original CHECKPOINT, and what its variants
    lose is counted from the whole model.
    """
    from edgeft.trim.run import TrimConfig, trim

    config = TrimConfig(checkpoint=checkpoint, out=out, **settings)
    with console.show_progress() as progress:
        result = trim(config, progress, console.note)
    if as_json:
        console.print_json(result.to_dict())
        return
    console.print_table(
        f"{out}",
        ["", "before", "after"],
        [
            ["tokens", f"{result.tokens_before:,}", f"{result.tokens_after:,}"],
            ["MB", f"{result.bytes_before / 1e6:.1f}", f"{result.bytes_after / 1e6:.1f}"],
        ],
    )
    if lost := result.drop:
        console.print_lines(
            [
                f"On {lost.rows:,} rows that gave no token it loses, in points (95% interval): "
                f"{', '.join(f'{loss.metric} {loss}' for loss in lost.losses)}. "
                f"{lost.sentence(result.max_drop)}"
            ]
        )
    words = ("export", out, "-o", "BUNDLE", "--data", "FILE", "--original", checkpoint)
    console.print_lines([f"Next: {command_line(*words)}"])
