"""A label for each word: weighted, smoothed cross-entropy over the first tokens of words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeft.inputs import Input
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.entities import TASK
from edgeft.tasks.tags import NONE, goes_on, tags_of
from edgeft.tasks.words import cut_spans, first_pieces, text_of, word_at, words_of
from edgeft.train.objectives.classes import IGNORED, class_loss, class_weights, soft_loss
from edgeft.train.objectives.objective import OF_CLASSES, Figure, LearnedRow, Objective, as_it_is

__all__ = ["OBJECTIVE"]


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[Sequence[tuple[int, int, int]]],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """Every part of a text teaches the labels of the words that begin in it, if there are any.

    A word that an entity touches is taken for its own: no model of words can cut it.
    """
    further, none = _further(labels), labels.index(NONE)
    found: list[list[LearnedRow]] = []
    for at, (one, spans) in enumerate(zip(encoded, truths, strict=True)):
        words = words_of(one, text_of(inputs, at))
        tags = [*[none] * len(words), IGNORED]  # the last is of what is no word's first piece
        begun: set[int] = set()
        for word, span in word_at(words, spans).items():
            label = spans[span][2]
            tags[word] = further[label] if span in begun else label
            begun.add(span)
        rows = [(part, [tags[word] for word in first]) for part, first in first_pieces(one, words)]
        found.append(
            [(part, its) for part, its in rows if any(target != IGNORED for target in its)]
        )
    return found


def _further(labels: tuple[str, ...]) -> list[int]:
    """By the id with which an entity begins the id with which it goes on."""
    on = goes_on(labels)
    return [on.get(tag.type, at) for at, tag in enumerate(tags_of(labels))]


def _pad(targets: Sequence[Sequence[int]], width: int) -> dict[str, Any]:
    padded = torch.full((len(targets), width), IGNORED, dtype=torch.int64)  # (B, T) int64
    for at, one in enumerate(targets):
        padded[at, : len(one)] = torch.tensor(one, dtype=torch.int64)
    return {"labels": padded}


def _count(targets: Sequence[Sequence[int]]) -> int:
    return sum(len(one) - one.count(IGNORED) for one in targets)


def _weights(rows: Sequence[LearnedRow], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Of words."""
    counts = Counter(target for _, targets in rows for target in targets)
    del counts[IGNORED]
    return class_weights(counts, len(labels))


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """Over words: logits are (B, T, C)."""
    logits, classes = outputs.logits.flatten(0, 1), batch["labels"].flatten()
    return class_loss(logits, classes, weights, label_smoothing)


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The mean negative log-likelihood of words' labels under each part's (T, C) logits."""
    targets = np.array([target for _, one in rows for target in one])  # (S,) int64
    asked = targets != IGNORED
    logits = np.concatenate(outputs["logits"])[asked].astype(np.float64)  # (W, C)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))  # (W,)
    return float((log_sum - shifted[np.arange(len(shifted)), targets[asked]]).mean())


def _figures(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[Sequence[tuple[int, int, int]]],
    labels: tuple[str, ...],
) -> tuple[Figure, ...]:
    """Lengths in words, and the entities that the labels cannot tell as they are."""
    texts: list[int] = []
    entities: list[int] = []
    cut = joined = 0
    apart = any(tag.begins for tag in tags_of(labels))
    for at, (one, spans) in enumerate(zip(encoded, truths, strict=True)):
        text = text_of(inputs, at)
        words = words_of(one, text)
        touched = word_at(words, spans)
        texts.append(len(words))
        entities += Counter(touched.values()).values()
        cut += cut_spans(one, text, spans)
        if not apart:
            owners = map(touched.get, range(len(words)))
            joined += sum(
                before is not None
                and after is not None
                and before != after
                and spans[before][2] == spans[after][2]
                for before, after in pairwise(owners)
            )
    total = sum(map(len, truths))
    found = [
        Figure("words", "words of a text", _spread(texts)),
        Figure("entity_words", "words of an entity", _spread(entities)),
        Figure(
            "entities_cut",
            "entities that begin or end within a word",
            cut,
            f"{cut} of {total} entities {'begins or ends' if cut == 1 else 'begin or end'} within "
            "a word, all of which is learned as theirs: such are never found exactly. Are the "
            "spans right?"
            if cut
            else "",
        ),
    ]
    if not apart:
        found.append(
            Figure(
                "entities_joined",
                "entities right behind another of their label",
                joined,
                f"{TASK.marks.are(joined)} right behind another of the same label, and without B- "
                "both are one: leave out --labels."
                if joined
                else "",
            )
        )
    return tuple(found)


def _spread(sizes: Sequence[int]) -> dict[str, int]:
    if not sizes:
        return {"p50": 0, "p99": 0, "max": 0}
    p50, p99 = np.percentile(sizes, [50, 99], method="higher").tolist()
    return {"p50": p50, "p99": p99, "max": max(sizes)}


def _config(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }


OBJECTIVE: Objective = Objective(
    fitted=lambda truths: OBJECTIVE,
    begin=as_it_is,
    within=as_it_is,
    choices=OF_CLASSES,
    targets=_targets,
    pad=_pad,
    count=_count,
    weights=_weights,
    loss=_loss,
    soft=soft_loss,
    numpy_loss=_numpy_loss,
    figures=_figures,
    config=_config,
    smoothed=True,
    blank=(),
)
