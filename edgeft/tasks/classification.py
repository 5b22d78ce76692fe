"""One label for each text.

A truth is a class id, the place of its label in ``labels``; so is an answer, or -1 where it was
withheld. The graph gives (B, C) logits, and from it to the predictions they stay one array.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.inputs import Input, Pair, group_of
from edgeft.tasks import labelled
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head
from edgeft.tasks.joined import mean_of_parts
from edgeft.tasks.lazy_scores import LazyScores
from edgeft.tasks.outputs import Array, Outputs, dense, require_numbers, softmax, tempered
from edgeft.tasks.ranked import ranked_by, scores_of
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.thresholds import (
    UNKNOWN,
    check_wish,
    chosen,
    fit_head,
    limits_of,
    rules_of,
    too_low,
)
from edgeft.tasks.usual import always_plain, no_thresholds, of_logits, of_one_form, reading_told

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.metrics import ClassificationScores

__all__ = ["TASK", "Classification"]

LOGITS = "logits"
WITHHELD = -1  # the id of an answer that is not given
SCORE_DIGITS = 6

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classification:
    """One text's predicted class.

    ``score`` is the softmax probability of ``label``; ``scores`` holds that of
    every label. Where the model was told to rather abstain, ``abstained`` is True,
    ``label`` is "unknown" and ``score`` that of the label it would
    have given. ``truncated`` says that the text was longer than the model
    takes, so only its beginning was read; ``unknown_share`` is the share of its
    tokens, 0 to 1, that the tokenizer did not know; ``windows`` is the number of
    overlapping parts in which it was read (``on_long="window"``). ``stage`` names the model that
    answered where the bundle is a cascade, else it is "". ``cut`` tells of a truncated pair how
    many tokens each of its texts lost, else it is ().
    """

    label: str
    score: float
    scores: Mapping[str, float]
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    abstained: bool = False
    stage: str = ""
    cut: tuple[int, ...] = ()


# --- from outputs to answers ---------------------------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    return mean_of_parts(outputs, encoded, LOGITS)


def _scores(outputs: Outputs, head: Head) -> Array:
    """The (N, C) probabilities. Raises RunError where a logit is no number."""
    return softmax(_tempered_logits(outputs, head))


def _tempered_logits(outputs: Outputs, head: Head) -> Array:
    """The (N, C) logits of which scores are the softmax. Raises RunError where one is no number."""
    logits = dense(tempered(outputs, head.temperature), LOGITS)
    require_numbers({LOGITS: logits})
    return logits


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    scores = _scores(outputs, replace(head, temperature=1.0))  # (N, C)
    best = np.sort(scores, axis=1)  # (N, C), the best last
    margin = best[:, -1] - best[:, -2] if len(labels) > 1 else np.ones(len(scores))
    likeliest: Ids = dense(outputs, LOGITS).argmax(axis=1)
    given = likeliest
    if head.label or head.abstain_below:
        scores = _scores(outputs, head)
        given = chosen(scores, labels, head)
        given = np.where(too_low(scores, given, head), WITHHELD, given)
    return Answers(given, likeliest, margin.astype(np.float64))


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Classification]:
    scores = _scores(outputs, head)  # (N, C)
    best = chosen(scores, labels, head)  # (N,)
    withheld = too_low(scores, best, head)
    given = scores[np.arange(len(best)), best].tolist()
    rows = zip(best.tolist(), given, scores, withheld.tolist(), encoded, strict=True)
    return [
        Classification(
            label=UNKNOWN if abstained else labels[at],
            score=score,
            scores=LazyScores(labels, row.tobytes()),
            truncated=one.truncated,
            unknown_share=one.unknown_share,
            windows=one.windows,
            abstained=abstained,
            stage=one.stage,
            cut=one.lost,
        )
        for at, score, row, abstained, one in rows
    ]


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    """The largest of each text's probabilities, to the bit, without computing the others."""
    logits = _tempered_logits(outputs, head)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # (N, C)
    best: Floats = (np.float32(1) / powers.sum(axis=1)).astype(np.float64)
    return best


def _relevance(
    predictions: Sequence[Classification], labels: LabelNames, label: str | None
) -> Floats:
    """The probability of a label: of two the second unless another is named."""
    its = ranked_by(label, labels, usual=1 if len(labels) == 2 else None)
    return scores_of(predictions, its)


def _show(prediction: Classification, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "label": prediction.label,
        "score": round(prediction.score, SCORE_DIGITS),
        **reading_told(prediction),
    }
    if prediction.abstained:
        shown["abstained"] = True
    if full:
        scores = prediction.scores.items()
        shown["scores"] = {label: round(one, SCORE_DIGITS) for label, one in scores}
    return shown


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    same: NDArray[np.bool_] = np.asarray(ones, np.int64) == np.asarray(others, np.int64)  # (N,)
    return same.astype(np.float64)


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "ClassificationScores":
    from edgeft.tasks.metrics import score_classification

    return score_classification(truths, answers, labels)


def _figures(truths: Rows, answers: Rows, labels: LabelNames, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.weighted_metrics import weighted_figures

    return weighted_figures(truths, answers, labels, weights)


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[int, int, int] | None:
    from edgeft.tasks.weighted_metrics import worst_class

    return worst_class(truths, answers, references, labels, weight)


def _further(
    outputs: Outputs, truths: Rows, labels: LabelNames, head: Head
) -> dict[str, float | None]:
    from edgeft.tasks.calibration import calibration

    truth = np.asarray(truths, np.int64)  # (N,)
    return {**calibration(dense(outputs, LOGITS), truth, head.temperature).to_dict()}


# --- the data, which the runtime never reads -----------------------------------------


def _aloud(source: "Source", columns: Columns) -> str:
    from edgeft.data.numbers import few_numbers

    found = few_numbers(source, columns)
    if not found:
        return ""
    some = ", ".join(f"{one:g}" for one in found)
    return (
        f"the labels {some} are taken for classes; where they are amounts, such as stars, --task "
        "text-regression learns the number itself."
    )


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.kinds import table_of
    from edgeft.data.read import labelled_or_inputs

    return labelled_or_inputs(table_of(source), columns, tell=tell, on_bad=on_bad)


TASK = Task(
    name="text-classification",
    auto_class="AutoModelForSequenceClassification",
    problem="single_label_classification",
    export_task="text-classification",
    noun="text classifier",
    outputs={LOGITS: ("inputs", "labels")},
    unit=of_logits,
    takes=(str, Pair),
    asks=Noun("text", "texts"),
    marks=Noun("row", "rows"),
    counted=Noun("row", "rows"),
    shares=None,
    group=group_of,
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("text", "texts"),
    single=True,
    settings=frozenset(),
    metrics={"accuracy": "accuracy", "macro_f1": "macro F1"},
    by_label="macro_f1",
    provided="",
    alike="same label",
    alike_is="",
    schemes={},
    data="texts or pairs, and a label for each",
    example='{"text": "Shares fell.", "label": "business"}',
    usage=Usage('model.predict("…").label'),
    limits=limits_of,
    rules=rules_of,
    cautions=lambda heads, bare: (),
    formats={},
    roles=("text", "other", "label"),
    detect=lambda source, columns: False,  # it is what the others do not claim
    aloud=_aloud,
    read=_read,
    labels=labelled.labels,
    shown=lambda truths, labels: [(labels[truth],) for truth in truths],
    truth_key=lambda one, truth: truth,
    strata=labelled.strata,
    join=_join,
    answer=_answer,
    decode=_decode,
    sure=_sure,
    relevance=_relevance,
    doubts=True,
    same=_same,
    score=_score,
    figures=_figures,
    worst=_worst,
    further=_further,
    unfitted=always_plain,
    suited=no_thresholds,
    fit=fit_head,
    check=check_wish,
    show=_show,
    golden=GOLDEN_TEXTS,
    parity=parity_texts,
)
