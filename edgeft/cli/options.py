"""Options that several commands share, under one name and one help text."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edgeft.proof.limits import MAX_DROP
from edgeft.runtime.cpu import MOST_THREADS

__all__ = [
    "as_json",
    "bundle",
    "checkpoint",
    "data_columns",
    "device",
    "max_drop",
    "runtime",
    "text_column",
]

Command = TypeVar("Command", bound=Callable[..., Any])


class _Named(click.Path):
    """A path; an empty one, which a variable that is not set leaves, is no folder or file.

    "~" is the home, as for a shell, which leaves it alone in --out=~/runs.
    """

    def convert(self, value: Any, *context: Any) -> Any:
        if value == "":
            self.fail("the name is empty.", *context)
        if str(value).startswith("~"):
            try:
                value = str(Path(value).expanduser())
            except RuntimeError:
                self.fail(f"{value} names no user of this machine.", *context)
        return super().convert(value, *context)


class Number(click.FloatRange):
    """A number of a range, in which NaN and infinity never lie."""

    def convert(self, value: Any, *context: Any) -> Any:
        number = super().convert(value, *context)
        if not math.isfinite(number):
            self.fail(f"{value} is no number.", *context)
        return number + 0.0  # -0 is 0


FOLDER = FILE = _Named(path_type=Path)


class _Out(_Named):
    """A path to write. A lone "-" would make a file of that name, which nobody means."""

    def convert(self, value: Any, *context: Any) -> Any:
        if value == "-":
            self.fail("standard output is no place for it; a file '-' would be './-'.", *context)
        return super().convert(value, *context)


OUT = _Out(path_type=Path)


class _OrAddress(click.Path):
    """A path as its other base has it; an address such as s3://bucket/in is told as it stands."""

    def convert(self, value: Any, *context: Any) -> Any:
        return value if "://" in str(value) else super().convert(value, *context)


class _FileOrAddress(_OrAddress, _Named):
    pass


class _OutOrAddress(_OrAddress, _Out):
    pass


FILE_OR_ADDRESS, OUT_OR_ADDRESS = _FileOrAddress(path_type=Path), _OutOrAddress(path_type=Path)

bundle = click.argument("bundle", type=FOLDER)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")


def _up_to_three(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> str | None:
    """The column of the first text; that of the other one of a pair becomes ``other_column``, and
    that of a text that does not belong to the first ``negative_column``.
    """
    if len(names) > 3:
        raise click.UsageError(
            f"--text-column is given {len(names)} times: {', '.join(map(repr, names))}. One column "
            "holds texts, two hold pairs, and three a text, what belongs to it and what does not.",
            ctx,
        )
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise click.UsageError(
            f"--text-column names {twice!r} twice; a pair has its texts in two columns.", ctx
        )
    first, other, negative = (*names, None, None, None)[:3]
    ctx.params["other_column"], ctx.params["negative_column"] = other, negative
    return first


text_column = click.option(
    "--text-column", metavar="NAME", multiple=True, callback=_up_to_three,
    help="Column that holds the text; given twice, the two that hold pairs; of vectors thrice, the "
    "last of what does not belong to the first.",
)  # fmt: skip


def _one_or_many(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> str | None:
    """The column of the label, or those of many labels with commas between them."""
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise click.UsageError(f"--label-column names {twice!r} twice.", ctx)
    return ",".join(names) or None


label_column = click.option(
    "--label-column", metavar="NAME", multiple=True, callback=_one_or_many,
    help="Column that holds the label; given several times, one of 0 and 1 for each label.",
)  # fmt: skip
question_column = click.option(
    "--question-column", metavar="NAME", help="Column that holds the question."
)
context_column = click.option(
    "--context-column", metavar="NAME", help="Column that holds the question's context."
)
answers_column = click.option(
    "--answers-column", metavar="NAME", help="Column that holds the question's answers."
)
skip_bad = click.option(
    "--skip-bad", is_flag=True,
    help="Leave out rows whose annotation is wrong, in place of an error.",
)  # fmt: skip
symmetric = click.option(
    "--symmetric", is_flag=True,
    help="Score pairs of texts in both orders, and average: one answer for both.",
)  # fmt: skip
device = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, cuda:N, tensorrt, openvino, coreml, directml.",
)
variant = click.option(
    "--variant", default="auto", show_default=True, help="auto, fp32, int8, fp16 …"
)
threads = click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="CPU threads.  [default: all usable cores]",
)
checkpoint = click.option(
    "--checkpoint", type=FOLDER, metavar="FOLDER",
    help="What BUNDLE was exported from: tells how many rows of the data it was trained on.",
)  # fmt: skip
max_drop = click.option(
    "--max-drop", type=Number(0, 100), default=MAX_DROP, show_default=True,
    metavar="POINTS",
    help="What may be lost on labelled rows of each metric of the task, as `edgeft tasks` names "
    "them. Of Spearman, Pearson, nDCG@10 and recall@10 a point is a hundredth.",
)  # fmt: skip


def data_columns(command: Command) -> Command:
    """--text-column, --label-column, those of questions, and --skip-bad: how rows are read."""
    return text_column(label_column(question_columns(answers_column(skip_bad(command)))))


def question_columns(command: Command) -> Command:
    """--question-column and --context-column."""
    return question_column(context_column(command))


def runtime(command: Command) -> Command:
    """--device, --variant and --threads, as ``edgeft.load`` takes them."""
    return device(variant(threads(command)))
