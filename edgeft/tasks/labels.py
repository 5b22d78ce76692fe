"""Any number of labels for each text, none too.

A truth is the sorted tuple of the ids of its labels, their places in ``labels``; so is an answer.
The graph gives (B, C) logits; the sigmoid of each is its label's score, whatever the others', and
the label is given where that reaches a threshold of its own: ``Head.thresholds``, 0.5 where there
are none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input, Pair, group_of
from edgeft.tasks import labelled
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import Head, Wish
from edgeft.tasks.joined import mean_of_parts
from edgeft.tasks.label_thresholds import HALF
from edgeft.tasks.lazy_scores import LazyScores
from edgeft.tasks.outputs import Array, Outputs, dense, require_numbers, sigmoid, tempered
from edgeft.tasks.ranked import ranked_by, scores_of
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import always_plain, form_tells, of_logits, of_one_form, reading_told

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.label_metrics import LabelSetScores

__all__ = ["TASK", "Labels"]

LOGITS = "logits"
SCORE_DIGITS, SHARE_DIGITS = 6, 4
MANY_LABELS = 1000  # from which on a task can have mistaken another column for that of the labels
NO_LABEL = -1  # of a part of an answer that is not given

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labels:
    """One text's predicted labels, the one of the highest score first; () where none is given.

    ``scores`` holds the score of every label, from 0 to 1 and each by itself: they need not add up
    to 1. ``truncated`` says that the text was longer than the model takes, so only its beginning
    was read; ``unknown_share`` is the share of its tokens, 0 to 1, that the tokenizer did not know;
    ``windows`` is the number of overlapping parts in which it was read (``on_long="window"``).
    ``stage`` names the model that answered where the bundle is a cascade, else it is "". ``cut``
    tells of a truncated pair how many tokens each of its texts lost, else it is ().
    """

    labels: tuple[str, ...]
    scores: Mapping[str, float]
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    stage: str = ""
    cut: tuple[int, ...] = ()


# --- from outputs to answers ---------------------------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    return mean_of_parts(outputs, encoded, LOGITS)


def _scores(outputs: Outputs, head: Head) -> Array:
    """The (N, C) scores. Raises RunError where a logit is no number."""
    logits = dense(tempered(outputs, head.temperature), LOGITS)
    require_numbers({LOGITS: logits})
    return sigmoid(logits)


def _thresholds(head: Head, labels: LabelNames) -> Floats:
    """(C,) from which score on each label is given."""
    return np.array(head.thresholds or (HALF,) * len(labels))


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    scores = _scores(outputs, head).astype(np.float64)  # (N, C)
    thresholds = _thresholds(head, labels)
    given = scores >= thresholds  # (N, C) bool
    # How far a score lies beyond its threshold, of all that it could.
    above, below = 1 - thresholds, thresholds
    room = np.where(given, above, below)
    margin = np.abs(scores - thresholds) / np.where(room > 0, room, 1.0)
    parts = np.where(given, np.arange(len(labels)), NO_LABEL)
    sets = _sets(given)
    return Answers(sets, sets, margin.ravel(), parts.ravel())


def _sets(given: Flags) -> list[tuple[int, ...]]:
    """The sorted ids of each row of (N, C)."""
    rows, ids = given.nonzero()  # in order
    ends = np.searchsorted(rows, np.arange(1, len(given) + 1)).tolist()
    flat = ids.tolist()
    return [tuple(flat[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Labels]:
    scores = _scores(outputs, head)  # (N, C)
    sets = _sets(scores.astype(np.float64) >= _thresholds(head, labels))
    return [
        Labels(
            labels=tuple(labels[at] for at in _best_first(some, row)),
            scores=LazyScores(labels, row.tobytes()),
            truncated=one.truncated,
            unknown_share=one.unknown_share,
            windows=one.windows,
            stage=one.stage,
            cut=one.lost,
        )
        for some, row, one in zip(sets, scores, encoded, strict=True)
    ]


def _best_first(ids: tuple[int, ...], scores: Array) -> Sequence[int]:
    """Ids in the order of their (C,) scores."""
    return sorted(ids, key=lambda at: -scores[at]) if len(ids) > 1 else ids


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    """The probability that the least sure label of each text is rightly given, or not given."""
    scores = _scores(outputs, head).astype(np.float64)  # (N, C)
    given = scores >= _thresholds(head, labels)
    sure: Floats = np.where(given, scores, 1 - scores).min(axis=1)
    return sure


def _relevance(predictions: Sequence[Labels], labels: LabelNames, label: str | None) -> Floats:
    """The score of a label, which is named unless there is but one."""
    its = ranked_by(label, labels, usual=0 if len(labels) == 1 else None)
    return scores_of(predictions, its)


def _show(prediction: Labels, full: bool) -> dict[str, Any]:
    told = prediction.scores if full else prediction.labels
    return {
        "labels": list(prediction.labels),
        "scores": {label: round(prediction.scores[label], SCORE_DIGITS) for label in told},
        **reading_told(prediction),
    }


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """The Jaccard index of two sets of labels; 1 where both are empty."""
    pairs = zip(ones, others, strict=True)
    return np.array([len({*a} & {*b}) / len({*a} | {*b}) if a or b else 1.0 for a, b in pairs])


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "LabelSetScores":
    from edgeft.tasks.label_metrics import score_label_sets

    return score_label_sets(truths, answers, labels)


def _figures(truths: Rows, answers: Rows, labels: LabelNames, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.label_metrics import weighted_label_f1

    return weighted_label_f1(truths, answers, labels, weights)


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[Any, Any, Any] | None:
    from edgeft.tasks.label_metrics import worst_label_set

    return worst_label_set(truths, answers, references, labels, weight)


def _holds(truths: Rows, labels: LabelNames) -> Flags:
    """(N, C) which labels the truths hold."""
    holds = np.zeros((len(truths), len(labels)), np.bool_)
    for row, truth in enumerate(truths):
        holds[row, list(truth)] = True
    return holds


def _further(
    outputs: Outputs, truths: Rows, labels: LabelNames, head: Head
) -> dict[str, float | None]:
    from edgeft.tasks.label_thresholds import label_calibration, ranking_precision

    logits, holds = dense(outputs, LOGITS), _holds(truths, labels)
    calibrated = label_calibration(logits, holds, head.temperature)
    return {**calibrated.to_dict(), "lrap": round(ranking_precision(logits, holds), SHARE_DIGITS)}


def _suited(outputs: Outputs, truths: Rows, labels: LabelNames) -> Head:
    from edgeft.tasks.label_thresholds import best_thresholds

    return Head(thresholds=best_thresholds(dense(outputs, LOGITS), _holds(truths, labels)))


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    from edgeft.tasks.label_thresholds import fit_temperature_of_labels, under_temperature

    temperature = fit_temperature_of_labels(dense(outputs, LOGITS), _holds(truths, labels))
    found = _suited(outputs, truths, labels).thresholds
    return Head(temperature, thresholds=under_temperature(found, temperature))


def _check(wish: Wish, labels: LabelNames) -> None:
    if wish:
        raise UsageError(
            "A tagger of texts with many labels has no thresholds that are set for a precision, a "
            "recall or a share of right answers: each label's is set for its best F1.",
            hint="Leave these options out; where predictions are made, scores tell how sure each "
            "label is.",
        )


def _limits(heads: Sequence[Head]) -> Sequence[str]:
    if any(head.thresholds for head in heads):
        return (
            "It gives any number of labels, none too. Each is given from a score of its own on, "
            "which was set for each variant by itself; other readers of this folder do not know "
            "these thresholds.",
        )
    return (
        "It gives any number of labels, none too: each from a score of 0.5 on. Labelled data at "
        "the export would have set a threshold for each.",
    )


def _rules(head: Head) -> Sequence[str]:
    if not head.thresholds:
        return ()
    low, high = min(head.thresholds), max(head.thresholds)
    return (f"each label from a score of its own on ({low:.4f} to {high:.4f})",)


def _cautions(heads: Sequence[Head], bare: int) -> Sequence[str]:
    """Of the labels for which nothing could be chosen: no threshold that was is HALF."""
    unset = max((head.thresholds.count(HALF) for head in heads), default=0)
    if not unset:
        return ()
    labels = TASK.marks.are(unset)
    return (
        f"{labels} in no row that chooses, and {'is' if unset == 1 else 'are'} given from a score "
        "of 0.5 on: nothing tells whether that is right.",
    )


# --- the data, which the runtime never reads -----------------------------------------


def _detect(source: "Source", columns: Columns) -> bool:
    from edgeft.data.label_sets import holds_label_sets

    return holds_label_sets(source, columns)


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.label_sets import label_sets_or_inputs

    return label_sets_or_inputs(source, columns, tell, on_bad)


def _labels(examples: "Examples") -> LabelNames:
    """The labels that the rows hold. Raises DataError where they are rather texts than labels."""
    held = Counter(at for truth in examples.truths for at in truth)
    lonely = sum(rows == 1 for rows in held.values())
    if len(held) > MANY_LABELS and 2 * lonely > len(held):
        raise DataError(
            f"{examples.source} has {len(held):,} labels in {len(examples):,} rows, and {lonely:,} "
            "of them stand in one row alone.",
            hint="Is it the column of the labels? --label-column names another one. Nothing can be "
            "learned of a label with a single row: leave such out, or join them.",
        )
    return tuple(label for at, label in enumerate(examples.labels) if at in held)


def _shown(truths: Rows, labels: LabelNames) -> list[Sequence[str]]:
    return [tuple(labels[at] for at in truth) for truth in truths]


def _strata(truths: Rows, labels: LabelNames) -> list[str]:
    return labelled.rarest([{labels[at] for at in truth} for truth in truths])


TASK = Task(
    name="multi-label-classification",
    auto_class="AutoModelForSequenceClassification",
    problem="multi_label_classification",
    export_task="text-classification",
    noun="many-label classifier",
    outputs={LOGITS: ("inputs", "labels")},
    unit=of_logits,
    takes=(str, Pair),
    asks=Noun("text", "texts"),
    marks=Noun("label", "labels"),
    counted=Noun("text", "texts"),
    shares=None,
    group=group_of,
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("label given to a text", "labels given to texts"),
    single=False,
    settings=frozenset(),
    metrics={"macro_f1": "macro F1", "micro_f1": "micro F1"},
    by_label="macro_f1",
    provided="texts with many labels are lost no more often than others",
    alike="same labels",
    alike_is="of each text the labels that both give, of all that the one or the other gives (1 "
    "where neither gives any); the mean over texts",
    schemes={},
    data="texts or pairs, and any number of labels for each",
    example='{"text": "I love it!", "labels": ["joy", "love"]}',
    usage=Usage('model.predict("…").labels'),
    limits=_limits,
    rules=_rules,
    cautions=_cautions,
    formats={},
    roles=("text", "other", "label"),
    detect=_detect,
    aloud=form_tells,
    read=_read,
    labels=_labels,
    shown=_shown,
    truth_key=lambda one, truth: truth,
    strata=_strata,
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
    suited=_suited,
    fit=_fit,
    check=_check,
    show=_show,
    golden=GOLDEN_TEXTS,
    parity=parity_texts,
)
