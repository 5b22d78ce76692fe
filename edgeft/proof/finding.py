"""What is found of a model on some inputs, and whether that is good enough: the one gate."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeft.proof.agreement import (
    Agreement,
    ClearAgreement,
    agreement_of,
    clear_agreement,
    differences,
    outcome_told,
)
from edgeft.proof.limits import LEAST_AGREEMENT, MAX_DROP, SAME_LOGITS
from edgeft.proof.paired import Drop, paired_drop
from edgeft.proof.told import Told
from edgeft.runtime.golden import GoldenResult
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.outputs import finite
from edgeft.tasks.task import Noun, Rows, Scores, Task

__all__ = ["Finding", "Neighbours", "compare", "inexact", "problem"]

INPUT = Noun("input", "inputs")
FIGURES = {"ece": "ECE", "brier": "Brier", "lrap": "LRAP"}  # that a task further tells, in words


@dataclass(frozen=True)
class Neighbours:
    """Of so many inputs, how many get another answer alone than in a batch, and how far off.

    ``moved`` is by how much the two answers differ at most: 1 less how far they are alike.
    """

    texts: int
    flips: int
    max_abs_logit_diff: float
    moved: float = 0.0


@dataclass(frozen=True)
class Finding:
    """What was found of a model; each part is None, or empty, where nothing tells it.

    asks: what an input is called.
    agreement, clear: with a reference; ``apart`` is the largest difference to all its digits.
    scores: of the likeliest answers. given: of what is answered; the same object where there are
        no thresholds. drop: what the likeliest lost against the reference's.
    before, after: what the task further tells, without and with the model's head.
    outcome: what is answered, where thresholds change it.
    no_numbers: of so many inputs the outputs were NaN or infinite; nothing else is told then.
    device, golden: where a bundle's variant ran, and how its golden inputs did.
    stages: the share of the inputs that each stage of a cascade answered, 0 to 1.
    cut: of how many pairs each text was cut, in words.
    source: of the inputs, "data" or "built-in". batch: what neighbours do. exact: it is the
        reference itself in another form, so there is nothing to prove of ``max_drop`` points.
    """

    rows: int = 0
    asks: Noun = INPUT
    agreement: Agreement | None = None
    apart: float = 0.0
    clear: ClearAgreement | None = None
    scores: Scores | None = None
    given: Scores | None = None
    drop: Drop | None = None
    before: Mapping[str, float | None] = field(default_factory=dict)
    after: Mapping[str, float | None] = field(default_factory=dict)
    outcome: Mapping[str, float | None] = field(default_factory=dict)
    no_numbers: int = 0
    device: str = ""
    golden: GoldenResult | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    cut: str = ""
    source: str = ""
    batch: Neighbours | None = None
    exact: bool = False
    max_drop: float = MAX_DROP

    # --- as JSON values --------------------------------------------------------------

    def checked(self, max_drop: float = MAX_DROP) -> dict[str, Any]:
        """What a check of a bundle tells; a difference that is no number becomes null.

        It tells whether a loss of no more than ``max_drop`` points is proven.
        """
        golden = self.golden
        difference = golden.max_abs_difference if golden else math.inf
        return {
            "device": self.device,
            "golden": {
                "passed": golden.passed,
                "max_abs_difference": difference if math.isfinite(difference) else None,
                "tolerance": golden.tolerance,
            }
            if golden
            else None,
            "agreement": asdict(self.agreement) if self.agreement else None,
            "clear_agreement": self.clear.to_dict() if self.clear else None,
            "scores": self.scores.headline() if self.scores else None,
            "drop": self.drop.judged(max_drop) if self.drop else None,
            "calibration": dict(self.after) or None,
            "outcome": dict(self.outcome),
            "no_numbers": self.no_numbers,
            **self._answered_by(),
        }

    def measured(self) -> dict[str, Any]:
        """What the manifest keeps of it."""
        agreement, clear, batch = self.agreement, self.clear, self.batch
        assert agreement is not None, "an export compares with torch"
        assert clear is not None, "an export compares with torch"
        assert batch is not None, "an export looks at neighbours"
        return {
            "parity": {"source": self.source, **asdict(agreement)},
            "clear_agreement": clear.to_dict(),
            "scores": self.scores.headline() if self.scores else None,
            "drop": {
                **self.drop.judged(self.max_drop),
                "exact": self.exact,
                "verdict": self.verdict,
            }
            if self.drop
            else None,
            "calibration": {"before": dict(self.before), "after": dict(self.after)}
            if self.before and self.after
            else None,
            "outcome": dict(self.outcome),
            "batch": {
                "texts": batch.texts,
                "flips": batch.flips,
                "max_abs_logit_diff": batch.max_abs_logit_diff,
                "moved": batch.moved,
            },
        }

    def scored(self) -> dict[str, Any]:
        """The scores of what is answered, and those without thresholds, if there are any."""
        assert self.given is not None, "only labelled inputs are scored"
        assert self.scores is not None, "only labelled inputs are scored"
        return {
            **self.given.to_dict(),
            **self.given.selective(),
            "without_thresholds": self.scores.headline() if self.decided else None,
            **self._answered_by(),
        }

    def _answered_by(self) -> dict[str, Any]:
        return {"stages": dict(self.stages)} if self.stages else {}

    # --- in words --------------------------------------------------------------------

    @property
    def decided(self) -> bool:
        """Whether thresholds made of the likeliest answers what is given."""
        return self.given is not self.scores

    @property
    def verdict(self) -> str:
        """What labelled rows prove of a loss of ``max_drop`` points, in a sentence.

        Without labels what clear answers tell; "" where there is no reference.
        """
        if self.exact:
            return "It gives the original's own answers, but for rounding."
        if self.drop is not None:
            return self.drop.sentence(self.max_drop)
        return self.clear.sentence("the original") if self.clear else ""

    @property
    def unproven(self) -> bool:
        """Whether rows are too few, or too unclear, to tell that it lost no more than it may."""
        if self.exact:
            return False
        if self.drop is not None:
            return not self.drop.proven(self.max_drop)
        return self.clear is not None and self.clear.agreement is None

    def stages_told(self) -> str:
        """Which share of the inputs each stage answered, in words: "student 85.3%, main 14.7%"."""
        return ", ".join(f"{name} {share:.1%}" for name, share in self.stages.items())

    def outcome_told(self, task: Task) -> list[str]:
        """What is answered, in words: "precision 0.9812" …"""
        return outcome_told(self.outcome, task.metrics)

    def parity_cells(self) -> list[str]:
        """For a table: the largest logit difference from torch, and how far answers are alike."""
        if self.agreement is None:
            return ["-", "-"]
        return [
            f"{self.agreement.max_abs_logit_diff:.4f}",
            f"{self.agreement.agreement:.4f}",
        ]

    def further_columns(self) -> list[str]:
        """The names of what the task further tells, as a table shows them."""
        return [FIGURES.get(name, name) for name in self.after]

    def score_cells(self) -> list[str]:
        """For a table: each metric, points lost of each, then what the task further tells.

        The last without and with the head; all empty without labels.
        """
        if not (self.scores and self.drop):
            return []
        return [
            *(f"{self.scores.figure(loss.name):.4f}" for loss in self.drop.losses),
            *map(str, self.drop.losses),
            *(f"{one:.3f} → {self.after[name]:.3f}" for name, one in self.before.items()),
        ]


def compare(
    told: Told,
    reference: Told | None,
    truths: Rows | None = None,
    *,
    head: Head = PLAIN,
    theirs: Head | None = None,
    baseline: Told | None = None,
    counted_by: Head | None = None,
) -> Finding:
    """Compare what a model tells with what a reference does, and score it where truths are.

    ``head`` is the model's own, with its thresholds; the reference's likeliest answers are read
    under ``theirs``, or under the same where that is None. ``baseline`` is what losses are counted
    from, where that is not the reference, read under ``counted_by``. A reference whose outputs are
    no numbers tells nothing.
    """
    if truths is not None:
        told = told.judged_by(truths)
        reference, baseline = (
            None if one is None else one.judged_by(truths) for one in (reference, baseline)
        )
    numbers = finite(told.outputs)  # (N,) bool
    if not numbers.all():
        return Finding(len(told), told.task.asks, no_numbers=int((~numbers).sum()))
    task, labels, answers = told.task, told.labels, told.answers(head)
    found: dict[str, Any] = {"rows": len(told), "asks": task.asks, "stages": told.stages}
    if reference is not None and finite(reference.outputs).all():
        its = reference.answers(theirs or head)
        largest, _ = differences(told.outputs, reference.outputs)
        found["apart"] = largest / task.unit(reference.outputs)
        found["agreement"] = agreement_of(task, told.outputs, answers, reference.outputs, its)
        found["clear"] = clear_agreement(task, answers, its)
        if truths is not None:
            counted = reference if baseline is None else baseline
            before = its if counted is reference else counted.answers(counted_by or head)
            found["drop"] = paired_drop(task, truths, answers.likeliest, before.likeliest, labels)
    if truths is not None:
        scores = given = task.score(truths, answers.likeliest, labels)
        if answers.given is not answers.likeliest:
            given = task.score(truths, answers.given, labels)
        found |= {
            "scores": scores,
            "given": given,
            "before": task.further(told.outputs, truths, labels, PLAIN),
            "after": task.further(told.outputs, truths, labels, head),
            "outcome": given.outcome(head),
        }
    return Finding(**found)


def inexact(finding: Finding, against: str, allowed: float = SAME_LOGITS) -> str:
    """What is wrong with a model that should give a reference's own answers, "" if nothing is."""
    agreement, clear = finding.agreement, finding.clear
    if finding.no_numbers:
        return _no_numbers(finding)
    if agreement is None or clear is None:
        return ""
    if finding.apart <= allowed and clear.agreement in (None, 1.0):
        return ""
    return (
        f"it does not answer as {against} does: its logits differ by up to {finding.apart:.2g} "
        f"(allowed: {allowed:g}), {agreement.different} of {agreement.texts} answers"
    )


def problem(finding: Finding, max_drop: float, *, against: str, baseline: str = "") -> str:
    """What is wrong with a model that may round, "" if nothing is.

    Every input must get numbers. On labelled ones it may lose ``max_drop`` points of each metric;
    on others it must give LEAST_AGREEMENT of the reference's clear answers.
    ``against`` and ``baseline`` are the names of what it is compared with and counted from.
    """
    if finding.no_numbers:
        return _no_numbers(finding)
    if (drop := finding.drop) is not None:
        worst = drop.worst
        if worst.points <= max_drop:  # so that NaN is not
            return ""
        return (
            f"it loses {worst.points:.2f} points of {worst.metric} against {baseline or against} "
            f"on {drop.rows:,} rows (95% interval {worst.low:.2f} to {worst.high:.2f}; "
            f"allowed: {max_drop:g})"
        )
    clear = finding.clear
    if clear is None or not clear.failed:
        return ""
    source = f" ({finding.source})" if finding.source else ""
    if clear.near:
        return (
            f"its answers to {clear.noun.of(clear.clear)}{source} are only {clear.agreement:.1%} "
            f"near {against}'s (at least {LEAST_AGREEMENT:.0%} wanted)"
        )
    return (
        f"it gives only {clear.agreement:.1%} of {against}'s answers to the "
        f"{clear.noun.of(clear.clear)}{source} whose answer is clear (at least "
        f"{LEAST_AGREEMENT:.0%} wanted)"
    )


def _no_numbers(finding: Finding) -> str:
    return (
        f"it answers {finding.asks.of(finding.no_numbers)} with values that are no numbers "
        "(NaN or infinity)"
    )
