"""The export's gates: a variant is compared with torch before the bundle may exist."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeft.bundle import Head
from edgeft.data import evenly
from edgeft.errors import ModelError
from edgeft.inputs import Input, columns_of
from edgeft.progress import Progress, silent
from edgeft.proof.finding import Finding, Neighbours, compare, inexact, problem
from edgeft.proof.limits import EXACT
from edgeft.proof.told import Told, tell
from edgeft.runtime.model import Model
from edgeft.tasks.head import PLAIN
from edgeft.tasks.task import Rows, Scores, Task

__all__ = ["Reference", "judge", "report_on"]

NEIGHBOUR_TEXTS = 128  # texts that are run alone and in batches, to see what neighbours do


@dataclass(frozen=True)
class Reference:
    """What the torch original tells of the texts that a variant is held to.

    ``source`` is "data" or "built-in". ``baseline`` is what drops are counted
    from: torch's own, or that of a model that this one was made from.
    ``head`` is what the original's answers are read under, ``baseline_head`` the baseline's: set
    on the rows that choose, but by no wish.
    ``scores`` are the baseline's on the ``truths``; both are None
    where there are no labels. ``edges`` are the built-in texts, run in any
    case: they go to the limits that data may not.
    """

    source: str
    told: Told
    baseline: Told
    edges: Told
    head: Head = PLAIN
    baseline_head: Head = PLAIN
    truths: Rows | None = None
    scores: Scores | None = None

    @property
    def texts(self) -> list[Input]:
        """The inputs themselves."""
        return list(self.told.inputs)


def judge(
    model: Model,
    reference: Reference,
    *,
    max_drop: float,
    head: Head | None = None,
    progress: Progress = silent,
) -> tuple[Told, str]:
    """What a variant tells of the reference's inputs, and what is wrong with that.

    "" where nothing is. ``head`` is what it is read under, None where these rows choose that; an
    exact variant is read under the reference's, as its numbers are. fp32 graphs must give torch's
    logits to within 1e-3, and torch's answer wherever that is clear: else ModelError. No variant
    may lose
    more than ``max_drop`` points on labelled rows, nor, without labels, disagree on
    more than a tenth of the inputs whose answer is clear.
    """
    told = tell(model, reference.texts, f"checking {model.variant}", progress)
    edges = _told(model, reference.edges.inputs, alone=False)
    exact = model.variant in EXACT
    if exact:
        head = reference.head
    elif head is None:
        head = _suited(told, reference)
    found = _compared(told, reference, head, exact=exact)
    at_edges = compare(edges, reference.edges, head=head, theirs=reference.head)
    for one in (found, at_edges):
        if exact and (wrong := inexact(one, "torch")):
            raise ModelError(
                f"The exported {model.variant} graph {wrong.removeprefix('it ')}.",
                hint="This is a fault of the export. Please report it with the model's "
                "architecture.",
            )
    if at_edges.no_numbers:
        found = at_edges
    return told, problem(found, max_drop, against="torch", baseline="the original")


def report_on(
    model: Model, reference: Reference, told: Told, head: Head, *, max_drop: float
) -> Finding:
    """What is told of a variant, from what it tells of the reference's inputs."""
    some = evenly(_each_by_itself(model.task, reference.texts), NEIGHBOUR_TEXTS)
    beside, alone = (_told(model, some, alone=alone) for alone in (False, True))
    batch = compare(beside, alone, head=head).agreement
    assert batch is not None, "judged before, its answers are numbers"
    alike = model.task.same(beside.answers(head).likeliest, alone.answers(head).likeliest)  # (N,)
    return replace(
        _compared(told, reference, head, exact=model.variant in EXACT),
        batch=Neighbours(
            texts=len(some),
            flips=batch.different,
            max_abs_logit_diff=batch.max_abs_logit_diff,
            moved=round(1 - float(alike.min(initial=1.0)), 6),
        ),
        exact=model.variant in EXACT and reference.baseline is reference.told,
        max_drop=max_drop,
    )


def _compared(told: Told, reference: Reference, head: Head, *, exact: bool) -> Finding:
    """An exact variant has the original's numbers, so both are read under one head."""
    found = compare(
        told,
        reference.told,
        reference.truths,
        head=head,
        theirs=head if exact else reference.head,
        baseline=reference.baseline,
        counted_by=head if exact else reference.baseline_head,
    )
    return replace(found, source=reference.source)


def _each_by_itself(task: Task, inputs: Sequence[Input]) -> Sequence[Input]:
    """The inputs, or the texts of pairs where each gets a vector of its own.

    Two vectors that move together leave their cosine where it is. Texts are in the order of their
    lengths, so that queries and passages are both among those that are taken.
    """
    if not task.embeds:
        return inputs
    return sorted({text: None for one in inputs for text in columns_of(one)}, key=len)


def _suited(told: Told, reference: Reference) -> Head:
    if reference.truths is None:
        return reference.head
    return told.task.suited(told.outputs, reference.truths, told.labels)


def _told(model: Model, inputs: Sequence[Input], *, alone: bool) -> Told:
    encoded, outputs = model.outputs(inputs, alone=alone)
    return Told(model.task, model.labels, inputs, encoded, outputs)
