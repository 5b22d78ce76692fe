"""edgeft eval: score a bundle's variants on labelled texts."""

from pathlib import Path

import click

from edgeft.cli import console, options


@click.command()
@options.bundle
@click.argument("data", type=options.FILE)
@options.data_columns
@options.checkpoint
@options.device
@click.option(
    "--variant", "variants", multiple=True,
    help="Repeatable.  [default: every variant, and of a cascade the whole]",
)  # fmt: skip
@options.threads
@options.symmetric
@options.as_json
def command(
    bundle: Path,
    data: Path,
    skip_bad: bool,
    checkpoint: Path | None,
    device: str,
    variants: tuple[str, ...],
    threads: int | None,
    symmetric: bool,
    as_json: bool,
    **named: str | None,
) -> None:
    """Score BUNDLE's variants on labelled texts.

    DATA is a CSV, TSV or JSON Lines file with a text and a label column, or another
    form of labelled rows that train reads for the model's task. What is scored is
    what predict answers. Where export recorded thresholds, an answer that is
    withheld counts as a wrong one, except in "right of those", which is the share of
    right answers among those that are given; a second table also scores the
    likeliest labels, as if there were no thresholds. Of a cascade it is told which share of
    the texts each stage answered; variants are those of its full model.
    """
    import edgeft
    from edgeft.bundle import read_manifest
    from edgeft.bundle.manifest import CASCADE
    from edgeft.cli.scores import print_scores, scores_table, thresholds_table
    from edgeft.cli.trained import tell_trained
    from edgeft.proof.battery import evaluate, pairs_as
    from edgeft.tasks import task_named
    from edgeft.tasks.prompts import pairs_told
    from edgeft.tasks.reading import columns_named, read_examples

    manifest = read_manifest(bundle)
    record = manifest.model
    task = task_named(record.task, record.takes)
    columns = columns_named(named)
    examples = read_examples(data, task, columns, console.note, "skip" if skip_bad else "error")
    task = task.judging(examples.truths)
    if checkpoint is not None:
        tell_trained(checkpoint, bundle, data, examples.inputs)
    prompts = pairs_as(record, examples)
    if told := pairs_told(prompts or ()):
        console.note(told)
    names = variants or (*record.variants, *[CASCADE] * bool(manifest.stages))
    results, thresholds = {}, {}
    with console.show_progress() as progress:
        for name in names:
            with edgeft.load(
                bundle,
                device=device,
                variant=name,
                threads=threads,
                symmetric=symmetric,
                pair_prompts=prompts,
            ) as model:
                results[name] = evaluate(model, examples, progress=progress)
                thresholds[name] = dict(zip(record.labels, model.head.thresholds, strict=False))
                ran_on = str(model.device)
    for told in dict.fromkeys(one.cut for one in results.values() if one.cut):
        console.note(told)
    if as_json:
        found = {name: one.scored() for name, one in results.items()}
        console.print_json({"device": ran_on, "variants": found})
        return
    console.print_table(f"{len(examples):,} rows on {ran_on}", *scores_table(results))
    console.print_lines(
        f"{name}, answered by: {one.stages_told()}" for name, one in results.items() if one.stages
    )
    if any(one.decided for one in results.values()):
        console.print_table("What thresholds do", *thresholds_table(task, results))
    for name, one in results.items():
        if one.given is not None:
            print_scores(one.given, title=name, thresholds=thresholds[name])
