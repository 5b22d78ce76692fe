"""Named entities: which words of a text tell of one, and of what type.

The graph gives (B, T, C) logits, a label for each token, and its labels are tags ("O", "B-PER",
"I-PER" …) as in the model's config; see ``tasks.tags``. An entity's label is the type, "PER";
which words are one, ``tasks.entity_spans`` finds.
A truth is the sorted tuple of a text's entities, each (start, end, id): characters of the text as
a half-open range, and the id of the tag with which entities of that type begin. So ids always
refer to tags, the bundle's labels; tags that only go on with an entity are no truth's.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, group_of
from edgeft.tasks import labelled
from edgeft.tasks.builtin import GOLDEN_NAMES, parity_texts
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.entity import Entities, Entity
from edgeft.tasks.entity_formats import FORMATS
from edgeft.tasks.entity_spans import LOGITS, own_logits, spans_found, words_taken
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.outputs import Outputs, tempered
from edgeft.tasks.tags import SCHEMES, bio, tags_of
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import (
    always_plain,
    form_tells,
    no_thresholds,
    nothing_further,
    of_logits,
    of_one_form,
    reading_told,
    unranked,
)
from edgeft.tasks.words import text_of

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.entity_metrics import EntityScores

__all__ = ["TASK", "Entities", "Entity"]

SCORE_DIGITS = 6

Floats = NDArray[np.float64]


# --- from outputs to answers ---------------------------------------------------------


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    words = words_taken(outputs, encoded, head)
    found = spans_found(words, encoded, inputs, labels)
    inside = np.array([bool(tag.type) for tag in tags_of(labels)])[words.id]  # (W,) bool
    parts, margin = np.where(inside, words.id, -1), words.lead.astype(np.float64)  # (W,)
    likeliest = [tuple(one[:3] for one in some) for some in found]
    if not head.min_score:
        return Answers(likeliest, likeliest, margin, parts)
    given = [tuple(one[:3] for one in some if one[3] >= head.min_score) for some in found]
    return Answers(given, likeliest, margin, parts)


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Entities]:
    found = spans_found(words_taken(outputs, encoded, head), encoded, inputs, labels)
    types = [tag.type for tag in tags_of(labels)]
    return [
        Entities(
            tuple(
                Entity(types[label], text_of(inputs, at)[start:end], start, end, score)
                for start, end, label, score in some
                if score >= head.min_score
            ),
            one.truncated,
            one.unknown_share,
            one.windows,
            one.stage,
        )
        for at, (some, one) in enumerate(zip(found, encoded, strict=True))
    ]


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    """The score of each text's least sure word, of an entity or none; 1 where it has no word."""
    words = words_taken(tempered(outputs, head.temperature), encoded, head)
    sure = np.ones(len(encoded))  # (N,)
    np.minimum.at(sure, words.text, words.score)
    return sure


def _show(prediction: Entities, full: bool) -> dict[str, Any]:
    return {
        "entities": [
            {
                "label": one.label,
                "text": one.text,
                "start": one.start,
                "end": one.end,
                "score": round(one.score, SCORE_DIGITS),
            }
            for one in prediction
        ],
        **reading_told(prediction),
    }


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """The Dice coefficient of two sets of entities; 1 where both are empty."""
    pairs = zip(ones, others, strict=True)
    return np.array([2 * len({*a} & {*b}) / (len(a) + len(b)) if a or b else 1.0 for a, b in pairs])


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "EntityScores":
    from edgeft.tasks.entity_metrics import score_entities

    return score_entities(truths, answers, labels)


def _figures(truths: Rows, answers: Rows, labels: LabelNames, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.entity_metrics import weighted_f1

    return weighted_f1(truths, answers, weights)


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[Any, Any, Any] | None:
    from edgeft.tasks.entity_metrics import worst_entities

    return worst_entities(truths)


def _check(wish: Wish, labels: LabelNames) -> None:
    if wish:
        raise UsageError(
            "An entity tagger has no thresholds that are set for a precision, a recall or a share "
            "of right answers.",
            hint="Leave these options out; where predictions are made, min_score leaves out "
            "entities of a low score.",
        )


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    return PLAIN


# --- the data, which the runtime never reads -----------------------------------------


def _detect(source: "Source", columns: Columns) -> bool:
    from edgeft.data.entities import holds_entities

    return holds_entities(source, columns)


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.entities import entities_or_texts
    from edgeft.data.examples import Examples

    found = entities_or_texts(source, columns, tell, on_bad)
    if not isinstance(found, Examples):
        return found
    types = found.labels
    return replace(found, labels=tuple(f"B-{one}" for one in types)).renumbered(bio(types))


def _labels(examples: "Examples") -> LabelNames:
    """The tags (BIO) of the types that the rows show, in the order of their ids."""
    shown = {label for truth in examples.truths for _, _, label in truth}
    tags = tags_of(examples.labels)
    return bio(dict.fromkeys(tags[at].type for at in sorted(shown)))


def _shown(truths: Rows, labels: LabelNames) -> list[Sequence[str]]:
    types = [tag.type for tag in tags_of(labels)]
    return [[types[label] for *_, label in truth] for truth in truths]


def _truth_key(text: str, truth: Any) -> Hashable:
    """Labels and places, counted in characters that are no white space."""

    def place(at: int) -> int:
        return len("".join(text[:at].split()))

    return tuple((place(start), place(end), label) for start, end, label in truth)


def _strata(truths: Rows, labels: LabelNames) -> list[str]:
    """Of each text the type that is in the fewest texts; of a text without entities "none"."""
    types = [tag.type for tag in tags_of(labels)]
    return labelled.rarest([{types[label] for _, _, label in truth} for truth in truths])


TASK = Task(
    name="token-classification",
    auto_class="AutoModelForTokenClassification",
    problem="",
    export_task="token-classification",
    noun="entity tagger",
    outputs={LOGITS: ("inputs", "tokens", "labels")},
    unit=of_logits,
    takes=(str,),
    asks=Noun("text", "texts"),
    marks=Noun("entity", "entities"),
    counted=Noun("entity", "entities"),
    shares=None,
    group=group_of,
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("word of an entity", "words of entities"),
    single=False,
    settings=frozenset({"aggregation", "min_score"}),
    metrics={"entity_f1": "entity F1"},
    by_label="",
    provided="texts with many entities are lost no more often than others",
    alike="same entities",
    alike_is="of each text twice the entities that both find, of all that the one and the other "
    "find (1 where neither finds any); the mean over texts",
    schemes=SCHEMES,
    data="texts and spans in them, or words with tags (CoNLL)",
    example='{"text": "Ada is here.", "entities": [{"start": 0, "end": 3, "label": "who"}]}',
    usage=Usage('for entity in model.predict("…"):\n    print(entity.label, entity.text)'),
    limits=lambda heads: (),
    rules=lambda head: (),
    cautions=lambda heads, bare: (),
    formats=FORMATS,
    roles=("text", "label"),
    detect=_detect,
    aloud=form_tells,
    read=_read,
    labels=_labels,
    shown=_shown,
    truth_key=_truth_key,
    strata=_strata,
    join=own_logits,
    answer=_answer,
    decode=_decode,
    sure=_sure,
    relevance=unranked,
    doubts=True,
    same=_same,
    score=_score,
    figures=_figures,
    worst=_worst,
    further=nothing_further,
    unfitted=always_plain,
    suited=no_thresholds,
    fit=_fit,
    check=_check,
    show=_show,
    golden=GOLDEN_NAMES,
    parity=parity_texts,
)
