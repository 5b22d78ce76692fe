"""A vector for each text, and for a pair how alike its two texts are: their vectors' cosine.

The graph pools and, where the model does, brings vectors to length 1: it gives (B, D). The two
texts of a ``Pair`` are read apart. A truth is a number, one for each pair; what counts is that the
cosines of pairs are in the order of their numbers. Answers are (N,) cosines of pairs, or a list of
vectors where there are texts, which nothing but ``same`` compares.

Where truths say which texts belong together, it is of ``belonging``'s form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, group_of
from edgeft.tasks import numbered
from edgeft.tasks.belonging import belonging_form
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.outputs import Array, Outputs
from edgeft.tasks.prompts import pairs_told
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import (
    always_plain,
    no_thresholds,
    nothing_further,
    of_one_form,
    reading_told,
)
from edgeft.tasks.vectors import TINY, VECTOR, cosines, joined_vectors, told_vectors

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.similarity_metrics import SimilarityScores

__all__ = ["TASK", "Embedding", "Similarity"]

SHARE_DIGITS, COSINE_DIGITS = 4, 6
SIGNIFICANT = 7  # digits of a number as it is shown: a float32 has no more

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

    ``windows`` are those of both texts. ``cut`` tells of a truncated pair how many tokens each of
    its texts lost, else it is (). The other fields are as in an ``Embedding``.
    """

    score: float
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 2
    stage: str = ""
    cut: tuple[int, ...] = ()


# --- from outputs to answers ---------------------------------------------------------


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    """Every answer is clear: there is no next one that it could be taken for."""
    rows = told_vectors(outputs, encoded, head)
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
    for row, one in zip(told_vectors(outputs, encoded, head), encoded, strict=True):
        told = (one.truncated, one.unknown_share, len(one.parts), one.stage)
        if one.second:
            found.append(Similarity(float(cosines([row])[0]), *told, one.lost))
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
    if isinstance(prediction, Similarity):
        score = round(prediction.score, COSINE_DIGITS)
        return {"score": score, **reading_told(prediction, usual_windows=2)}
    vector = [float(f"{one:.{SIGNIFICANT}g}") for one in prediction.vector.tolist()]
    return {"vector": vector, **reading_told(prediction)}


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
            f"puts one there. {pairs_told(head.pair_prompts)}".rstrip()
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


def _detect(source: "Source", columns: Columns) -> bool:
    """Pairs and numbers are read as text-regression, and pairs alone may lack their labels."""
    from edgeft.data.belonging import holds_triples

    return holds_triples(source, columns)


def _aloud(source: "Source", columns: Columns) -> str:
    return (
        "two texts of each row belong together and a third does not, so vectors are learned "
        "(feature-extraction); for labels of pairs: --label-column NAME"
    )


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.belonging import pairs_or_inputs

    return pairs_or_inputs(source, columns, tell, on_bad)


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
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("text", "texts"),
    single=True,
    settings=frozenset({"pair_prompts"}),
    metrics={"spearman": "Spearman", "pearson": "Pearson"},
    by_label="",
    provided="no answer to another pair moves further than the furthest of these",
    alike="same direction",
    alike_is="the mean cosine of both vectors; of pairs 1 less how far the two cosines lie apart",
    schemes={},
    data="pairs of texts with a number that says how alike they are, or without one: pairs that "
    "belong together, such as query and passage; and maybe a third text that does not",
    example='{"query": "Who is in Rome?", "passage": "Ada is in Rome.", "negative": "Bo is not."}',
    usage=Usage('model.embed(["…"])'),
    limits=_limits,
    rules=lambda head: (),
    cautions=lambda heads, bare: (),
    formats={},
    roles=("text", "other", "negative", "label"),
    detect=_detect,
    aloud=_aloud,
    read=_read,
    labels=lambda examples: (),
    shown=lambda truths, labels: [() for _ in truths],
    truth_key=numbered.no_contradiction,
    strata=_strata,
    join=joined_vectors,
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
TASK = replace(_BY_NUMBERS, forms=(belonging_form(_BY_NUMBERS),))
