"""edgeft train: fine-tune a model for one of the tasks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft import signals
from edgeft.cli import console, options
from edgeft.errors import EdgeftError, UsageError

if TYPE_CHECKING:
    from edgeft.tasks.task import Scores
    from edgeft.train.checkpoints import EpochScores
    from edgeft.train.config import TrainConfig
    from edgeft.train.prepare import Prepared
    from edgeft.train.recipe import Recipe
    from edgeft.train.record import Recorded
    from edgeft.train.report import DataReport
    from edgeft.train.run import TrainResult

MOST_CLASSES = 20  # more are summed up

GROUPS = {
    "Data": ("--task", "--text-column", "--label-column", "--skip-bad", "--validation", "--test",
             "--hold-out", "--clean", "--normalize", "--allow-unknown"),
    "Model and recipe": ("--model", "--epochs", "--batch-size", "--gradient-accumulation",
                         "--learning-rate", "--warmup-share", "--schedule", "--weight-decay",
                         "--optimizer", "--label-smoothing", "--class-weights", "--max-length",
                         "--patience", "--seed"),
    "Machine": ("--device", "--precision", "--threads"),
    "Output": ("--out", "--force", "--resume", "--from", "--checkpoint-steps", "--json"),
}  # fmt: skip


class _Grouped(click.Command):
    """A command whose help page sorts its options into groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rest = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
        for title, names in GROUPS.items():
            members = [one for one in rest if not set(one.opts).isdisjoint(names)]
            rest = [one for one in rest if one not in members]
            with formatter.section(title):
                formatter.write_dl([text for one in members if (text := one.get_help_record(ctx))])
        with formatter.section("Other"):
            formatter.write_dl([text for one in rest if (text := one.get_help_record(ctx))])


def _split_steps(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name for name in value.split(",") if name.strip()]


@click.command(cls=_Grouped)
@click.argument("data", required=False)
@click.option("--task", metavar="NAME", help="What is learned.  [default: the data tell]")
@options.data_columns
@click.option("--validation", metavar="FILE", help="Rows to choose the best epoch by.")
@click.option("--test", metavar="FILE", help="Rows to report on; they choose nothing.")
@click.option(
    "--hold-out",
    type=float,
    metavar="SHARE",
    help="Share of train held out without --validation; 0: none.  [default: by size]",
)
@click.option(
    "--clean",
    is_flag=True,
    help="Drop train rows that are empty, doubled, contradictory or in another split.",
)
@click.option(
    "--normalize",
    metavar="STEPS",
    callback=_split_steps,
    help="Comma-separated: markup, control, nfc, nfkc, whitespace.",
)
@click.option(
    "--allow-unknown",
    is_flag=True,
    help="Train although the model does not know a quarter of the tokens.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="minilm (embedded), distilbert, a folder or a Hub id.  [default: minilm]",
)
@click.option("--epochs", type=int, help="At most so many.  [default: by data size]")
@click.option("--batch-size", type=int, help="Rows of one process.  [default: by data size]")
@click.option("--gradient-accumulation", type=int, help="Batches per update.  [default: 1]")
@click.option("--learning-rate", type=float, help="[default: by model width]")
@click.option("--warmup-share", type=float, help="Share of all updates.  [default: 0.1]")
@click.option("--schedule", help="linear, cosine or constant.  [default: linear]")
@click.option("--weight-decay", type=float, help="[default: 0.01]")
@click.option("--optimizer", help="adamw, adam, sgd or adafactor.  [default: adamw]")
@click.option("--label-smoothing", type=float, help="[default: by number of classes]")
@click.option("--class-weights", is_flag=True, help="Weigh rare classes up.")
@click.option("--max-length", type=int, help="Tokens.  [default: covers 99% of texts, up to 256]")
@click.option(
    "--patience",
    type=int,
    help="Epochs without a better hold-out before it stops; 0 never.  [default: 3]",
)
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--device", help="auto, cpu or cuda.  [default: auto]")
@click.option("--precision", help="auto, fp32, bf16 or fp16.  [default: auto]")
@options.threads
@click.option("-o", "--out", type=options.OUT, help="The folder to write.")
@click.option("--force", is_flag=True, help="Replace it, once the new one is whole.")
@click.option("--resume", is_flag=True, help="Go on with the unfinished run of -o.")
@click.option(
    "--from",
    "repeat",
    type=options.FILE,
    metavar="FILE",
    help="Repeat the run that this training.json records.",
)
@click.option(
    "--checkpoint-steps",
    type=int,
    metavar="N",
    help="Save every N updates, too.  [default: after each epoch]",
)
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    out: Path | None,
    force: bool,
    resume: bool,
    repeat: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Fine-tune a text classifier, a tagger of entities or a finder of answers on DATA.

    DATA is a CSV, TSV, JSON Lines or Parquet file, a folder with train,
    validation and test files, or the name of a Hub data set (name:config).
    Entities also come as tagged words (CoNLL), from Label Studio, doccano, Prodigy
    and brat, answers as SQuAD's JSON. The data tell the task, unless --task
    names it: text-classification, token-classification, question-answering.
    Files are in UTF-8, or UTF-16 with a byte-order mark. Semicolons, tabs or bars
    in a .csv are found; what a reader had to decide it says on stderr.

    The data is reported on first: classes, token lengths, texts that will be cut,
    unknown tokens, duplicates, contradictions. Texts of which the model knows too
    little are refused. Nothing of the model but its head or pooler may start from
    random numbers.

    \b
      edgeft train train.csv --test test.csv -o runs/news
      edgeft train -o runs/news --resume
      edgeft train --from runs/news/training.json

    --resume goes on from the last complete checkpoint of a run that was ended, and
    ends with the very same weights. --from repeats a run. One run at a time writes
    to an -o. Several processes share one run (tried on CPUs):

    \b
      torchrun --nproc-per-node 2 -m edgeft train train.csv -o runs/news
    """
    # A flag that is not set leaves what a recorded run says.
    chosen = {
        name: value for name, value in given.items() if value is not None and value is not False
    }
    try:
        recorded = _recorded(chosen, repeat, resume=resume)
        config, out = _request(chosen, out, recorded, resume=resume)
        result = _run(config, out, recorded, force=force, resume=resume, as_json=as_json)
    except EdgeftError as error:
        if _is_main_process():
            raise
        ctx.exit(error.exit_code)  # the main process says it once for all
    except KeyboardInterrupt:
        if _is_main_process() and (out is None or not _tell_how_to_go_on(out, force=force)):
            raise
        ctx.exit(signals.status())  # it has been said
    if not _is_main_process():
        return
    if as_json:
        console.print_json(result.document)
    else:
        print_result(result)


def _recorded(chosen: dict[str, Any], repeat: Path | None, *, resume: bool) -> "Recorded | None":
    """The run to repeat, less the checks that the options lift."""
    from edgeft.train.record import read_training

    if resume and repeat is not None:
        raise UsageError("--resume and --from exclude each other.")
    return None if repeat is None else read_training(repeat).without(chosen)


def _request(
    chosen: dict[str, Any], out: Path | None, recorded: "Recorded | None", *, resume: bool
) -> tuple["TrainConfig", Path]:
    """The config and the folder that the options ask for, alone or on top of a recorded run."""
    from edgeft.train.config import config_from, config_to
    from edgeft.train.folder import free_sibling, read_run

    if recorded is not None:
        config = config_from({**config_to(recorded.config), **chosen})
        return config, out or free_sibling(recorded.path.absolute().parent)
    if out is None:
        raise UsageError("No output folder is named.", hint="For example: -o runs/mine")
    if resume:
        return config_from({**config_to(read_run(out).config), **chosen}), out
    return config_from(chosen), out


def _run(
    config: "TrainConfig",
    out: Path,
    recorded: "Recorded | None",
    *,
    force: bool,
    resume: bool,
    as_json: bool,
) -> "TrainResult":
    from edgeft.train.record import changes_since
    from edgeft.train.run import train

    def show_prepared(prepared: "Prepared") -> None:
        if recorded is not None and (changed := changes_since(recorded)):
            console.note(
                f"Note: {recorded.path} was trained with {'; '.join(changed)}: "
                "the weights may differ."
            )
        for note in prepared.report.notes:
            console.note(note)
        if not as_json:
            print_report(prepared.report)
            console.print_lines(describe_run(prepared))

    with console.show_progress() as progress:
        return train(
            config,
            out,
            force=force,
            resume=resume,
            repeats=recorded,
            on_prepared=show_prepared,
            on_epoch=note_epoch,
            on_note=lambda text: console.note(f"Note: {text}"),
            progress=progress,
        )


def note_epoch(point: "EpochScores") -> None:
    """One line on stderr after an epoch."""
    console.note(", ".join([f"epoch {point.epoch}", *_figures(point)]))


def print_report(report: "DataReport") -> None:
    """The data report as a table, and a warning for each figure that should worry."""
    from statistics import median

    tokens, sizes, whole = report.tokens, sorted(report.classes.values()), report.bare is None
    rows: list[tuple[str, object]] = [(f"rows in {name}", n) for name, n in report.rows.items()]
    if sizes:
        spread = f"{sizes[0]} to {sizes[-1]}, median {median(sizes):g}"
        rows += [
            ("classes" if whole else "labels", len(sizes)),
            ("rows of a class" if whole else "spans of a label", spread),
        ]
    if report.bare is not None:
        rows.append(("rows without any", f"{report.bare} ({report.bare / report.given:.1%})"))
    rows += [
        ("tokens of a text", f"p50 {tokens.p50}, p90 {tokens.p90}, p95 {tokens.p95}, "
                             f"p99 {tokens.p99}, longest {tokens.max}"),
        (f"texts cut at {report.max_length} tokens" if whole
         else f"texts over {report.max_length} tokens, in windows",
         f"{report.cut} ({report.cut_share:.1%})"),
        ("unknown tokens", f"{tokens.unknown_share:.2%}"),
        ("empty texts", report.empty),
        ("repeated texts", report.duplicates),
        ("rows whose text has two labels" if whole else "rows labelled in two ways",
         report.contradictory_rows),
    ]  # fmt: skip
    if "validation" in report.rows:
        rows.append(("validation texts also in train", report.shared_validation))
    if "test" in report.rows:
        rows.append(("test texts also in train", report.shared_test))
    rows += [
        (
            f"bad rows of {name}, left out",
            f"{sum(kinds.values())}: " + ", ".join(f"{n} with {kind}" for kind, n in kinds.items()),
        )
        for name, kinds in report.skipped.items()
    ]
    if report.removed is not None:
        gone = ", ".join(f"{n} {reason}" for reason, n in report.removed.to_dict().items())
        rows.append(("removed from train by --clean", gone))
    console.print_table("Data", ["figure", "value"], rows)
    if 0 < len(sizes) <= MOST_CLASSES:
        console.print_table(
            "Classes" if whole else "Labels",
            ["label", "rows" if whole else "spans"],
            report.classes.items(),
        )
    console.print_lines(f"Warning: {one}" for one in report.warnings())


def describe_run(prepared: "Prepared") -> list[str]:
    """What is about to happen, and what was set right in the model for it."""
    recipe, hardware = prepared.recipe, prepared.hardware
    where = f"{hardware.device}, {hardware.precision}, {hardware.threads} threads"
    if hardware.processes > 1:
        where += f", {hardware.processes} processes"
    return [
        *(f"Note: {prepared.base.name}: {one}" for one in prepared.base.notes),
        f"Task: {prepared.task.name}{'' if prepared.config.task else ', as the data tell'}.",
        f"Model: {prepared.base.name} on {where}, texts up to {recipe.max_length} tokens.",
        f"Recipe: {_recipe(recipe)}.",
    ]


def _recipe(recipe: "Recipe") -> str:
    parts = [
        f"up to {recipe.epochs} epochs of batches of {recipe.batch_size}",
        f"{recipe.optimizer} at {recipe.learning_rate:g}, {recipe.schedule}",
        f"weight decay {recipe.weight_decay:g}",
        f"seed {recipe.seed}",
    ]
    if recipe.gradient_accumulation > 1:
        parts.append(f"{recipe.gradient_accumulation} batches per update")
    if recipe.label_smoothing:
        parts.append(f"label smoothing {recipe.label_smoothing:g}")
    if recipe.class_weights:
        parts.append("class weights")
    return ", ".join(parts)


def print_result(result: "TrainResult") -> None:
    """The curve, the scores, and what to do next."""
    from edgeft.cli.scores import print_scores
    from edgeft.tasks import task_named

    metrics = task_named(result.document["task"]).metrics
    console.print_table(
        "Curve", ["epoch", "train loss", "validation loss", *metrics.values(), "seconds"],
        [
            [one.epoch, f"{one.train_loss:.4f}", _number(one.validation_loss),
             *(_number(one.scores[name]) for name in metrics), f"{one.seconds:.0f}"]
            for one in result.learned.curve
        ],
    )  # fmt: skip
    named = {"validation": result.learned.validation, "test": result.learned.test}
    scored = {name: scores for name, scores in named.items() if scores is not None}
    if scored:
        console.print_table("Scores", *_summary(scored))
        last = list(scored)[-1]
        print_scores(scored[last], title=last)
    console.print_lines([
        f"{result.out} holds epoch {result.learned.best.epoch} of {len(result.learned.curve)}, "
        f"after {result.document['seconds']:.0f} s.",
        f"Next: edgeft export {result.out} -o {Path('build') / result.out.name}",
    ])  # fmt: skip


def _summary(scored: dict[str, "Scores"]) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of the table of all splits' figures."""
    figures = {name: one.summary() for name, one in scored.items()}
    columns = ["rows of", "rows", *next(iter(figures.values()))]
    return columns, [[name, scored[name].rows, *row.values()] for name, row in figures.items()]


def _figures(point: "EpochScores") -> list[str]:
    figures = [f"loss {point.train_loss:.4f}"]
    scores = [
        f"{name.replace('_f1', ' F1').replace('_', ' ')} {score:.4f}"
        for name, score in point.scores.items()
        if score is not None
    ]
    if scores:
        figures.append(f"hold-out {', '.join(scores)}")
    return [*figures, f"{point.seconds:.0f} s"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _is_main_process() -> bool:
    from edgeft.train.hardware import is_main_process

    return is_main_process()


def _tell_how_to_go_on(out: Path, *, force: bool) -> bool:
    """Say after an interrupt how to go on; False where nothing has begun."""
    from edgeft.train.folder import partial_folder, resume_command

    if not partial_folder(out).exists():
        return False
    console.note(f"Interrupted; go on with: {resume_command(out, force=force)}")
    return True
