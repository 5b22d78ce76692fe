"""What a model is asked to rank texts by a query, and their order by its answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair
from edgeft.tasks.head import Head
from edgeft.tasks.prompts import before_pair, for_pairs
from edgeft.tasks.ranked import Ranked
from edgeft.tasks.task import LabelNames, Task

__all__ = ["best_texts", "check_ranks", "asked_to_rank"]


def asked_to_rank(task: Task, head: Head, query: str, texts: Sequence[str]) -> list[Input]:
    """A pair for each text, or where a model embeds the query and behind it the texts.

    Of those each stands behind the prompt that is meant for it, where the model has one.
    """
    if not task.embeds:
        return [Pair(query, text) for text in texts]
    names = for_pairs(head.prompts, head.prompt, sided=True)
    first, second = before_pair(replace(head, pair_prompts=names))
    return [first + query, *(second + text for text in texts)]


def check_ranks(task: Task, labels: LabelNames, label: str | None) -> None:
    """Raise UsageError where a model gives nothing to rank by."""
    task.relevance([], labels, label)
    if Pair not in task.takes:
        raise UsageError(
            "This model judges single texts, so none can be ranked by a query.",
            hint="Take one that judges pairs, or one that gives vectors.",
        )


def best_texts(
    task: Task,
    predictions: Sequence[Any],
    labels: LabelNames,
    texts: Sequence[str],
    top: int | None,
    label: str | None,
) -> list[Ranked]:
    """Texts by the predictions for ``asked_to_rank``, the best first; equals as they came."""
    if not texts:
        return []
    scores = task.relevance(predictions, labels, label)  # (N,)
    order = np.argsort(-scores, kind="stable")[:top].tolist()
    return [Ranked(at, texts[at], float(scores[at])) for at in order]
