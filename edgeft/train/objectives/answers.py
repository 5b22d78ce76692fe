"""Where an answer starts and ends: smoothed cross-entropy over the tokens of each part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edgeft.inputs import Input, Question
from edgeft.tasks.answers import TASK
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.words import trimmed
from edgeft.train.objectives.classes import soft_loss
from edgeft.train.objectives.objective import OF_CLASSES, Figure, LearnedRow, Objective, as_it_is

__all__ = ["OBJECTIVE"]

NO_ANSWER = (0, 0)  # the places of the token that speaks for "no answer"


def _targets(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[tuple[tuple[str, int], ...]],
    labels: tuple[str, ...],
) -> list[list[LearnedRow]]:
    """(first place, last place, tokens) in every part; the first two 0 where the answer is not.

    Of several gold answers the first is learned.
    """
    found: list[list[LearnedRow]] = []
    for one, truth in zip(encoded, truths, strict=True):
        golds = [(start, start + len(text)) for text, start in truth]
        places = [_place(part, *golds[0]) if golds else NO_ANSWER for part in one.parts]
        found.append(
            [(part, (*place, len(part.ids))) for part, place in zip(one.parts, places, strict=True)]
        )
    return found


def _place(part: Part, start: int, end: int) -> tuple[int, int]:
    """The first and the last token of an answer, if all of it is in this part."""
    assert part.offsets is not None, "the parts know no offsets"
    own = part.own
    if not own or part.offsets[own.start][0] > start or part.offsets[own.stop - 1][1] < end:
        return NO_ANSWER
    touched = [at for at in own if part.offsets[at][1] > start and part.offsets[at][0] < end]
    return (touched[0], touched[-1]) if touched else NO_ANSWER


def _pad(targets: Sequence[tuple[int, int, int]], width: int) -> dict[str, Any]:
    starts, ends, tokens = torch.tensor(targets, dtype=torch.int64).T  # (B,) int64 each
    return {"start_positions": starts, "end_positions": ends, "tokens": tokens}


def _weights(rows: Sequence[LearnedRow], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """One: there are no classes to balance."""
    return np.ones(1, np.float32)


def _loss(outputs: Any, batch: Mapping[str, Any], weights: Any, label_smoothing: float) -> Any:
    """The mean of both ends' cross-entropy, summed over parts; padding is no place to choose."""
    width = outputs.start_logits.shape[1]
    tokens = batch["tokens"]  # (B,)
    beyond = torch.arange(width, device=tokens.device)[None, :] >= tokens[:, None]  # (B, T) bool
    total = torch.zeros((), device=tokens.device)
    for logits, places in (
        (outputs.start_logits, batch["start_positions"]),
        (outputs.end_logits, batch["end_positions"]),
    ):
        logits = logits.float()
        shifted = logits.masked_fill(beyond, torch.finfo(logits.dtype).min)
        log_scores = functional.log_softmax(shifted, dim=1)  # (B, T) float32
        one = -log_scores.gather(1, places[:, None]).squeeze(1)  # (B,)
        if label_smoothing:
            even = -log_scores.masked_fill(beyond, 0.0).sum(dim=1) / tokens
            one = (1 - label_smoothing) * one + label_smoothing * even
        total = total + one.sum() / 2
    return total


def _numpy_loss(outputs: Mapping[str, Any], rows: Sequence[LearnedRow]) -> float:
    """The mean negative log-likelihood of both ends under each part's (T,) logits."""
    total = 0.0
    for at, name in enumerate(("start_logits", "end_logits")):
        for logits, (_, target) in zip(outputs[name], rows, strict=True):
            shifted = logits.astype(np.float64) - logits.max()
            total += float(np.log(np.exp(shifted).sum()) - shifted[target[at]])
    return total / (2 * len(rows))


def _figures(
    inputs: Sequence[Input],
    encoded: Sequence[Encoded],
    truths: Sequence[tuple[tuple[str, int], ...]],
    labels: tuple[str, ...],
) -> tuple[Figure, ...]:
    """The answers that cannot be learned as they are, and the questions that are cut."""
    outside = inexact = 0
    for one, encoding, truth in zip(inputs, encoded, truths, strict=True):
        if not truth:
            continue
        text, start = truth[0]
        end = start + len(text)
        places = [(part, *_place(part, start, end)) for part in encoding.parts]
        found = [place for place in places if place[1:] != NO_ANSWER]
        if not found:
            outside += 1
            continue
        part, first, last = found[0]
        assert part.offsets is not None, "the parts know no offsets"
        assert isinstance(one, Question), "answers are found in a context"
        stands = trimmed(one.context, part.offsets[first][0], part.offsets[last][1])
        inexact += stands != trimmed(one.context, start, end)
    cut = sum(one.cut > 0 for one in encoded)
    return (
        Figure(
            "answers_outside",
            "answers that no window holds whole",
            outside,
            f"{TASK.marks.are(outside)} in no window whole and "
            f"{'counts' if outside == 1 else 'count'} as none: raise --max-length."
            if outside
            else "",
        ),
        Figure("answers_inexact", "answers that begin or end within a token", inexact),
        Figure(
            "questions_cut",
            "questions of more tokens than half of a window",
            cut,
            f"{cut:,} of {len(inputs):,} questions {'takes' if cut == 1 else 'take'} more than "
            "half of the tokens: of these the beginning is read. Raise --max-length if their ends "
            "matter."
            if cut
            else "",
        ),
    )


def _config(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"num_labels": 2}  # a start and an end


OBJECTIVE: Objective = Objective(
    fitted=lambda truths: OBJECTIVE,
    begin=as_it_is,
    within=as_it_is,
    choices=OF_CLASSES,
    targets=_targets,
    pad=_pad,
    count=len,
    weights=_weights,
    loss=_loss,
    soft=soft_loss,
    numpy_loss=_numpy_loss,
    figures=_figures,
    config=_config,
    smoothed=False,
    blank=None,
)
