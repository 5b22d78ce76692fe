"""The form of vectors for pairs that belong together, such as query and passage, or do not.

An answer to a pair is the passages, of all pairs, that are nearest to its query.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.inputs import Input, columns_of
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Outputs
from edgeft.tasks.task import PAIR, Answers, LabelNames, Noun, Rows, Task
from edgeft.tasks.vectors import told_vectors

if TYPE_CHECKING:
    from edgeft.tasks.retrieval import RetrievalScores

__all__ = ["belonging_form"]

Floats = NDArray[np.float64]


def _tells_belonging(truths: Rows) -> bool:
    from edgeft.data.belonging import Belonging

    return isinstance(next(iter(truths)), Belonging)


def _answer_first(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    """An answer is clear where the next passage lies well behind the last of the first ten."""
    from edgeft.tasks.retrieval import first_of

    first, margin = first_of(told_vectors(outputs, encoded, head), inputs)
    return Answers(first, first, margin)


def _score_first(truths: Rows, answers: Rows, labels: LabelNames) -> "RetrievalScores":
    from edgeft.tasks.retrieval import score_retrieval

    return score_retrieval(list(truths), list(answers))


def _first_figures(
    truths: Rows, answers: Rows, labels: LabelNames, weights: Floats
) -> dict[str, Floats]:
    from edgeft.tasks.retrieval import retrieval_figures

    return retrieval_figures(truths, answers, labels, weights)


def _worst_first(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[Any, Any, Any]:
    from edgeft.tasks.retrieval import worst_query

    return worst_query(truths, answers, references, labels, weight)


def _same_first(ones: Rows, others: Rows) -> Floats:
    from edgeft.tasks.retrieval import same_first

    return same_first(ones, others)


def belonging_form(by_numbers: Task) -> Task:
    """What a task of vectors is where its truths say which texts belong together."""
    return replace(
        by_numbers,
        asks=PAIR,
        marks=PAIR,
        counted=PAIR,
        shares=Noun("query", "queries"),
        group=lambda one: columns_of(one)[:1],
        sided=True,
        suits=_tells_belonging,
        judged=PAIR,
        metrics={"ndcg_at_10": "nDCG@10", "recall_at_10": "recall@10"},
        provided="",
        alike="same top 10",
        alike_is="the share of the ten passages nearest to a query, of all, that are the same",
        truth_key=lambda one, truth: truth.belongs,
        strata=lambda truths, labels: [""] * len(truths),
        answer=_answer_first,
        same=_same_first,
        score=_score_first,
        figures=_first_figures,
        worst=_worst_first,
    )
