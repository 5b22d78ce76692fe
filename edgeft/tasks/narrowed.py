"""A task as one model answers it, which was made for pairs of texts alone, or for single texts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from edgeft.inputs import Input, Pair
from edgeft.tasks.builtin import GOLDEN_PAIRS, parity_pairs
from edgeft.tasks.task import PAIR, PAIRS, TEXTS, Task

__all__ = ["kind_asked", "narrowed", "takes_of"]


@cache
def narrowed(task: Task, takes: str) -> Task:
    """The task of a model that takes "pairs" alone, or "texts" alone; "" for what the task takes.

    A task that is asked but one kind stays as it is; so does one that reads the texts of a pair
    apart, which is the same for it as single texts.
    """
    if not takes or not _has_choice(task):
        return task
    if takes == TEXTS:
        return replace(task, takes=(str,))
    return replace(
        task,
        takes=(Pair,),
        asks=PAIR,
        counted=PAIR if task.counted == task.asks else task.counted,
        judged=PAIR if task.judged == task.asks else task.judged,
        usage=replace(
            task.usage,
            predict=task.usage.predict.replace('"…"', 'edgeft.Pair("…", "…")'),
            given='"…", "…"',
        ),
        golden=GOLDEN_PAIRS,
        parity=parity_pairs,
    )


def _has_choice(task: Task) -> bool:
    return {str, Pair} <= {*task.takes} and not task.embeds


def takes_of(task: Task) -> str:
    """What made it what it is: "pairs", "texts", or "" for a task as it is."""
    if "other" not in task.roles or {str, Pair} <= {*task.takes}:
        return ""
    return TEXTS if str in task.takes else PAIRS


def kind_asked(task: Task, inputs: Sequence[Input]) -> str:
    """What a model is made for that learns from these: "pairs", "texts", or "" without a choice."""
    if not _has_choice(task):
        return ""
    return PAIRS if isinstance(inputs[0], Pair) else TEXTS
