"""The export's gates: a variant is compared with torch before the bundle may exist."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeft.bundle import Head
from edgeft.data import evenly
from edgeft.errors import ModelError
from edgeft.progress import Progress, silent
from edgeft.proof.agreement import (
    Agreement,
    ClearAgreement,
    clear_agreement,
    compare,
    differences,
    outcome_told,
)
from edgeft.proof.limits import EXACT, LEAST_AGREEMENT, SAME_LOGITS
from edgeft.proof.paired import Drop, paired_drop
from edgeft.proof.told import Told, tell
from edgeft.runtime.model import Model
from edgeft.tasks.outputs import finite
from edgeft.tasks.task import PLAIN, Rows, Scores

__all__ = ["Reference", "VariantReport", "judge", "report_on"]

NEIGHBOUR_TEXTS = 128  # texts that are run alone and in batches, to see what neighbours do


@dataclass(frozen=True)
class Reference:
    """What the torch original tells of the texts that a variant is held to.

    ``source`` is "data" or "built-in". ``baseline`` is what drops are counted
    from: torch's own, or that of a model that this one was made from.
    ``scores`` are the baseline's on the ``truths``; both are None
    where there are no labels. ``edges`` are the built-in texts, run in any
    case: they go to the limits that data may not.
    """

    source: str
    told: Told
    baseline: Told
    edges: Told
    truths: Rows | None = None
    scores: Scores | None = None

    @property
    def texts(self) -> list[Any]:
        """The texts themselves."""
        return list(self.told.inputs)


@dataclass(frozen=True)
class VariantReport:
    """How one variant compares with torch.

    clear: label agreement where torch's answer is clear.
    scores: of its likeliest labels. drop: what these lost against the baseline's
        on labelled rows; where the variant is ``exact`` there is nothing to prove of
        ``max_drop`` points, since it is the baseline itself in another form.
    before, after: what the task further tells, without and with its head. outcome: what the
        runtime answers, where thresholds change it.
    batch_flips: among ``batch_texts`` texts, how many get another label alone
        than in a batch.
    """

    parity: Agreement
    parity_source: str
    clear: ClearAgreement
    scores: Scores | None
    drop: Drop | None
    max_drop: float
    exact: bool
    before: dict[str, float | None] | None
    after: dict[str, float | None] | None
    outcome: dict[str, float | None]
    batch_texts: int
    batch_flips: int
    batch_max_abs_logit_diff: float

    def to_dict(self) -> dict[str, Any]:
        """What the manifest keeps of it, as JSON values."""
        return {
            "parity": {"source": self.parity_source, **asdict(self.parity)},
            "clear_agreement": asdict(self.clear),
            "scores": self.scores.headline() if self.scores else None,
            "drop": {
                **self.drop.judged(self.max_drop),
                "exact": self.exact,
                "verdict": self.verdict,
            }
            if self.drop
            else None,
            "calibration": {"before": self.before, "after": self.after}
            if self.before and self.after
            else None,
            "outcome": self.outcome,
            "batch": {
                "texts": self.batch_texts,
                "label_flips": self.batch_flips,
                "max_abs_logit_diff": self.batch_max_abs_logit_diff,
            },
        }

    @property
    def verdict(self) -> str:
        """What labelled rows prove of a loss of ``max_drop`` points, in a sentence; else ""."""
        if self.drop is None:
            return ""
        if self.exact:
            return "It gives the original's own answers, but for rounding."
        return self.drop.sentence(self.max_drop)

    @property
    def unproven(self) -> bool:
        """Whether there are labelled rows, but too few to tell that it lost no more than it may."""
        return self.drop is not None and not self.exact and not self.drop.proven(self.max_drop)

    def outcome_told(self) -> list[str]:
        """What the runtime answers, in words: "precision 0.9812" …"""
        return outcome_told(self.outcome)

    def parity_cells(self) -> list[str]:
        """For a table: the largest logit difference from torch, and the share of its labels."""
        return [f"{self.parity.max_abs_logit_diff:.4f}", f"{self.parity.label_agreement:.4f}"]

    def score_cells(self) -> list[str]:
        """For a table: accuracy, macro F1, points lost of each, calibration error, Brier score.

        The last two without and with the temperature; empty without labels.
        """
        if not (self.scores and self.drop and self.before and self.after):
            return []
        return [
            *(f"{self.scores.figure(loss.name):.4f}" for loss in self.drop.losses),
            *map(str, self.drop.losses),
            *(f"{one:.3f} → {self.after[name]:.3f}" for name, one in self.before.items()),
        ]


def judge(
    model: Model, reference: Reference, *, max_drop: float, progress: Progress = silent
) -> tuple[Told, str]:
    """What a variant tells of the reference's texts, and what is wrong with that.

    "" where nothing is. fp32 graphs must give torch's logits to within 1e-3,
    and torch's label wherever that is more than a rounding away from the next
    one: else ModelError. No variant may lose more than ``max_drop`` points on
    labelled rows, nor, without labels, disagree on more than a tenth of the
    texts whose answer is clear.
    """
    told = tell(model, reference.texts, f"checking {model.variant}", progress)
    edges = _told(model, reference.edges.inputs, alone=False)
    exact = model.variant in EXACT
    if not (finite(told.outputs).all() and finite(edges.outputs).all()):
        problem = "it answers with values that are no numbers"
        if exact:
            raise ModelError(f"The variant {model.variant}: {problem}.")
        return told, problem
    if exact:
        _hold_exact(model.variant, told, reference.told)
        _hold_exact(model.variant, edges, reference.edges)
    if reference.truths is not None:
        return told, _too_much(_drop(told, reference), max_drop)
    clear = clear_agreement(told.task, told.answers(), reference.told.answers())
    if clear.passed:
        return told, ""
    return told, (
        f"it gives torch's label on only {clear.label_agreement:.1%} of the {clear.texts} texts "
        f"({reference.source}) whose answer is clear (at least {LEAST_AGREEMENT:.0%} wanted)"
    )


def report_on(
    model: Model, reference: Reference, told: Told, head: Head, *, max_drop: float
) -> VariantReport:
    """What is told of a variant, from what it tells of the reference's texts."""
    task, labels, truths = model.task, model.labels, reference.truths
    lost = before = after = scores = None
    outcome: dict[str, float | None] = {}
    answers, theirs = told.answers(head), reference.told.answers()
    if truths is not None:
        scores = task.score(truths, answers.likeliest, labels)
        lost = _drop(told, reference)
        before = task.further(told.outputs, truths, labels, PLAIN)
        after = task.further(told.outputs, truths, labels, head)
        outcome = task.score(truths, answers.given, labels).outcome(head)
    some = evenly(reference.texts, NEIGHBOUR_TEXTS)
    beside, alone = (_told(model, some, alone=alone) for alone in (False, True))
    batch = compare(task, beside.outputs, beside.answers(), alone.outputs, alone.answers())
    return VariantReport(
        parity=compare(task, told.outputs, answers, reference.told.outputs, theirs),
        parity_source=reference.source,
        clear=clear_agreement(task, answers, theirs),
        scores=scores,
        drop=lost,
        max_drop=max_drop,
        exact=model.variant in EXACT and reference.baseline is reference.told,
        before=before,
        after=after,
        outcome=outcome,
        batch_texts=len(some),
        batch_flips=round((1 - batch.label_agreement) * len(some)),
        batch_max_abs_logit_diff=batch.max_abs_logit_diff,
    )


def _told(model: Model, texts: Sequence[Any], *, alone: bool) -> Told:
    encoded, outputs = model.outputs(texts, alone=alone)
    return Told(model.task, model.labels, texts, encoded, outputs)


def _drop(told: Told, reference: Reference) -> Drop:
    assert reference.truths is not None
    answers, theirs = told.answers().likeliest, reference.baseline.answers().likeliest
    return paired_drop(told.task, reference.truths, answers, theirs, told.labels)


def _too_much(lost: Drop, max_drop: float) -> str:
    """What is wrong with a drop, "" where it is allowed."""
    worst = lost.worst
    if worst.points <= max_drop:
        return ""
    return (
        f"it loses {worst.points:.2f} points of {worst.metric} against the original on "
        f"{lost.rows:,} rows (95% interval {worst.low:.2f} to {worst.high:.2f}; "
        f"allowed: {max_drop:g})"
    )


def _hold_exact(variant: str, told: Told, expected: Told) -> None:
    largest, _ = differences(told.outputs, expected.outputs)
    if not largest <= SAME_LOGITS:  # nearer than that, no answer flips but by rounding
        ours, theirs = told.answers().likeliest, expected.answers().likeliest
        flips = int((told.task.same(ours, theirs) < 1).sum())
        raise ModelError(
            f"The exported {variant} graph does not answer as torch does: its logits differ by "
            f"up to {largest:.2g} (allowed: {SAME_LOGITS:g}), {flips} of {len(told)} labels.",
            hint="This is a fault of the export. Please report it with the model's architecture.",
        )
