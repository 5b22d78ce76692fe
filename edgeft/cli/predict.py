"""edgeft predict: texts in, JSON Lines out."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.cli.arrivals import Arrivals
    from edgeft.inputs import Input
    from edgeft.tasks.task import LongTexts


@click.command()
@options.bundle
@click.argument("source", metavar="[FILE|-]", type=options.FILE, default="-")
@options.text_column
@options.runtime
@click.option("--scores", is_flag=True, help="Give the score of every label, not only the best.")
@click.option(
    "--on-long", type=click.Choice(["truncate", "error", "window"]),
    help="Cut a text that is too long, refuse it, or read it in windows (default: as the task).",
)  # fmt: skip
@click.option(
    "--batch-invariant", is_flag=True, help="Run texts alone where neighbours change the answers."
)
@click.option("--expect", metavar="DIGEST", help="Refuse a bundle with another digest.")
def command(
    bundle: Path,
    source: Path,
    text_column: str | None,
    device: str,
    variant: str,
    threads: int | None,
    scores: bool,
    on_long: "LongTexts | None",
    batch_invariant: bool,
    expect: str | None,
) -> None:
    """Predict each text of FILE, or of standard input.

    A CSV, TSV or JSON Lines file gives its text column; any other file, and
    standard input, gives one text a line. A model that answers questions reads
    SQuAD's JSON, a table with columns for question and context, or from standard
    input an object with "question" and "context" a line. One JSON object a line
    is printed, in the order of the texts.

    Standard input is answered as it arrives: the lines that are there are run
    together, up to 1,024 of them, and their answers are written at once.
    """
    import edgeft
    from edgeft.cli.arrivals import Arrivals, groups
    from edgeft.errors import DataError
    from edgeft.runtime.runner import GROUP

    arrivals = None
    if str(source) == "-":
        if sys.stdin is None:
            raise DataError("Standard input is closed.", hint="Pipe texts in, or name a file.")
        stdin: Any = sys.stdin.buffer
        arrivals = Arrivals(getattr(stdin, "raw", stdin))
    # Opened first: a wrong file name is told before a model is loaded.
    texts = _inputs(bundle, source, arrivals, text_column)
    with edgeft.load(
        bundle,
        device=device,
        variant=variant,
        threads=threads,
        on_long=on_long,
        batch_invariant=batch_invariant,
        expect=expect,
    ) as model:
        console.note(f"Running {model.variant} on {model.device}, {model.threads} threads.")
        show = model.task.show
        if arrivals is None:
            for prediction in model.stream(texts):
                print(console.json_text(show(prediction, scores)))
            return
        for group in groups(texts, arrivals=arrivals, most=GROUP):
            for prediction in model.predict(group):
                print(console.json_text(show(prediction, scores)))
            sys.stdout.flush()


def _inputs(
    bundle: Path, source: Path, arrivals: "Arrivals | None", text_column: str | None
) -> "Iterable[Input]":
    """What the bundle's model is asked. Raises BundleError, DataError."""
    from edgeft.bundle import read_manifest
    from edgeft.data import Examples, read_texts
    from edgeft.tasks import task_named
    from edgeft.tasks.reading import read_examples_or_inputs

    task = task_named(read_manifest(bundle).model.task)
    if str in task.takes:
        return read_texts(arrivals or source, text_column=text_column, tell=console.note)
    if arrivals is not None:
        return map(_question, range(1, sys.maxsize), arrivals)
    found = read_examples_or_inputs(source, task, {"text": text_column}, console.note)
    return found.inputs if isinstance(found, Examples) else found


def _question(number: int, line: bytes) -> "Input":
    """The question that stands in a line of standard input."""
    import json

    from edgeft.errors import DataError
    from edgeft.inputs import Question, input_from

    try:
        one = input_from(json.loads(line))
    except (ValueError, RecursionError):
        one = ""
    if not isinstance(one, Question):
        raise DataError(
            f"stdin, line {number}: it is no question with its context.",
            hint='Give a line such as {"question": "Who won?", "context": "…"}.',
        )
    return one
