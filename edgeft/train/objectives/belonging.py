"""Vectors by which a query's own passages are nearer to it than all others of the batch.

The loss is in-batch negatives (Henderson et al. 2017, arXiv:1705.00652, section 4; called
MultipleNegativesRankingLoss by sentence-transformers): the cross entropy of each query's own
passage among all passages of the batch, under their cosines times SCALE. A third text of a row is
one passage more for every query. What else belongs to a query is no rival of its own passage: it
is left out, as is a passage that stands in the batch twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeft.data.belonging import Belonging
from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.vectors import VECTOR
from edgeft.train.objectives.objective import Figure, LearnedRow, Objective, as_it_is, no_classes

__all__ = ["OBJECTIVE"]

SCALE = 20.0  # of cosines, as sentence-transformers has it
BLOCK = 32  # validation rows that are told apart at a time, for the loss that is told

# (the passages, own first and then the third text's, and all that belong to the query)
Target = tuple[tuple[int, ...], frozenset[int]]


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[Belonging],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """For each pair that belongs together a row: its two texts, and one that does not, if any.

    Of a query with more of the latter than pairs that belong, these come several times.
    """
    own: dict[int, list[int]] = {}  # query → where the pairs are that belong
    others: dict[int, list[int]] = {}
    for at, one in enumerate(truths):
        (own if one.belongs else others).setdefault(one.query, []).append(at)
    found: list[list[LearnedRow]] = [[] for _ in truths]
    for query, places in own.items():
        belong = frozenset(truths[at].passage for at in places)
        beside = [at for at in others.get(query, ()) if truths[at].passage not in belong]
        for turn in range(max(len(places), len(beside))):
            at = places[turn % len(places)]
            parts = [encoded[at].parts[0], encoded[at].parts[encoded[at].second]]
            passages = [truths[at].passage]
            if turn < len(beside):
                third = beside[turn]
                parts.append(encoded[third].parts[encoded[third].second])
                passages.append(truths[third].passage)
            row = at if turn < len(places) else beside[turn]
            found[row].append((tuple(parts), (tuple(passages), belong)))
    return found


def _pad(targets: Sequence[Target], width: int) -> dict[str, Any]:
    """``left_out``: (B, C) of B queries which of the C passages is no rival; none of its own."""
    return {"left_out": torch.from_numpy(_left_out(targets))}


def _left_out(targets: Sequence[Target]) -> NDArray[np.bool_]:
    """Passages stand in the order of the vectors: the queries' own, then the third texts."""
    passages = [passages[0] for passages, _ in targets]
    passages += [third for passages, _ in targets for third in passages[1:]]
    left = np.zeros((len(targets), len(passages)), np.bool_)  # (B, C)
    for at, (_, belong) in enumerate(targets):
        seen: set[int] = set()
        for place, passage in enumerate(passages):
            left[at, place] = passage in belong or passage in seen
            seen.add(passage)
        left[at, at] = False
    return left


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """The sum over queries; vectors are (B + C, D), the queries' before the passages'."""
    vectors = torch.nn.functional.normalize(getattr(outputs, VECTOR).float(), dim=1)
    left_out = batch["left_out"]  # (B, C)
    size = len(left_out)
    near = SCALE * vectors[:size] @ vectors[size:].T  # (B, C)
    near = near.masked_fill(left_out, -torch.inf)
    own = torch.arange(size, device=near.device)
    return torch.nn.functional.cross_entropy(near, own, reduction="sum")


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The mean over queries, of blocks of BLOCK rows."""
    total, begin = 0.0, 0
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        sides: list[list[int]] = [[], [], []]  # the places of queries, passages and third texts
        for parts, _ in some:
            assert isinstance(parts, tuple), "rows have two texts or three"
            for side in range(len(parts)):
                sides[side].append(begin + side)
            begin += len(parts)
        vectors = outputs[VECTOR][[at for side in sides for at in side]].astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        near = SCALE * vectors[: len(some)] @ vectors[len(some) :].T  # (B, C)
        near[_left_out([target for _, target in some])] = -np.inf
        top = near.max(axis=1)
        spread = np.log(np.exp(near - top[:, None]).sum(axis=1)) + top
        total += float((spread - np.diagonal(near)).sum())
    return total / max(1, len(rows))


def _figures(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[Belonging],
    labels: tuple[str, ...],
) -> tuple[Figure, ...]:
    """How many different texts there are on either side."""
    belong = [one for one in truths if one.belongs]
    queries = {one.query for one in truths}
    bare = len(queries - {one.query for one in belong})
    return (
        Figure(
            "belonging",
            "texts that are told apart",
            {
                "queries": len(queries),
                "passages": len({one.passage for one in truths}),
                "pairs that belong": len(belong),
                "pairs that do not": len(truths) - len(belong),
            },
            f"{bare:,} {'query has' if bare == 1 else 'queries have'} no passage that belongs, "
            "and nothing is learned of such."
            if bare
            else "",
        ),
    )


def _soft(said: Any, taught: Any, temperature: float) -> Any:
    """How far each vector points away from the teacher's: 1 less the cosine."""
    return 1 - torch.nn.functional.cosine_similarity(said.float(), taught.float(), dim=-1)


OBJECTIVE: Objective = Objective(
    fitted=lambda truths: OBJECTIVE,
    begin=as_it_is,
    within=as_it_is,
    choices=frozenset(),
    targets=_targets,
    pad=_pad,
    count=len,
    weights=no_classes,
    loss=_loss,
    soft=_soft,
    numpy_loss=_numpy_loss,
    figures=_figures,
    config=lambda labels: {},
    smoothed=False,
    blank=None,
)
