"""What edgeft train says: of the data, of what is about to happen, of each epoch, of the result."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgeft.cli import console
from edgeft.cli.invoked import command_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeft.tasks.task import Scores
    from edgeft.train.checkpoints import EpochScores
    from edgeft.train.prepare import Prepared
    from edgeft.train.recipe import Recipe
    from edgeft.train.report import DataReport
    from edgeft.train.run import TrainResult

__all__ = ["describe_run", "note_epoch", "print_report", "print_result"]

MOST_LABELS = 20  # more are summed up


def note_epoch(point: "EpochScores", metrics: "Mapping[str, str]") -> None:
    """One line on stderr after an epoch, with the task's metrics in words."""
    console.note(", ".join([f"epoch {point.epoch}", *_figures(point, metrics)]))


def print_report(report: "DataReport") -> None:
    """The data report as a table, and a warning for each figure that should worry."""
    from statistics import median

    from edgeft.tasks import task_named

    task, tokens, sizes = (
        task_named(report.task, report.takes),
        report.tokens,
        sorted(report.support.values()),
    )
    asked = task.asks.many
    rows: list[tuple[str, object]] = [(f"rows in {name}", n) for name, n in report.rows.items()]
    if sizes:
        spread = f"{sizes[0]} to {sizes[-1]}, median {median(sizes):g}"
        rows += [
            ("labels", len(sizes)),
            (f"{task.counted.many} of a label", spread),
        ]
    if report.bare is not None:
        share = f"{report.bare} ({report.bare / report.given:.1%})"
        rows.append((f"{asked} without {task.marks.many}", share))
    rows += [
        (f"tokens of a {task.asks.one}", f"p50 {tokens.p50}, p90 {tokens.p90}, p95 {tokens.p95}, "
                             f"p99 {tokens.p99}, longest {tokens.max}"),
        (f"{asked} cut at {report.max_length} tokens" if task.on_long == "truncate"
         else f"{asked} over {report.max_length} tokens, in windows",
         f"{report.cut} ({report.cut_share:.1%})"),
        *((one.told, _told(one.value)) for one in report.figures),
        ("unknown tokens", f"{tokens.unknown_share:.2%}"),
        (f"empty {asked}", report.empty),
        (f"repeated {asked}", report.duplicates),
        (f"rows whose {task.asks.one} is annotated in two ways", report.contradictory_rows),
    ]  # fmt: skip
    what = f"{asked} whose {task.shares.one} is" if task.shares else asked
    if "validation" in report.rows:
        rows.append((f"validation {what} also in train", report.shared_validation))
    if "test" in report.rows:
        rows.append((f"test {what} also in train", report.shared_test))
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
    if 0 < len(sizes) <= MOST_LABELS:
        console.print_table("Labels", ["label", task.counted.many], report.support.items())
    console.print_lines(f"Warning: {one}" for one in report.warnings())


def _told(value: "int | Mapping[str, float]") -> object:
    if isinstance(value, int):
        return value
    return ", ".join(f"{'longest' if name == 'max' else name} {one}" for name, one in value.items())


def describe_run(prepared: "Prepared") -> list[str]:
    """What is about to happen, and what was set right in the model for it."""
    recipe, hardware = prepared.recipe, prepared.hardware
    where = f"{hardware.device}, {hardware.precision}, {hardware.threads} threads"
    if hardware.processes > 1:
        where += f", {hardware.processes} processes"
    asked = prepared.task.asks.many
    return [
        *(f"Note: {prepared.base.name}: {one}" for one in prepared.base.notes),
        f"Task: {prepared.task.name}{'' if prepared.config.task else ', as the data tell'}.",
        f"Model: {prepared.base.name} on {where}, {asked} up to {recipe.max_length} tokens.",
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

    figures = result.learned.best.scores
    metrics = task_named(result.document["task"]).measured_as(figures).metrics
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
    bundle = Path("build") / result.out.name
    console.print_lines([
        f"{result.out} holds epoch {result.learned.best.epoch} of {len(result.learned.curve)}, "
        f"after {result.document['seconds']:.0f} s.",
        f"Next: {command_line('export', result.out, '-o', bundle)}",
    ])  # fmt: skip


def _summary(scored: dict[str, "Scores"]) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of the table of all splits' figures."""
    figures = {name: one.summary() for name, one in scored.items()}
    columns = ["rows of", "rows", *next(iter(figures.values()))]
    return columns, [[name, scored[name].rows, *row.values()] for name, row in figures.items()]


def _figures(point: "EpochScores", metrics: "Mapping[str, str]") -> list[str]:
    figures = [f"loss {point.train_loss:.4f}"]
    scores = [
        f"{metrics[name]} {score:.4f}" for name, score in point.scores.items() if score is not None
    ]
    if scores:
        figures.append(f"hold-out {', '.join(scores)}")
    return [*figures, f"{point.seconds:.0f} s"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
