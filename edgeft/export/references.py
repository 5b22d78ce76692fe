"""Torch's answers on the user's texts, or on built-in ones: what variants are held to."""

from collections.abc import Sequence

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import torch_logits
from edgeft.data import Examples, evenly
from edgeft.progress import Progress, silent
from edgeft.proof.gates import Reference
from edgeft.proof.scoring import score_logits
from edgeft.tasks.builtin import parity_texts
from edgeft.tasks.reading import aligned

__all__ = ["make_reference"]

MOST_TEXTS = 512  # unlabelled texts that are compared; labelled ones are compared all


def make_reference(
    checkpoint: Checkpoint,
    data: Examples | Sequence[str] | None,
    *,
    original: Checkpoint | None = None,
    edges: Reference | None = None,
    progress: Progress = silent,
) -> Reference:
    """Run torch on the data, or on the built-in texts where there are none.

    ``original`` is the model whose answers on labelled data are the baseline, if
    that is not the checkpoint itself; ``edges`` a reference to the same checkpoint,
    whose built-in texts need not run again. Raises ModelError for logits that are no
    numbers, DataError for labels that the model does not know.
    """
    if isinstance(data, Examples):
        data = aligned(data, checkpoint.labels)  # before anything is run
    edge_texts = edges.edge_texts if edges else parity_texts(checkpoint.max_length)
    edge_logits = (
        edges.edge_logits if edges else torch_logits(checkpoint, edge_texts, progress=progress)
    )
    if not data:
        return Reference("built-in", edge_texts, edge_logits, edge_logits, edge_texts, edge_logits)
    if not isinstance(data, Examples):
        texts = evenly(data, MOST_TEXTS)
        logits = torch_logits(checkpoint, texts, progress=progress)
        return Reference("data", texts, logits, logits, edge_texts, edge_logits)
    logits = baseline = torch_logits(checkpoint, data.texts, progress=progress)
    if original is not None:
        baseline = torch_logits(
            original, data.texts, step="running the original", progress=progress
        )
    scores = score_logits(baseline, data, checkpoint.labels)
    return Reference("data", data.texts, logits, baseline, edge_texts, edge_logits, data, scores)
