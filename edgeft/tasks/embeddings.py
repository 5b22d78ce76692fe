"""A vector for each text, and for a pair how alike its two texts are: their vectors' cosine.

The graph pools and, where the model does, brings vectors to length 1: it gives (B, D). The two
texts of a ``Pair`` are read apart. A truth is a number, one for each pair; what counts is that the
cosines of pairs are in the order of their numbers. Answers are (N,) cosines of pairs, or a list of
vectors where there are texts, which nothing but ``same`` compares.

In its other form a truth says that the texts of a pair belong together, as a query and a passage,
or that they do not. Then an answer is the passages, of all pairs, that are nearest to the query.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, columns_of, group_of
from edgeft.tasks import numbered
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.outputs import Array, Outputs, dense, ragged, require_numbers
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import always_plain, form_tells, no_thresholds, nothing_further, of_one_form

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.retrieval import RetrievalScores
    from edgeft.tasks.similarity_metrics import SimilarityScores

__all__ = ["TASK", "VECTOR", "Embedding", "Similarity", "cosines", "of_length_1"]

VECTOR = "sentence_embedding"  # as sentence-transformers calls it
SHARE_DIGITS, COSINE_DIGITS = 4, 6
SIGNIFICANT = 7  # digits of a number as it is shown: a float32 has no more
TINY = 1e-12  # instead of the length of a vector without any

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no one answer to whether they are equal
class Embedding:
    """One text's vector, (D,) float32.

    ``truncated``, ``unknown_share``, ``windows`` and ``stage`` are as in a ``Classification``; the
    vector of windows is the mean of theirs, each weighted by its own tokens, brought to length 1
    where the model does so. ``tokens`` are those that were read, the special ones included.
    """

    vector: Array
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    stage: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike the two texts of a ``Pair`` are: ``score`` is the cosine of their vectors, -1 to 1.

    ``windows`` are those of both texts; the other fields are as in an ``Embedding``.
    """

    score: float
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 2
    stage: str = ""


def of_length_1(vectors: Array) -> Array:
    """(…, D) vectors brought to length 1; one without any length stays as it is."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float32).sum(axis=-1, keepdims=True))
    scaled: Array = (vectors / np.maximum(lengths, TINY)).astype(np.float32)
    return scaled


# --- from outputs to answers ---------------------------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """Of each text (1, D), of each pair (2, D): the mean of its parts weighted by fresh tokens."""
    vectors = dense(outputs, VECTOR)  # (R, D)
    if len(vectors) == len(encoded):
        return {VECTOR: list(vectors[:, None])}
    found, begin = [], 0
    for one in encoded:
        rows = vectors[begin : begin + len(one.parts)]  # (P, D)
        begin += len(rows)
        second = one.second or len(rows)
        sides = [_mean(rows[:second], one, 0)]
        if one.second:
            sides.append(_mean(rows[second:], one, second))
        found.append(np.stack(sides))
    return {VECTOR: found}


def _mean(rows: Array, one: Encoded, begin: int) -> Array:
    if len(rows) == 1:
        only: Array = rows[0]
        return only
    weights = [max(part.fresh, 1) for part in one.parts[begin : begin + len(rows)]]
    mean: Array = np.average(rows, axis=0, weights=weights).astype(np.float32)
    return mean


def _vectors(outputs: Outputs, encoded: Sequence[Encoded], head: Head) -> list[Array]:
    """The joined (1, D) or (2, D) of each input, those of windows brought to length 1 anew.

    Raises RunError where a number is none.
    """
    require_numbers(outputs)
    rows = ragged(outputs, VECTOR)
    if not head.unit_length:
        return rows
    return [
        of_length_1(row) if len(one.parts) > len(row) else row
        for row, one in zip(rows, encoded, strict=True)
    ]


def cosines(rows: Sequence[Array]) -> Floats:
    """The (N,) cosines of N pairs of vectors, (2, D) each."""
    if not len(rows):
        return np.zeros(0)
    both = np.stack(rows).astype(np.float64)  # (N, 2, D)
    lengths = np.sqrt(np.square(both).sum(axis=2))  # (N, 2)
    found: Floats = (both[:, 0] * both[:, 1]).sum(axis=1) / np.maximum(lengths.prod(axis=1), TINY)
    return found


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    """Every answer is clear: there is no next one that it could be taken for."""
    rows = _vectors(outputs, encoded, head)
    given: Rows
    if all(isinstance(one, Pair) for one in inputs):
        given = cosines(rows)
    else:
        given = [row.ravel() for row in rows]
    return Answers(given, given, np.ones(len(rows)))


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Any]:
    found: list[Embedding | Similarity] = []
    for row, one in zip(_vectors(outputs, encoded, head), encoded, strict=True):
        told = (one.truncated, one.unknown_share, len(one.parts), one.stage)
        if one.second:
            found.append(Similarity(float(cosines([row])[0]), *told))
        else:
            tokens = sum(len(part.ids) for part in one.parts)
            found.append(Embedding(row[0], *told, tokens))
    return found


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    raise UsageError(
        "A vector has no probability, so nothing tells when the next stage of a cascade is to be "
        "asked.",
        hint="Ask one model alone: load it with variant=…",
    )


def _relevance(predictions: Sequence[Embedding], labels: LabelNames, label: str | None) -> Floats:
    """The cosines of all vectors but the first with that one, which is the query's."""
    if label is not None:
        raise UsageError(f"There is no label {label!r} to rank by: vectors have none.")
    vectors = [one.vector for one in predictions]
    return cosines([np.stack([vectors[0], one]) for one in vectors[1:]])


def _show(prediction: Embedding | Similarity, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = (
        {"vector": [float(f"{one:.{SIGNIFICANT}g}") for one in prediction.vector.tolist()]}
        if isinstance(prediction, Embedding)
        else {"score": round(prediction.score, COSINE_DIGITS)}
    )
    shown["truncated"] = prediction.truncated
    shown["unknown_share"] = round(prediction.unknown_share, SHARE_DIGITS)
    if prediction.windows > 1 + isinstance(prediction, Similarity):
        shown["windows"] = prediction.windows
    return shown


def _unit(outputs: Outputs) -> float:
    """The largest of the numbers: float32 rounds a share of a number away."""
    rows = outputs[VECTOR]
    largest = max((float(np.abs(row).max(initial=0.0)) for row in rows), default=0.0)
    return max(largest, TINY)


def _limits(heads: Sequence[Head]) -> list[str]:
    head = heads[0]
    told = [
        f"Vectors have {head.dimensions} numbers: {head.pooling} pooling"
        + (", brought to length 1." if head.unit_length else ", of any length.")
        + " Those of another bundle are not comparable with them, whatever their size."
    ]
    if head.prompts:
        names = ", ".join(head.prompts)
        told.append(
            f"It was trained with prompts before texts ({names}): `model.embed(…, prompt=NAME)` "
            "puts one there."
        )
    return told


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """Of vectors their cosine, of cosines 1 less how far they lie apart; neither below 0."""
    if not len(ones):
        return np.zeros(0)
    if np.ndim(next(iter(ones))) == 0:
        apart = np.abs(np.asarray(ones, np.float64) - np.asarray(others, np.float64))  # (N,)
        return np.clip(np.round(1 - apart, SHARE_DIGITS), 0.0, 1.0)
    pairs = [np.stack(both) for both in zip(ones, others, strict=True)]
    found = [cosines([both])[0] for both in pairs]
    close: Floats = np.clip(np.round(found, COSINE_DIGITS), 0.0, 1.0)
    return close


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "SimilarityScores":
    from edgeft.tasks.similarity_metrics import score_similarities

    return score_similarities(truths, answers)


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    """Nothing is set by rows."""
    return PLAIN


# --- the data, which the runtime never reads -----------------------------------------


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.belonging import pairs_or_inputs

    return pairs_or_inputs(source, columns, tell, on_bad)


def _truth_key(one: Input, truth: Any) -> Hashable:
    """Two numbers of one pair contradict each other as little as two people who judged it."""
    return None


# --- the form of pairs that belong together ------------------------------------------


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

    first, margin = first_of(_vectors(outputs, encoded, head), inputs)
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


def _strata(truths: Rows, labels: LabelNames) -> list[str]:
    from edgeft.tasks.numbers import TASK as NUMBERS

    return NUMBERS.strata(truths, labels)


_BY_NUMBERS = Task(
    name="feature-extraction",
    auto_class="AutoModel",
    problem="",
    export_task="feature-extraction",
    noun="text encoder",
    outputs={VECTOR: ("inputs", "dimensions")},
    unit=_unit,
    takes=(str, Pair),
    asks=Noun("text", "texts"),
    marks=Noun("number", "numbers"),
    counted=Noun("number", "numbers"),
    shares=None,
    group=group_of,
    forms=(),
    suits=of_one_form,
    judged=Noun("text", "texts"),
    single=True,
    settings=frozenset(),
    metrics={"spearman": "Spearman", "pearson": "Pearson"},
    by_label="",
    provided="no answer to another pair moves further than the furthest of these",
    alike="same direction",
    alike_is="the mean cosine of both vectors; of pairs 1 less how far the two cosines lie apart",
    schemes={},
    data="pairs of texts with a number that says how alike they are, or without one: pairs that "
    "belong together, such as query and passage; and maybe a third text that does not",
    example='{"sentence1": "A man eats.", "sentence2": "Someone eats.", "score": 4.2}',
    usage=Usage('model.embed(["…"])'),
    limits=_limits,
    rules=lambda head: (),
    cautions=lambda heads, bare: (),
    formats={},
    roles=("text", "other", "negative", "label"),
    detect=lambda source, columns: False,  # pairs and numbers are read as text-regression
    aloud=form_tells,
    read=_read,
    labels=lambda examples: (),
    shown=lambda truths, labels: [() for _ in truths],
    truth_key=_truth_key,
    strata=_strata,
    join=_join,
    answer=_answer,
    decode=_decode,
    sure=_sure,
    relevance=_relevance,
    doubts=False,
    same=_same,
    score=_score,
    figures=numbered.number_figures,
    worst=numbered.number_worst,
    further=nothing_further,
    unfitted=always_plain,
    suited=no_thresholds,
    fit=_fit,
    check=numbered.no_wishes("A vector"),
    show=_show,
    golden=GOLDEN_TEXTS,
    parity=parity_texts,
)

_PAIR = Noun("pair", "pairs")
_BY_BELONGING = replace(
    _BY_NUMBERS,
    asks=_PAIR,
    marks=_PAIR,
    counted=_PAIR,
    shares=Noun("query", "queries"),
    group=lambda one: columns_of(one)[:1],
    suits=_tells_belonging,
    judged=_PAIR,
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
TASK = replace(_BY_NUMBERS, forms=(_BY_BELONGING,))
