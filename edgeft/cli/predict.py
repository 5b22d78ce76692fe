"""edgeft predict: texts in, JSON Lines out."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft.cli import console, options

if TYPE_CHECKING:
    from edgeft.cli.arrivals import Arrivals
    from edgeft.inputs import Input
    from edgeft.runtime.model import Model
    from edgeft.runtime.vectors import VectorForm
    from edgeft.tasks.task import LongTexts, Task


@click.command()
@options.bundle
@click.argument("source", metavar="[FILE|-]", type=options.FILE_OR_ADDRESS, default="-")
@options.text_column
@options.question_columns
@options.runtime
@click.option(
    "--format", "form", default="json", show_default=True,
    help="How entities are written: json, conll, spacy or brat.",
)  # fmt: skip
@click.option("--min-score", type=float, help="Give no entity below it (0 to 1).")
@click.option("--aggregation", help="What speaks for a word: first, average or max of its tokens.")
@click.option("--top-k", type=int, help="Tell so many answers to a question.")
@click.option("--max-answer-tokens", type=int, help="Of an answer, at most.  [default: 30]")
@click.option("--scores", is_flag=True, help="Give the score of every label, not only the best.")
@click.option(
    "--on-long", type=click.Choice(["truncate", "error", "window"]),
    help="Cut a text that is too long, refuse it, or read it in windows (default: as the task).",
)  # fmt: skip
@click.option(
    "--batch-invariant", is_flag=True, help="Run texts alone where neighbours change the answers."
)
@options.symmetric
@click.option(
    "-o", "--out", type=options.OUT_OR_ADDRESS, metavar="VECTORS.npz",
    help="Write an encoder's vectors to a .npz or .npy file, a row for each text; a .npz keeps the "
    "bundle's digest, a .npy does not. With --engine ray the folder of the answers.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace that file.")
@click.option(
    "--dimensions", type=click.IntRange(1), metavar="N",
    help="Of vectors in -o, the first N numbers, brought to length 1.",
)  # fmt: skip
@click.option("--prompt", metavar="NAME", help="What an encoder's texts in -o are preceded by.")
@click.option(
    "--vectors", type=click.Choice(["float32", "int8", "binary"]),
    help="How vectors are kept in -o.  [default: float32]",
)  # fmt: skip
@click.option("--expect", metavar="DIGEST", help="Refuse a bundle with another digest.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="What runs it: this process, or workers on Ray, from Parquet to Parquet.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), metavar="N",
    help="With ray: so many, of --threads (1) each.  [default: all CPUs]",
)  # fmt: skip
@click.option(
    "--keep", metavar="COLUMN", multiple=True,
    help="With ray: a column of FILE to keep beside the answers, several times.  [default: all]",
)  # fmt: skip
@click.option(
    "--part-rows", type=click.IntRange(1), metavar="N",
    help="With ray: the rows of a part.  [default: up to 20,000, four parts for each worker]",
)  # fmt: skip
def command(
    bundle: Path,
    source: Path | str,
    device: str,
    variant: str,
    threads: int | None,
    form: str,
    min_score: float | None,
    aggregation: str | None,
    top_k: int | None,
    max_answer_tokens: int | None,
    scores: bool,
    on_long: "LongTexts | None",
    batch_invariant: bool,
    symmetric: bool,
    out: Path | str | None,
    force: bool,
    dimensions: int | None,
    prompt: str | None,
    vectors: "VectorForm | None",
    expect: str | None,
    engine: str,
    workers: int | None,
    keep: tuple[str, ...],
    part_rows: int | None,
    **named: str | None,
) -> None:
    """Predict each text of FILE, or of standard input.

    A CSV, TSV or JSON Lines file gives its text column, a file of tagged words its
    sentences; any other file, and standard input, gives one text a line. A model
    that answers questions reads SQuAD's JSON, a table with columns for question
    and context, or from standard input an object with "question" and "context" a
    line. One that judges pairs of texts reads two columns of a table, or from
    standard input a JSON list of two texts a line. One JSON object a line is
    printed, in the order of the texts.

    Entities can also be written for other tools: as words and tags (conll), as
    spaCy's examples, or as an .ann beside a document with a text a line (brat). Words
    end at blanks, beside punctuation and where an entity does.

    An encoder's vectors can be written to a file that numpy reads (-o VECTORS.npz):
    "array", a row for each text in their order, and beside it the bundle's "digest",
    "form" and "dimensions", so that edgeft.Vectors.read(…).similarity(…) refuses another
    bundle's; a .npy file holds the rows alone, and nothing tells whose they are.

    Standard input is answered as it arrives: the lines that are there are run
    together, up to 1,024 of them, and their answers are written at once.

    With --engine ray (pip install 'edgeft[ray]') FILE is Parquet: a file, a folder with
    all below it, or a pattern in quotes; and -o a folder. Both are paths or addresses
    such as s3://bucket/in that fsspec reads, and the bundle a path, the same for every
    machine. The columns of FILE are kept; beside them "prediction" is the JSON
    line, and each plain value in it a column: "predicted_label", "predicted_score" …;
    a row whose text is null gets null. Rows stand in parts in the order of the files, each
    written whole or not at all: the same command again writes those that are missing,
    and _SUCCESS stands there when none is. Ray is that of RAY_ADDRESS, else it is
    started on this machine.
    """
    import edgeft
    from edgeft.bundle import read_manifest
    from edgeft.cli.arrivals import Arrivals, groups_arriving
    from edgeft.errors import DataError, UsageError
    from edgeft.runtime.runner import GROUP
    from edgeft.tasks import task_named
    from edgeft.tasks.encoded import cut_sides
    from edgeft.tasks.entity_formats import line_by_line

    settings: dict[str, Any] = {
        "device": device, "variant": variant, "threads": threads, "on_long": on_long,
        "batch_invariant": batch_invariant, "symmetric": symmetric, "expect": expect,
        "min_score": min_score, "aggregation": aggregation, "top_k": top_k,
        "max_answer_tokens": max_answer_tokens,
    }  # fmt: skip
    if engine == "ray":
        from edgeft.cli.predict_ray import run_on_ray

        if form != "json" or force or dimensions or prompt is not None or vectors:
            raise UsageError(
                "--format, --force, --dimensions, --prompt and --vectors are not for --engine ray.",
                hint="Leave them out.",
            )
        run_on_ray(
            bundle, str(source), out, named, scores=scores, workers=workers, keep=keep,
            part_rows=part_rows, settings=settings,
        )  # fmt: skip
        return
    if workers or keep or part_rows:
        raise UsageError(
            "--workers, --keep and --part-rows say how rows are spread.", hint="Add --engine ray"
        )
    if isinstance(source, str) or isinstance(out, str):
        raise UsageError(
            f"{source if isinstance(source, str) else out} is an address, and this process reads "
            "and writes files.",
            hint="--engine ray reads Parquet there.",
        )
    arrivals = None
    if str(source) == "-":
        if sys.stdin is None:
            raise DataError("Standard input is closed.", hint="Pipe texts in, or name a file.")
        stdin: Any = sys.stdin.buffer
        arrivals = Arrivals(getattr(stdin, "raw", stdin))
    record = read_manifest(bundle).model
    task = task_named(record.task, record.takes)
    if form != "json" and form not in task.formats:
        known = ", ".join(("json", *task.formats))
        raise UsageError(f"--format {form}: what this {task.noun} finds is written as: {known}.")
    if form == "brat" and source.is_dir():
        raise UsageError(
            f"--format brat writes the .ann of one document, and {source} has several.",
            hint="Name one of its .ann files; that beside which it stands is read whole.",
        )
    if scores and (task.by_token or not record.labels):
        raise UsageError(
            f"--scores tells the score of every label of a text, which {bundle} does not give.",
            hint=f"Leave it out: a {task.noun} has no labels."
            if not task.by_token
            else "Leave it out: what is found has its score."
            + (" The next best tells --top-k N." if "top_k" in task.settings else ""),
        )
    if out is None and (force or dimensions or prompt is not None or vectors):
        raise UsageError(
            "--force, --dimensions, --prompt and --vectors say how vectors are written to -o.",
            hint="Add -o VECTORS.npz",
        )
    if out is not None:
        from edgeft.folders import check_file
        from edgeft.runtime.vector_files import check_suffix

        if not task.embeds:
            raise UsageError(
                f"-o writes vectors, which this {task.noun} does not give.",
                hint="Answers go to standard output: > answers.jsonl",
            )
        check_suffix(out)
        check_file(out, force=force, inputs=[source])
    sizes = deque[int]()  # of a document's lines, with what ends them
    # Opened first: a wrong file name is told before a model is loaded.
    inputs = _inputs(task, source, arrivals, named, sizes.append if form == "brat" else None)
    with edgeft.load(bundle, **settings) as model:
        running = " and ".join(model.stages) or model.variant
        console.note(f"Running {running} on {model.device}, {model.threads} threads.")
        if out is not None:
            _write_vectors(model, inputs, out, source, force, dimensions, prompt, vectors)
            return
        stages = Counter[str]()
        found: Iterable[tuple[Any, Any]]
        if arrivals is not None:
            found = _as_they_arrive(model, groups_arriving(inputs, arrivals=arrivals, most=GROUP))
        else:
            ours, theirs = tee(inputs)
            found = zip(ours, model.stream(theirs), strict=True)
        if form != "json":
            for line in task.formats[form](
                found, console.note, lambda one: sizes.popleft() if sizes else line_by_line(one)
            ):
                print(line)
            return
        cuts = Counter[tuple[int, ...]]()  # what pairs lost of each text
        for _, prediction in found:
            stages[prediction.stage] += 1
            if getattr(prediction, "cut", ()):
                cuts[tuple(lost > 0 for lost in prediction.cut)] += 1
            print(console.json_text(task.show(prediction, scores)))
        if model.stages and stages:
            told = (f"{name} {stages[name] / stages.total():.1%}" for name in model.stages)
            console.note(f"Answered by: {', '.join(told)}.")
        if told_cut := cut_sides(cuts.elements(), model.max_length):
            console.note(told_cut)


def _write_vectors(
    model: "Model",
    inputs: "Iterable[Input]",
    out: Path,
    source: Path,
    force: bool,
    dimensions: int | None,
    prompt: str | None,
    form: "VectorForm | None",
) -> None:
    from edgeft.folders import claim_file
    from edgeft.runtime.vectors import write_embedded

    with claim_file(out, force=force, inputs=[source]) as place:
        written = write_embedded(
            model,
            _single_texts(source, model.task, inputs),
            place,
            dimensions,
            prompt=prompt,
            form=form or "float32",
        )
    width = dimensions or model.head.dimensions
    console.note(f"{out} holds {written.rows:,} vectors of {width:,} numbers, {form or 'float32'}.")
    if written.truncated:
        cut = model.task.asks.of(written.truncated)
        console.note(f"Cut to {model.max_length} tokens: {cut}.")


def _single_texts(source: Path, task: "Task", inputs: "Iterable[Input]") -> Iterator[str]:
    """The texts, which are no pairs. Raises DataError."""
    from dataclasses import replace

    from edgeft.tasks.reading import check_kind

    single = replace(task, takes=(str,))
    for one in inputs:
        check_kind(str(source), single, [one])
        assert isinstance(one, str), "pairs were refused"
        yield one


def _as_they_arrive(model: "Model", some: Iterable[list[Any]]) -> Iterator[tuple[Any, Any]]:
    """The inputs of each group and its predictions, which are written before the next is read."""
    for group in some:
        yield from zip(group, model.predict(group), strict=True)
        sys.stdout.flush()


def _inputs(
    task: "Task",
    source: Path,
    arrivals: "Arrivals | None",
    named: Mapping[str, str | None],
    sized: Callable[[int], object] | None,
) -> "Iterable[Input]":
    """What the bundle's model is asked. Raises DataError."""
    from edgeft.data import read_texts
    from edgeft.errors import UsageError
    from edgeft.inputs import Pair
    from edgeft.tasks.reading import check_columns, columns_named, read_inputs

    columns = columns_named(named)
    if arrivals is None:
        return read_inputs(source, task, columns, console.note, sized)
    check_columns(task, columns)
    if str in task.takes:
        return read_texts(arrivals, text_column=columns["text"], tell=console.note, sized=sized)
    pairs = Pair in task.takes
    if any(columns.values()):
        raise UsageError(
            "From standard input lists of two texts are read."
            if pairs
            else 'From standard input objects with "question" and "context" are read.',
            hint="Name a file, or leave the names of columns out.",
        )
    return map(_pair if pairs else _question, range(1, sys.maxsize), arrivals)


def _question(number: int, line: bytes) -> "Input":
    """The question that stands in a line of standard input, whatever else its object holds."""
    from edgeft.errors import DataError
    from edgeft.inputs import Question

    match _value(line):
        case {"question": str() as question, "context": str() as context}:
            return Question(question, context)
    raise DataError(
        f"stdin, line {number}: it is no question with its context.",
        hint='Give a line such as {"question": "Who won?", "context": "…"}.',
    )


def _pair(number: int, line: bytes) -> "Input":
    """The pair of texts that stands in a line of standard input, whatever else its object holds."""
    from edgeft.errors import DataError
    from edgeft.inputs import Pair

    match _value(line):
        case [str() as first, str() as second]:
            return Pair(first, second)
        case {"text": str() as first, "other": str() as second}:
            return Pair(first, second)
        case {"text": str() as first, "text_pair": str() as second}:
            return Pair(first, second)
    raise DataError(
        f"stdin, line {number}: it is no pair of texts.",
        hint='Give a line such as ["A man eats.", "Someone eats."] or {"text": "…", "other": "…"}.',
    )


def _value(line: bytes) -> Any:
    """What a line says in JSON; None where it is none."""
    import json

    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
