"""Logits of tokens that stand for tags, and the entities that a task makes of them."""

import numpy as np

from edgeft.tasks.encoded import Encoded
from edgeft.tasks.entities import TASK, Entities
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.tags import bio
from tests.encoded import in_pieces

__all__ = ["LABELS", "decoded", "framed", "logits_of", "told"]

LABELS = bio(["LOC", "PER"])  # O, B-LOC, I-LOC, B-PER, I-PER


def logits_of(tags: list[str], labels: tuple[str, ...] = LABELS, sure: float = 0.9) -> np.ndarray:
    """(T, C) logits whose softmax gives each tag ``sure`` and the others the rest."""
    scores = np.full((len(tags), len(labels)), (1 - sure) / (len(labels) - 1), np.float32)
    for at, tag in enumerate(tags):
        scores[at, labels.index(tag)] = sure
    return np.log(scores)


def framed(rows: np.ndarray) -> np.ndarray:
    """With rows for the special tokens, of which nothing may come."""
    loud = np.zeros((1, rows.shape[1]), np.float32)
    loud[0, -1] = 50.0
    return np.concatenate([loud, rows, loud])


def decoded(
    text: str,
    rows: np.ndarray,
    labels: tuple[str, ...] = LABELS,
    head: Head = PLAIN,
    encoded: Encoded | None = None,
) -> Entities:
    one = encoded or in_pieces(text, piece=99)
    joined = TASK.join({"logits": [framed(rows)]}, [one])
    (found,) = TASK.decode(joined, [one], [text], labels, head)
    (answer,) = TASK.answer(joined, [one], [text], labels, head).given
    assert [one[:2] for one in answer] == [(entity.start, entity.end) for entity in found]
    assert all(text[one.start : one.end] == one.text for one in found)
    return found


def told(found: Entities) -> list[tuple[str, str]]:
    return [(one.label, one.text) for one in found]
