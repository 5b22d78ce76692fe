"""One number for each text or pair of texts: a rating, a price, how alike two texts are.

The graph gives (B, 1) logits that are the numbers themselves, in the units of the truths: what
training scaled is scaled back in the model's own head. Truths and answers are float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, group_of
from edgeft.tasks import numbered
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.joined import mean_of_parts
from edgeft.tasks.outputs import Outputs, dense, require_numbers
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import (
    always_plain,
    no_thresholds,
    nothing_further,
    of_one_form,
    reading_told,
)

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.number_metrics import NumberScores

__all__ = ["TASK", "Number"]

LOGITS = "logits"
SIGNIFICANT = 7  # digits of a number as it is shown: a float32 has no more
MOST_STRATA = 10  # groups of truths of like size, that a split keeps in proportion
LEAST_IN_STRATUM = 4
EQUAL = 1e-3  # of the range of the numbers: what lies no farther apart is the same

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a model gives a text, or a pair of texts, in the units it was trained on.

    ``truncated``, ``unknown_share``, ``windows``, ``stage`` and ``cut`` are as in a
    ``Classification``.
    """

    value: float
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    stage: str = ""
    cut: tuple[int, ...] = ()


# --- from outputs to answers ---------------------------------------------------------


def _values(outputs: Outputs) -> Floats:
    """The (N,) numbers. Raises RunError where one is none."""
    require_numbers(outputs)
    return dense(outputs, LOGITS)[:, 0].astype(np.float64)


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    """Every answer is clear: there is no next one that it could be taken for."""
    values = _values(outputs)
    return Answers(values, values, np.ones(len(values)))


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Number]:
    return [
        Number(value, one.truncated, one.unknown_share, one.windows, one.stage, one.lost)
        for value, one in zip(_values(outputs).tolist(), encoded, strict=True)
    ]


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    raise UsageError(
        "A number has no probability, so nothing tells when the next stage of a cascade is to be "
        "asked.",
        hint="Ask one model alone: load it with variant=…",
    )


def _relevance(predictions: Sequence[Number], labels: LabelNames, label: str | None) -> Floats:
    """The numbers themselves."""
    if label is not None:
        raise UsageError("A number has no labels.", hint="Leave label out: the number ranks.")
    return np.array([one.value for one in predictions], np.float64)


def _show(prediction: Number, full: bool) -> dict[str, Any]:
    value = float(f"{prediction.value:.{SIGNIFICANT}g}")
    return {"value": value, **reading_told(prediction)}


def _unit(outputs: Outputs) -> float:
    """The largest of the numbers, or 1: float32 rounds a share of a number away."""
    return max(1.0, float(np.abs(dense(outputs, LOGITS)).max(initial=0.0)))


def _limits(heads: Sequence[Head]) -> list[str]:
    known = next((head for head in heads if head.low is not None), None)
    told = "It answers every text with a number, whatever the text is about."
    if known is None:
        return [told]
    assert known.high is not None, "a range has two ends"
    return [
        f"{told} The truths of the rows that chose lie from {known.low:g} to {known.high:g}; an "
        "answer may lie outside."
    ]


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """1 less how far two numbers lie apart, as a share of the range of ``others``; 0 at the least.

    What lies no more than EQUAL of the range apart is the same. Where all others are one number, or
    as good as that, the range is taken for that number's size, or for 1 where that is more.
    """
    one, other = np.asarray(ones, np.float64), np.asarray(others, np.float64)  # (N,)
    if not len(other):
        return np.ones(0)
    size = max(1.0, float(np.abs(other).max()))
    spread = float(np.ptp(other))
    apart = np.abs(one - other) / (spread if spread > 1e-6 * size else size)
    close: Floats = np.where(apart <= EQUAL, 1.0, np.clip(1 - apart, 0.0, 1.0))
    return close


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "NumberScores":
    from edgeft.tasks.number_metrics import score_numbers

    return score_numbers(truths, answers)


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    """The range of the truths; it changes no answer."""
    truth = np.asarray(truths, np.float64)  # (N,)
    return replace(PLAIN, low=float(truth.min()), high=float(truth.max()))


# --- the data, which the runtime never reads -----------------------------------------


def _detect(source: "Source", columns: Columns) -> bool:
    from edgeft.data.numbers import holds_numbers

    return holds_numbers(source, columns)


def _aloud(source: "Source", columns: Columns) -> str:
    from edgeft.data import Table, holds_pairs

    told = (
        "its labels are numbers, by their name or as many of them differ, so a number is learned "
        "(text-regression); for classes: --task text-classification --label-column NAME"
    )
    if isinstance(source, Table) and holds_pairs(source.columns, columns):
        told += "; for vectors whose cosine says how alike two texts are: --task feature-extraction"
    return told


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.numbers import numbers_or_inputs

    return numbers_or_inputs(source, columns, tell, on_bad)


def _strata(truths: Rows, labels: LabelNames) -> list[str]:
    """Groups of like size from the lowest truths to the highest; equal ones stay together."""
    truth = np.asarray(truths, np.float64)  # (N,)
    groups = max(1, min(MOST_STRATA, len(truth) // LEAST_IN_STRATUM))
    ordered = np.sort(truth)
    firsts = ordered[[len(ordered) * at // groups for at in range(1, groups)]]  # (G - 1,)
    keys = np.searchsorted(np.unique(firsts), truth, side="right")  # (N,)
    counts = np.bincount(keys)
    # A group of one goes to the one below it, or above where there is none.
    for key in np.flatnonzero(counts == 1):
        others = np.flatnonzero((counts > 0) & (np.arange(len(counts)) != key))
        if len(others):
            near = others[np.argmin(np.abs(others - key))]
            keys[keys == key] = near
            counts = np.bincount(keys, minlength=len(counts))
    return [str(key) for key in keys.tolist()]


TASK = Task(
    name="text-regression",
    auto_class="AutoModelForSequenceClassification",
    export_task="text-classification",
    problem="regression",
    noun="scorer of texts",
    outputs={LOGITS: ("inputs", "one")},
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
    settings=frozenset(),
    metrics={"spearman": "Spearman", "pearson": "Pearson"},
    by_label="",
    provided="no answer to another text moves further than the furthest of these",
    alike="same number",
    alike_is="1 less how far two numbers lie apart, as a share of the range of all",
    schemes={},
    data="texts or pairs, and a number for each",
    example='{"sentence1": "A man eats.", "sentence2": "Someone eats.", "score": 4.2}',
    usage=Usage('model.predict("…").value'),
    limits=_limits,
    rules=lambda head: (),
    cautions=lambda heads, bare: (),
    formats={},
    roles=("text", "other", "label"),
    detect=_detect,
    aloud=_aloud,
    read=_read,
    labels=lambda examples: (),
    shown=lambda truths, labels: [() for _ in truths],
    truth_key=numbered.no_contradiction,
    strata=_strata,
    join=lambda outputs, encoded: mean_of_parts(outputs, encoded, LOGITS),
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
    check=numbered.no_wishes("A number"),
    show=_show,
    golden=GOLDEN_TEXTS,
    parity=parity_texts,
)
