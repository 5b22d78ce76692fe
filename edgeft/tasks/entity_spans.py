"""Which words of a text tell of an entity: from the logits of tokens to spans. numpy only.

A label is chosen for each word, not for each token. A tag that goes on with an entity (I-X) where
there is none of its type begins one. Entities do not overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded, best_places
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Array, Outputs, ragged, require_numbers, softmax
from edgeft.tasks.tags import begins, tags_of
from edgeft.tasks.task import LabelNames
from edgeft.tasks.words import own_spans, text_of, trimmed, word_tokens

__all__ = [
    "AGGREGATIONS",
    "LOGITS",
    "FoundEntity",
    "Words",
    "own_logits",
    "spans_found",
    "words_taken",
]

LOGITS = "logits"
AGGREGATIONS = ("first", "average", "max")

Ids = NDArray[np.int64]
FoundEntity = tuple[int, int, int, float]  # start, end, id of its tag in truths, score


def own_logits(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """The logits of each text's own tokens, (T, C), each from the part with most context."""
    rows = ragged(outputs, LOGITS)
    own_rows, begin = [], 0
    for one in encoded:
        if len(one.parts) == 1:
            own = one.parts[0].own
            own_rows.append(rows[begin][own.start : own.stop])
        else:
            own_rows.append(_gathered(rows[begin : begin + len(one.parts)], best_places(one)))
        begin += len(one.parts)
    return {LOGITS: own_rows}


def _gathered(rows: Sequence[Array], places: Sequence[tuple[int, int]]) -> Array:
    found = [rows[part][place] for part, place in places]
    return np.stack(found) if found else np.empty((0, rows[0].shape[1]), np.float32)


@dataclass(frozen=True, slots=True)
class Words:
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


def words_taken(outputs: Outputs, encoded: Sequence[Encoded], head: Head) -> Words:
    """Raises RunError where a logit is no number, UsageError for an unknown aggregation."""
    if head.aggregation not in AGGREGATIONS:
        raise UsageError(
            f"There is no aggregation {head.aggregation!r}.",
            hint=f"Choose one of {', '.join(AGGREGATIONS)}.",
        )
    tokens = np.concatenate(ragged(outputs, LOGITS))  # (S, C) float32
    require_numbers({LOGITS: tokens})
    found = word_tokens(encoded)
    if len(found.at) < len(tokens):
        tokens = tokens[found.at]  # (K, C)
    scores = _word_scores(tokens, found.firsts, head.aggregation)  # (W, C)
    ids = scores.argmax(axis=1)
    best = scores[np.arange(len(ids)), ids]
    if scores.shape[1] > 1:
        lead = best - np.partition(scores, -2, axis=1)[:, -2]
    else:
        lead = np.ones_like(best)
    text, first = found.text[found.firsts], found.place[found.firsts]
    return Words(text, first, found.place[found.lasts], ids, best, lead)


def _word_scores(tokens: Array, firsts: Ids, aggregation: str) -> Array:
    """(W, C) probabilities of words from (K, C) logits of tokens, as transformers' pipeline has it.

    "first": those of the word's first token; "average": the mean of all; "max": those of the token
    with the highest.
    """
    if aggregation == "first":
        return softmax(tokens[firsts])
    scores = softmax(tokens)  # (K, C)
    sizes = np.diff(np.append(firsts, len(tokens)))  # (W,)
    if aggregation == "average":
        means = np.add.reduceat(scores, firsts, axis=0) / sizes[:, None]
        return means.astype(np.float32)
    peaks = scores.max(axis=1)  # (K,)
    highest = np.repeat(np.maximum.reduceat(peaks, firsts), sizes)
    at = np.flatnonzero(peaks == highest)
    word = np.repeat(np.arange(len(firsts)), sizes)[at]
    return scores[at[np.unique(word, return_index=True)[1]]]


def spans_found(
    words: Words, encoded: Sequence[Encoded], inputs: Sequence[Input], labels: LabelNames
) -> list[list[FoundEntity]]:
    """The entities of each text, in order, whatever their score."""
    found: list[list[FoundEntity]] = [[] for _ in encoded]
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
            at, spans, text, behind = number, own_spans(encoded[number]), text_of(inputs, number), 0
        # Where one character stands in two words, as "½" may, the first entity has it.
        start, end = trimmed(text, max(spans[token][0], behind), spans[last][1])
        if start < end:
            found[number].append((start, end, label, score))
            behind = end
    return found
