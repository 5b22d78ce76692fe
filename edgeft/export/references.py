"""Torch's answers on the user's texts, or on built-in ones: what variants are held to."""

from collections.abc import Sequence

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.data import Examples, evenly
from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.proof.gates import Reference
from edgeft.tasks.reading import aligned

__all__ = ["make_reference"]

MOST_TEXTS = 512  # unlabelled texts that are compared; labelled ones are compared all


def make_reference(
    checkpoint: Checkpoint,
    data: Examples | Sequence[Input] | None,
    *,
    original: Checkpoint | None = None,
    chooser: Reference | None = None,
    progress: Progress = silent,
) -> Reference:
    """Run torch on the data, or on the built-in texts where there are none.

    ``original`` is the model whose answers on labelled data are the baseline, if
    that is not the checkpoint itself; ``chooser`` the reference on the rows that choose,
    where these are others: its heads are this one's too, and its built-in texts need not run
    again. Raises ModelError for logits that are no numbers, DataError for
    labels that the model does not know.
    """
    labels, task = checkpoint.labels, checkpoint.task
    # Before anything is run.
    truths = aligned(data, labels).truths if isinstance(data, Examples) else None
    edges_told = (
        chooser.edges
        if chooser
        else torch_told(checkpoint, task.parity(checkpoint.max_length), progress=progress)
    )
    if not data:
        return Reference("built-in", edges_told, edges_told, edges_told)
    if not isinstance(data, Examples):
        told = torch_told(checkpoint, evenly(data, MOST_TEXTS), progress=progress)
        return Reference("data", told, told, edges_told)
    told = baseline = torch_told(checkpoint, data.inputs, progress=progress)
    if original is not None:
        baseline = torch_told(original, data.inputs, step="running the original", progress=progress)
    assert truths is not None
    told, task = told.judged_by(truths), task.judging(truths)
    baseline = told if original is None else baseline.judged_by(truths)
    if chooser is not None:
        head, baseline_head = chooser.head, chooser.baseline_head
    else:
        head = task.suited(told.outputs, truths, labels)
        baseline_head = head
        if baseline is not told:
            baseline_head = task.suited(baseline.outputs, truths, labels)
    scores = task.score(truths, baseline.answers(baseline_head).likeliest, labels)
    return Reference("data", told, baseline, edges_told, head, baseline_head, truths, scores)
