"""How vectors find passages for queries: which ten come first, and how good these are. numpy.

All passages of the inputs are ranked for each query by the cosine of their vectors; equal passages
are one. A passage that is the query itself is left out, unless a pair says that it belongs.

nDCG@10 is that of Järvelin and Kekäläinen (2002, ACM TOIS 20), of which a passage's gain is 1 where
it belongs to the query: the sum of 1 / log2(1 + place) over those of the first ten that do, divided
by what it would be with all that belong in front. Recall@10 is the share of the passages that
belong which are among the first ten. Both are means over queries, however many passages each has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.data.belonging import Belonging, text_id
from edgeft.inputs import Input, Pair
from edgeft.tasks.task import LabelNames, Rows
from edgeft.tasks.usual import no_outcome, none_withheld
from edgeft.tasks.vectors import of_length_1

__all__ = [
    "TOP",
    "RetrievalScores",
    "first_of",
    "retrieval_figures",
    "same_first",
    "score_retrieval",
    "worst_query",
]

TOP = 10
DIGITS = 6  # of a cosine: what is nearer is equal, and the passage that stands first goes first
BLOCK = 256  # queries whose cosines with all passages are in memory at a time
NOBODY = -1  # an id that no text has
PLACES = ((1, 1), (2, 3), (4, 10))  # of the first passage that belongs, as a table shows them

Floats = NDArray[np.float64]
Ids = tuple[int, ...]
Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows


def first_of(
    rows: Sequence[NDArray[np.float32]], inputs: Sequence[Input]
) -> tuple[list[Ids], Floats]:
    """For each of N pairs the ids of the TOP passages of its query, and the margin of these.

    ``rows`` are (2, D) vectors each. The margin is how much nearer to the query the last of the
    first TOP is than the next, at most 1.
    """
    pairs = [one for one in inputs if isinstance(one, Pair)]
    assert len(pairs) == len(inputs), "passages are found for the queries of pairs"
    queries = [text_id(one.first) for one in pairs]
    passages = [text_id(one.second) for one in pairs]
    its: dict[int, int] = {}  # query, passage → the first row that has it
    for at, query in enumerate(queries):
        its.setdefault(query, at)
    firsts: dict[int, int] = {}
    for at, passage in enumerate(passages):
        firsts.setdefault(passage, at)
    own = set(zip(queries, passages, strict=True))
    ids = list(firsts)  # (P,)
    places = {passage: at for at, passage in enumerate(ids)}
    if not ids:
        return [], np.zeros(0)
    known = of_length_1(np.stack([rows[at][1] for at in firsts.values()]))  # (P, D)
    asked = list(its.items())
    found: dict[int, tuple[Ids, float]] = {}
    for begin in range(0, len(asked), BLOCK):
        some = asked[begin : begin + BLOCK]
        near = of_length_1(np.stack([rows[at][0] for _, at in some])) @ known.T  # (Q, P)
        near = np.round(near, DIGITS)
        for row, (query, _) in zip(near, some, strict=True):
            if query in places and (query, query) not in own:
                row[places[query]] = -np.inf
            found[query] = _first(row, ids)
    return (
        [found[query][0] for query in queries],
        np.array([found[query][1] for query in queries], np.float64),
    )


def _first(near: NDArray[np.float32], ids: Sequence[int]) -> tuple[Ids, float]:
    """The ids of the nearest TOP of (P,) passages, the nearest first, and their margin."""
    some = np.arange(len(near))
    if len(near) > TOP + 1:
        limit = np.partition(near, len(near) - TOP - 1)[len(near) - TOP - 1]
        some = np.flatnonzero(near >= limit)
    order = some[np.argsort(-near[some], kind="stable")]
    order = order[np.isfinite(near[order])]
    margin = 1.0
    if len(order) > TOP:
        margin = min(1.0, float(near[order[TOP - 1]] - near[order[TOP]]))
    return tuple(ids[at] for at in order[:TOP]), margin


# --- what they are worth ---------------------------------------------------------------


@dataclass(frozen=True)
class RetrievalScores:
    """How well queries find their passages, each figure the mean over queries.

    ``rows`` are the pairs that were read. ``at_first`` is the share of the queries whose first
    passage belongs to it. ``places`` are (place, last place, queries) of the first passage that
    belongs, the last of them (0, 0, queries) of those without any among the first ten.
    """

    rows: int
    queries: int
    passages: int
    ndcg: float
    recall: float
    at_first: float
    places: tuple[tuple[int, int, int], ...]

    @property
    def support(self) -> dict[str, int]:
        """Empty: there are no labels."""
        return {}

    def figure(self, metric: str) -> float:
        """nDCG@10 or recall@10."""
        return {"ndcg_at_10": self.ndcg, "recall_at_10": self.recall}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {"ndcg_at_10": self.ndcg, "recall_at_10": self.recall, "rows": self.rows}

    def summary(self) -> dict[str, str]:
        """Both, how often the first passage belongs, and among how many."""
        return {
            "nDCG@10": f"{self.ndcg:.4f}",
            "recall@10": f"{self.recall:.4f}",
            "first belongs": f"{self.at_first:.4f}",
            "queries": f"{self.queries:,}",
            "passages": f"{self.passages:,}",
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        names = ("first", "last", "queries")
        return {
            **self.headline(),
            "first_belongs": self.at_first,
            "queries": self.queries,
            "passages": self.passages,
            "places": [dict(zip(names, one, strict=True)) for one in self.places],
        }

    outcome = no_outcome
    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """Where the first passage that belongs stands."""
        rows: list[list[object]] = [
            [
                "beyond" if not first else f"{first}" if first == last else f"{first} to {last}",
                count,
                f"{count / max(1, self.queries):.1%}",
            ]
            for first, last, count in self.places
        ]
        columns = ["place", "queries", "share"]
        return [(f"{title}: where the first passage that belongs stands", columns, rows)]


def score_retrieval(truths: Sequence[Belonging], answers: Sequence[Ids]) -> RetrievalScores:
    """Score what N pairs' queries found.

    Raises ValueError where the lists are empty or differ in length.
    """
    if len(truths) != len(answers) or not truths:
        raise ValueError("truths and answers must have the same length, at least 1")
    counted, ndcg, recall = _by_query(truths, answers)
    own = _own(truths)
    first = [
        next((place for place, one in enumerate(answers[at], 1) if one in own[truths[at].query]), 0)
        for at in counted
    ]
    spans = (*PLACES, (0, 0))
    places = tuple((low, high, sum(low <= one <= high for one in first)) for low, high in spans)
    size = max(1, len(counted))
    return RetrievalScores(
        rows=len(truths),
        queries=len(counted),
        passages=len({one.passage for one in truths}),
        ndcg=round(float(ndcg.sum()) / size, DIGITS),
        recall=round(float(recall.sum()) / size, DIGITS),
        at_first=round(sum(one == 1 for one in first) / size, DIGITS),
        places=places,
    )


def retrieval_figures(
    truths: Rows, answers: Rows, labels: LabelNames, weights: Floats
) -> dict[str, Floats]:
    """``Task.figures``: both, (D,) each. A query weighs as the first of its pairs that belong."""
    counted, ndcg, recall = _by_query(list(truths), list(answers))
    its = weights[counted]  # (Q, D)
    whole = np.maximum(its.sum(axis=0), np.finfo(np.float64).tiny)
    return {"ndcg_at_10": ndcg @ its / whole, "recall_at_10": recall @ its / whole}


def worst_query(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[Belonging, Ids, Ids]:
    """A query more whose one passage the reference has in front and these answers nowhere."""
    return Belonging(NOBODY, NOBODY, True), (), (NOBODY,)


def same_first(ones: Rows, others: Rows) -> Floats:
    """The share of the others' first passages that are among these, wherever they stand.

    Of truths whether the passage that belongs is among them; of one that does not, 1.
    """
    return np.array([_same(one, other) for one, other in zip(ones, others, strict=True)], float)


def _same(one: Ids, other: Ids | Belonging) -> float:
    if isinstance(other, Belonging):
        return float(not other.belongs or other.passage in one)
    return sum(passage in one for passage in other) / len(other) if other else 1.0


def _own(truths: Sequence[Belonging]) -> dict[int, set[int]]:
    """By query, the passages that belong to it."""
    own: dict[int, set[int]] = {}
    for one in truths:
        if one.belongs:
            own.setdefault(one.query, set()).add(one.passage)
    return own


def _by_query(
    truths: Sequence[Belonging], answers: Sequence[Ids]
) -> tuple[list[int], Floats, Floats]:
    """The first row of each of Q queries that has a passage; (Q,) nDCG@10 and recall@10."""
    own = _own(truths)
    counted, seen = [], set()
    for at, one in enumerate(truths):
        if one.query in own and one.query not in seen:
            seen.add(one.query)
            counted.append(at)
    gains = 1 / np.log2(np.arange(2, TOP + 2))  # (TOP,)
    best = np.cumsum(gains)
    ndcg, recall = np.zeros(len(counted)), np.zeros(len(counted))
    for place, at in enumerate(counted):
        belong = own[truths[at].query]
        hits = [rank for rank, one in enumerate(answers[at]) if one in belong]
        ndcg[place] = gains[hits].sum() / best[min(len(belong), TOP) - 1]
        recall[place] = len(hits) / len(belong)
    return counted, ndcg, recall
