"""Likeliest answers under the head that suits them, where no rows have set one."""

from edgeft.proof.paired import Drop, paired_drop
from edgeft.proof.told import Told
from edgeft.tasks.task import Rows

__all__ = ["suited", "suited_drop"]


def suited(told: Told, truths: Rows) -> Rows:
    """(N,) likeliest answers; where they depend on thresholds, under such as suit these rows."""
    told = told.judged_by(truths)
    head = told.task.suited(told.outputs, truths, told.labels)
    return told.answers(head).likeliest


def suited_drop(told: Told, reference: Told, truths: Rows) -> Drop:
    """What a model's likeliest answers lost against a reference's.

    Thresholds, where answers depend on them, are chosen for each on these same rows: both sides
    are flattered alike.
    """
    answers, references = suited(told, truths), suited(reference, truths)
    return paired_drop(told.task.judging(truths), truths, answers, references, told.labels)
