"""Everything that is settled before the first update: data, model, recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeft.data import Examples, Splits, fingerprint, hold_out, visible
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input, Pair, Question
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.narrowed import kind_asked
from edgeft.tasks.prompts import pairs_told
from edgeft.tasks.reading import aligned, columns_named, task_of
from edgeft.tasks.tags import begins
from edgeft.tasks.task import Task
from edgeft.train.clean import clean
from edgeft.train.config import TrainConfig
from edgeft.train.datasets import check_labels, normalized_splits, open_splits, read_splits
from edgeft.train.hardware import Hardware
from edgeft.train.models import DRAWN, BaseModel, open_base
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.objective import OF_CLASSES, Objective
from edgeft.train.recipe import (
    Facts,
    Recipe,
    RecipeChoice,
    default_hold_out,
    option,
    resolve_recipe,
)
from edgeft.train.report import DataReport, check_known, count_tokens, describe
from edgeft.train.sides import shared_figures, side_figures, static_figures
from edgeft.train.static import open_static

__all__ = ["NOTHING", "Prepared", "prepare"]

# Of each kind of input the one that says nothing.
NOTHING: Mapping[type, Input] = {str: "", Pair: Pair("", ""), Question: Question("", "")}


@dataclass(frozen=True)
class Prepared:
    """What a run learns from, and how.

    ``hold_out`` is the share of train that becomes validation where none is given.
    """

    config: TrainConfig
    task: Task
    objective: Objective
    base: BaseModel
    splits: Splits
    hold_out: float
    data_fingerprint: str
    labels: tuple[str, ...]
    recipe: Recipe
    hardware: Hardware
    report: DataReport

    def encoder(self) -> TextEncoder:
        """What cuts inputs to the recipe's length, or into windows of it."""
        return self.base.encoder(self.recipe.max_length)


def prepare(
    config: TrainConfig,
    hardware: Hardware,
    *,
    known: tuple[str, ...] | None = None,
    more_rows: int = 0,
) -> Prepared:
    """Read and check the data and the model, and settle the recipe; nothing is written.

    ``known`` are the labels, in the order of their ids, where they are settled already: no other
    may stand in the data. ``more_rows`` will be learned from beside these. Raises UsageError,
    DataError, ModelError, DependencyError.
    """
    notes: list[str] = []
    sources = open_splits(config.data, notes.append)
    columns = columns_named(vars(config.data))
    task = task_named(config.task or task_of(sources["train"], columns, notes.append))
    splits = read_splits(sources, task, config.data, notes.append)
    task = _judged(task_named(task.name, kind_asked(task, splits.train.inputs)), splits)
    if config.scheme is not None and config.scheme not in task.schemes:
        schemes = ", ".join(task.schemes)
        raise UsageError(
            f"{option('scheme')} says how labels are made of the types of entities; "
            + (f"{config.scheme} is none of {schemes}." if schemes else f"{task.name} has none."),
            hint=f"Leave out {option('scheme')}.",
        )
    if task.by_token and config.data.normalize:
        raise UsageError(
            f"{task.name} tells where in a text something stands; --normalize would move it.",
            hint="Leave out --normalize.",
        )
    splits = normalized_splits(splits, config.data.normalize)
    data_fingerprint = fingerprint(splits)
    given, removed = clean(splits, task) if config.data.clean else (splits, None)
    check_labels(given, task)
    labels = _labels(given.train, task, config.scheme) if known is None else known
    given = given.each(lambda split: aligned(split, labels))
    keys = task.strata(given.train.truths, labels)
    share = config.data.hold_out
    if share is None:
        share = default_hold_out(len(given.train), len(labels))
    splits = hold_out(
        given,
        share,
        keys,
        seed=config.recipe.seed or 0,
        single=task.single,
        shares=task.shares.one if task.shares else "",
        group=task.group,
        tell=notes.append,
    )
    objective = objective_named(task.name).fitted(splits.train.truths)
    _check_choices(config.recipe, objective, task)
    base = (
        open_static(splits.train.inputs, task)
        if config.model == DRAWN
        else open_base(config.model, task)
    )
    if told := pairs_told(base.head.pair_prompts):
        notes.append(told)
    encoder = base.encoder()
    special = len(encoder.encode([NOTHING[task.takes[0]]])[0].ids)
    learned = encoder.encode(splits.train.inputs)
    held_out = splits.validation if given.validation is None else None
    held = encoder.encode(held_out.inputs) if held_out is not None else []
    counts = count_tokens(learned, special)
    if not config.data.allow_unknown:
        check_known(counts, splits.train.inputs, config.model)
    recipe = resolve_recipe(
        config.recipe,
        Facts(
            width=base.width,
            rows=len(splits.train) + more_rows,
            classes=max(len(labels), 2),
            p99_tokens=counts.p99,
            length_limit=base.length_limit,
            static=base.static,
            smoothed=objective.smoothed,
            head=not task.embeds,
            paired=isinstance(splits.train.inputs[0], Pair) and not task.embeds,
            processes=hardware.processes,
        ),
    )
    uncut = [*learned, *held]
    rows = [splits.train, *([held_out] if held_out is not None else [])]
    inputs = [one for split in rows for one in split.inputs]
    truths = [one for split in rows for one in split.truths]
    report = describe(
        task,
        given,
        splits,
        [len(one.ids) for one in uncut],
        count_tokens(uncut, special),
        recipe.max_length,
        removed,
        notes,
        [
            *side_figures(inputs, uncut, special, recipe.max_length),
            *shared_figures(given),
            *(static_figures(inputs) if base.static and not task.embeds else ()),
            *objective.figures(
                inputs, _as_read(base, recipe.max_length, inputs, uncut), truths, labels
            ),
        ],
    )
    return Prepared(
        config=config,
        task=task,
        objective=objective,
        base=base,
        splits=splits,
        hold_out=share,
        data_fingerprint=data_fingerprint,
        labels=labels,
        recipe=recipe,
        hardware=hardware,
        report=report,
    )


def _judged(task: Task, splits: Splits) -> Task:
    """The task in the form of train's truths. Raises DataError where a split's are of another."""
    form = task.judging(splits.train.truths)
    for split in splits.present().values():
        other = task.judging(split.truths)
        if other is not form:
            raise DataError(
                f"{split.source} tells {other.marks.many} that give {_figures(other)}, and "
                f"{splits.train.source} those that give {_figures(form)}.",
                hint="Give files of one form to learn from and to judge by.",
            )
    return form


def _figures(task: Task) -> str:
    return " and ".join(task.metrics.values())


def _check_choices(choice: RecipeChoice, objective: Objective, task: Task) -> None:
    """Raise UsageError where the user weighs classes that there are not."""
    for name in sorted(OF_CLASSES - objective.choices):
        if getattr(choice, name):
            raise UsageError(
                f"{option(name)} is for classes, and a {task.noun} learns {task.marks.many}.",
                hint=f"Leave out {option(name)}.",
            )


def _as_read(
    base: BaseModel, max_length: int, inputs: Sequence[Input], uncut: Sequence[Encoded]
) -> list[Encoded]:
    """The inputs as they will be learned, in windows; the short ones are read already.

    So are those of up to half a window, at which a question is cut whatever its context leaves.
    """
    found = list(uncut)
    most = max_length // 2
    long = [at for at, one in enumerate(uncut) if base.task.by_token and len(one.ids) > most]
    read = base.encoder(max_length).encode([inputs[at] for at in long])
    for at, one in zip(long, read, strict=True):
        found[at] = one
    return found


def _labels(train: Examples, task: Task, scheme: str | None) -> tuple[str, ...]:
    """The labels in the order of their ids. Raises DataError where a scheme cannot hold them."""
    labels = task.labels(train)
    if scheme is None:
        return labels
    types = list(begins(labels))
    labels = task.schemes[scheme](types)
    lost = [name for name in types if name not in begins(labels)]
    if lost:
        raise DataError(
            f"{train.source}: under {option('scheme')} {scheme} the label {visible(lost[0])} would "
            "be read as another.",
            hint=f"Leave out {option('scheme')}, or give the label another name.",
        )
    return labels
