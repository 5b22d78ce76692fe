"""edgeft train: fine-tune a model for one of the tasks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeft import signals
from edgeft.cli import console, options
from edgeft.cli.train_print import describe_run, note_epoch, print_report, print_result
from edgeft.errors import EdgeftError, UsageError

if TYPE_CHECKING:
    from edgeft.train.config import TrainConfig
    from edgeft.train.prepare import Prepared
    from edgeft.train.record import Recorded
    from edgeft.train.run import TrainResult

GROUPS = {
    "Data": ("--task", "--text-column", "--label-column", "--question-column",
             "--context-column", "--answers-column", "--skip-bad", "--label-names",
             "--validation", "--test",
             "--hold-out", "--clean", "--normalize", "--allow-unknown"),
    "Model and recipe": ("--model", "--epochs", "--batch-size", "--gradient-accumulation",
                         "--learning-rate", "--warmup-share", "--schedule", "--weight-decay",
                         "--optimizer", "--label-smoothing", "--class-weights", "--labels",
                         "--max-length", "--patience", "--seed"),
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
@click.option(
    "--label-names",
    metavar="FILE",
    help="Of labels or tags that are ids: a file with a name a line, the first for 0, or a,b,c.",
)
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
    help="minilm (embedded), static (vectors and no layers, from nothing), distilbert, a folder or "
    "a Hub id.  [default: minilm]",
)
@click.option("--epochs", type=int, help="At most so many.  [default: by data size]")
@click.option("--batch-size", type=int, help="Rows of one process.  [default: by data size]")
@click.option("--gradient-accumulation", type=int, help="Batches per update.  [default: 1]")
@click.option(
    "--learning-rate",
    type=float,
    help="[default: by model width; a third of it for pairs and vectors]",
)
@click.option("--warmup-share", type=float, help="Share of all updates.  [default: 0.1]")
@click.option("--schedule", help="linear, cosine or constant.  [default: linear]")
@click.option("--weight-decay", type=float, help="[default: 0.01]")
@click.option("--optimizer", help="adamw, adam, sgd or adafactor.  [default: adamw]")
@click.option("--label-smoothing", type=float, help="[default: by number of classes]")
@click.option("--class-weights", is_flag=True, help="Weigh rare classes up.")
@click.option(
    "--labels", "scheme", metavar="SCHEME",
    help="How a tagger's labels are written, BIO or IO; under IO neighbours of one label are one "
    "entity.  [default: BIO]",
)  # fmt: skip
@click.option("--max-length", type=int, help="Tokens.  [default: covers 99% of texts, up to 256]")
@click.option(
    "--patience",
    type=int,
    help="Epochs without a better hold-out before it stops; 0 never.  [default: 3]",
)
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--device", help="auto, cpu or cuda.  [default: auto]")
@click.option(
    "--precision",
    help="auto, fp32, bf16 or fp16.  [default: bf16 where a GPU, or a CPU with AMX, has it, else "
    "fp32]",
)
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
    """Fine-tune a model on DATA: for labels, numbers, entities, answers or vectors.

    DATA is a CSV, TSV, JSON Lines or Parquet file, a folder with train,
    validation and test files, or the name of a Hub data set (name:config).
    Entities also come as tagged words (CoNLL), from Label Studio, doccano, Prodigy
    and brat, answers as SQuAD's JSON. The data tell the task, unless --task
    names it: edgeft tasks lists them all. Whole numbers are labels of classes,
    unless --task text-regression says that they are amounts; --label-names says
    what they stand for. Vectors are learned from pairs, with numbers or alone, where
    --task feature-extraction says so, and from those with a third text, a negative.
    Files are in UTF-8, or UTF-16 with a byte-order mark.
    Semicolons, tabs or bars in a .csv are found; what a reader had to decide it
    says on stderr.

    The data is reported on first: classes, token lengths, texts that will be cut,
    unknown tokens, duplicates, contradictions. Texts of which the model knows too
    little are refused. Nothing of the model but its head or pooler may start from
    random numbers, unless it is static: that learns in a minute and answers at a
    fraction of the time, with a tokenizer learned from DATA where minilm's lacks too
    much of it.

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
    if "text_column" in chosen:  # one column, where the run that is repeated had two
        chosen.setdefault("other_column", None)
        chosen.setdefault("negative_column", None)
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

    metrics: dict[str, str] = {}  # in words; of the task, which the data may tell

    def show_prepared(prepared: "Prepared") -> None:
        metrics.update(prepared.task.metrics)
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
            on_epoch=lambda point: note_epoch(point, metrics),
            on_note=lambda text: console.note(f"Note: {text}"),
            progress=progress,
        )


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
