"""Named entities: which words of a text tell of one, and of what type.

The graph gives (B, T, C) logits, a label for each token, and its labels are tags ("O", "B-PER",
"I-PER" …) as in the model's config; see ``tasks.tags``. An entity's label is the type, "PER".
A truth is the sorted tuple of a text's entities, each (start, end, id): characters of the text as
a half-open range, and the id of the tag with which entities of that type begin. So ids always
refer to tags, the bundle's labels; tags that only go on with an entity are no truth's.

A label is chosen for each word, not for each token. A tag that goes on with an entity (I-X) where
there is none of its type begins one. Entities do not overlap.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input
from edgeft.tasks.builtin import GOLDEN_TEXTS, parity_texts
from edgeft.tasks.encoded import Encoded, Span, best_places
from edgeft.tasks.outputs import Array, Outputs, ragged, require_numbers, softmax
from edgeft.tasks.tags import begins, bio, tags_of
from edgeft.tasks.task import PLAIN, Answers, Columns, Head, Labels, Rows, Task, Wish
from edgeft.tasks.words import text_of, trimmed

if TYPE_CHECKING:
    from edgeft.data import Examples, Source, Tell
    from edgeft.tasks.entity_metrics import EntityScores

__all__ = ["AGGREGATIONS", "TASK", "Entities", "Entity"]

LOGITS = "logits"
AGGREGATIONS = ("first", "average", "max")
SCORE_DIGITS, SHARE_DIGITS = 6, 4
NO_ENTITY = "none"  # the stratum of texts without any

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: ``text`` is what stands from ``start`` to before ``end``, in characters.

    ``score`` is the mean probability of its words' labels.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Entities(Sequence[Entity]):
    """One text's entities, in order; ``len``, ``for`` and ``[…]`` are those of ``entities``.

    ``truncated``, ``unknown_share`` and ``windows`` are as in a ``Classification``.
    """

    entities: tuple[Entity, ...]
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1

    def __len__(self) -> int:
        return len(self.entities)

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)

    @overload
    def __getitem__(self, at: int) -> Entity: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Entity, ...]: ...
    def __getitem__(self, at: int | slice) -> Entity | tuple[Entity, ...]:
        return self.entities[at]


# --- from outputs to answers ---------------------------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """The logits of each text's own tokens, (T, C), each from the part with most context."""
    rows = ragged(outputs, LOGITS)
    joined, begin = [], 0
    for one in encoded:
        if len(one.parts) == 1:
            own = one.parts[0].own
            joined.append(rows[begin][own.start : own.stop])
        else:
            joined.append(_gathered(rows[begin : begin + len(one.parts)], best_places(one)))
        begin += len(one.parts)
    return {LOGITS: joined}


def _gathered(rows: Sequence[Array], places: Sequence[tuple[int, int]]) -> Array:
    found = [rows[part][place] for part, place in places]
    return np.stack(found) if found else np.empty((0, rows[0].shape[1]), np.float32)


@dataclass(frozen=True, slots=True)
class _Words:
    """The W words of N texts, one text behind the other, and what each was taken for.

    text: (W,) of which text it is. first, last: (W,) its tokens, among the own tokens of its text.
    id, score: (W,) the likeliest label and its probability. lead: (W,) how far that lies before
    the next.
    """

    text: Ids
    first: Ids
    last: Ids
    id: Ids
    score: Array
    lead: Array


def _words(outputs: Outputs, encoded: Sequence[Encoded], head: Head) -> _Words:
    """Raises RunError where a logit is no number, UsageError for an unknown aggregation."""
    if head.aggregation not in AGGREGATIONS:
        raise UsageError(
            f"There is no aggregation {head.aggregation!r}.",
            hint=f"Choose one of {', '.join(AGGREGATIONS)}.",
        )
    rows = ragged(outputs, LOGITS)
    sizes = np.array([len(one) for one in rows], np.int64)  # (N,)
    tokens = np.concatenate(rows)  # (S, C) float32
    require_numbers({LOGITS: tokens})
    if not len(tokens):
        none, nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        return _Words(none, none, none, none, nothing, nothing)
    of = np.repeat(np.arange(len(rows)), sizes)  # (S,) the text of each token
    numbers = np.fromiter(chain.from_iterable(map(_numbers, encoded)), np.int64, len(tokens))
    new = np.ones(len(tokens), np.bool_)
    new[1:] = (numbers[1:] != numbers[:-1]) | (of[1:] != of[:-1])
    firsts = np.flatnonzero(new)  # (W,)
    scores = _word_scores(tokens, firsts, head.aggregation)  # (W, C)
    ids = scores.argmax(axis=1)
    best = scores[np.arange(len(ids)), ids]
    if scores.shape[1] > 1:
        lead = best - np.partition(scores, -2, axis=1)[:, -2]
    else:
        lead = np.ones_like(best)
    starts = (np.cumsum(sizes) - sizes)[of[firsts]]  # (W,) the first token of each word's text
    lasts = np.append(firsts[1:], len(tokens)) - 1
    return _Words(of[firsts], firsts - starts, lasts - starts, ids, best, lead)


def _word_scores(tokens: Array, firsts: Ids, aggregation: str) -> Array:
    """(W, C) probabilities of words from (S, C) logits of tokens, as transformers' pipeline has it.

    "first": those of the word's first token; "average": the mean of all; "max": those of the token
    with the highest.
    """
    if aggregation == "first":
        return softmax(tokens[firsts])
    scores = softmax(tokens)  # (S, C)
    sizes = np.diff(np.append(firsts, len(tokens)))  # (W,)
    if aggregation == "average":
        means = np.add.reduceat(scores, firsts, axis=0) / sizes[:, None]
        return means.astype(np.float32)
    peaks = scores.max(axis=1)  # (S,)
    highest = np.repeat(np.maximum.reduceat(peaks, firsts), sizes)
    at = np.flatnonzero(peaks == highest)
    word = np.repeat(np.arange(len(firsts)), sizes)[at]
    return scores[at[np.unique(word, return_index=True)[1]]]


def _numbers(one: Encoded) -> list[int]:
    """The number of the word of each own token."""
    if len(one.parts) == 1:
        part = one.parts[0]
        assert part.words is not None, "the parts know no words"
        return part.words[part.own.start : part.own.stop]
    words = [part.words or [] for part in one.parts]
    return [words[part][place] for part, place in best_places(one)]


def _spans(one: Encoded) -> list[Span]:
    """The characters of each own token."""
    if len(one.parts) == 1:
        part = one.parts[0]
        assert part.offsets is not None, "the parts know no offsets"
        return part.offsets[part.own.start : part.own.stop]
    offsets = [part.offsets or [] for part in one.parts]
    return [offsets[part][place] for part, place in best_places(one)]


Found = tuple[int, int, int, float]  # start, end, id of its tag in truths, score


def _found(
    words: _Words, encoded: Sequence[Encoded], inputs: Sequence[Input], labels: Labels
) -> list[list[Found]]:
    """The entities of each text, in order, whatever their score."""
    found: list[list[Found]] = [[] for _ in encoded]
    tags, first = tags_of(labels), begins(labels)
    types = np.array([first.get(tag.type, -1) for tag in tags])[words.id]  # (W,) -1 for none
    inside = np.flatnonzero(types >= 0)  # (H,)
    if not len(inside):
        return found
    begin = np.array([tag.begins for tag in tags])[words.id]  # (W,) bool
    ended = np.array([tag.ends for tag in tags])[words.id]
    goes_on = np.zeros(len(types), np.bool_)
    goes_on[1:] = (
        (types[1:] == types[:-1]) & (words.text[1:] == words.text[:-1]) & ~begin[1:] & ~ended[:-1]
    )
    starts = np.flatnonzero(~goes_on[inside])  # (E,) places among ``inside``
    sizes = np.diff(np.append(starts, len(inside)))
    means = np.add.reduceat(words.score[inside].astype(np.float64), starts) / sizes
    left, right = inside[starts], inside[starts + sizes - 1]  # (E,) first and last word
    rows = zip(
        words.text[left].tolist(),
        words.first[left].tolist(),
        words.last[right].tolist(),
        types[left].tolist(),
        means.tolist(),
        strict=True,
    )
    at, spans, text, behind = -1, [], "", 0
    for number, token, last, label, score in rows:
        if number != at:
            at, spans, text, behind = number, _spans(encoded[number]), text_of(inputs, number), 0
        # Where one character stands in two words, as "½" may, the first entity has it.
        start, end = trimmed(text, max(spans[token][0], behind), spans[last][1])
        if start < end:
            found[number].append((start, end, label, score))
            behind = end
    return found


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: Labels,
    head: Head,
) -> Answers:
    words = _words(outputs, encoded, head)
    found = _found(words, encoded, inputs, labels)
    margin = np.ones(len(encoded))  # (N,) of its least clear word
    np.minimum.at(margin, words.text, words.lead.astype(np.float64))
    likeliest = [tuple(one[:3] for one in some) for some in found]
    if not head.min_score:
        return Answers(likeliest, likeliest, margin)
    given = [tuple(one[:3] for one in some if one[3] >= head.min_score) for some in found]
    return Answers(given, likeliest, margin)


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: Labels,
    head: Head,
) -> list[Entities]:
    found = _found(_words(outputs, encoded, head), encoded, inputs, labels)
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
            len(one.parts),
        )
        for at, (some, one) in enumerate(zip(found, encoded, strict=True))
    ]


def _sure(prediction: Entities) -> float:
    """The score of its least sure entity; 1 where there is none, as nothing is claimed."""
    return min((one.score for one in prediction), default=1.0)


def _show(prediction: Entities, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
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
        "truncated": prediction.truncated,
        "unknown_share": round(prediction.unknown_share, SHARE_DIGITS),
    }
    if prediction.windows > 1:
        shown["windows"] = prediction.windows
    return shown


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """The Dice coefficient of two sets of entities; 1 where both are empty."""
    pairs = zip(ones, others, strict=True)
    return np.array([2 * len({*a} & {*b}) / (len(a) + len(b)) if a or b else 1.0 for a, b in pairs])


def _score(truths: Rows, answers: Rows, labels: Labels) -> "EntityScores":
    from edgeft.tasks.entity_metrics import score_entities

    return score_entities(truths, answers, labels)


def _figures(truths: Rows, answers: Rows, labels: Labels, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.entity_metrics import weighted_f1

    return weighted_f1(truths, answers, weights)


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: Labels, weight: float
) -> tuple[Any, Any, Any] | None:
    from edgeft.tasks.entity_metrics import worst_row

    return worst_row(truths)


def _further(outputs: Outputs, truths: Rows, labels: Labels, head: Head) -> dict[str, float | None]:
    return {}


def _check(wish: Wish, labels: Labels) -> None:
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
    labels: Labels,
    wish: Wish,
    name: str,
) -> Head:
    return PLAIN


# --- the data, which the runtime never reads -----------------------------------------


def _read(source: "Source", columns: Columns, tell: "Tell") -> "Examples | Sequence[Input]":
    from edgeft.data.entities import entities_or_texts
    from edgeft.data.examples import Examples

    found = entities_or_texts(source, columns, tell)
    if not isinstance(found, Examples):
        return found
    types = found.labels
    return replace(found, labels=tuple(f"B-{one}" for one in types)).renumbered(bio(types))


def _labels(examples: "Examples") -> Labels:
    """The tags (BIO) of the types that the rows show, in the order of their ids."""
    shown = {label for truth in examples.truths for _, _, label in truth}
    tags = tags_of(examples.labels)
    return bio(dict.fromkeys(tags[at].type for at in sorted(shown)))


def _strata(truths: Rows, labels: Labels) -> list[str]:
    """Of each text the type that is in the fewest texts; of a text without entities "none".

    Where that would be the stratum of one text alone though other texts have such entities, the
    text counts to the largest stratum, so that it may stand on either side.
    """
    types = [tag.type for tag in tags_of(labels)]
    has = [{types[label] for _, _, label in truth} or {NO_ENTITY} for truth in truths]
    rows = Counter(one for some in has for one in some)
    keys = [min(some, key=lambda one: (rows[one], one)) for some in has]
    sizes = Counter(keys)
    largest = max(sizes, key=lambda one: (sizes[one], one), default=NO_ENTITY)
    alone = {one for one in sizes if sizes[one] == 1 and (rows[one] > 1 or one == NO_ENTITY)}
    return [largest if key in alone else key for key in keys]


TASK = Task(
    name="token-classification",
    auto_class="AutoModelForTokenClassification",
    export_task="token-classification",
    noun="entity tagger",
    outputs={LOGITS: ("inputs", "tokens", "labels")},
    takes=(str,),
    settings=frozenset({"aggregation", "min_score"}),
    metrics={"entity_f1": "entity F1"},
    alike="same entities",
    alike_is="of each text twice the entities that both find, of all that the one and the other "
    "find (1 where neither finds any); the mean over texts",
    read=_read,
    labels=_labels,
    strata=_strata,
    join=_join,
    answer=_answer,
    decode=_decode,
    sure=_sure,
    same=_same,
    score=_score,
    figures=_figures,
    worst=_worst,
    further=_further,
    fit=_fit,
    check=_check,
    show=_show,
    golden=GOLDEN_TEXTS,
    parity=parity_texts,
)
