"""The export's gates: a variant is compared with torch before the bundle may exist."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Head
from edgeft.data import Examples, evenly
from edgeft.errors import ModelError
from edgeft.progress import Progress, silent
from edgeft.proof.battery import logits_in_steps
from edgeft.proof.limits import EXACT, LEAST_AGREEMENT, SAME_LOGITS
from edgeft.proof.paired import Drop
from edgeft.proof.scoring import (
    Agreement,
    ClearAgreement,
    clear_agreement,
    compare_logits,
    drop,
    label_ids,
    outcome,
    outcome_told,
    score_logits,
)
from edgeft.runtime.model import Model
from edgeft.tasks.calibration import Calibration, calibration
from edgeft.tasks.metrics import ClassificationScores

__all__ = ["Reference", "VariantReport", "judge", "report_on"]

NEIGHBOUR_TEXTS = 128  # texts that are run alone and in batches, to see what neighbours do

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """Texts and the torch original's (N, C) logits for them.

    ``source`` is "data" or "built-in". ``baseline`` are the logits that drops are
    counted from: torch's own, or those of a model that this one was made from.
    ``scores`` are the baseline's on the labels of ``examples``; both are None
    where there are no labels. ``edge_texts`` are the built-in ones, run in any
    case: they go to the limits that data may not.
    """

    source: str
    texts: list[str]
    logits: Logits
    baseline: Logits
    edge_texts: list[str]
    edge_logits: Logits
    examples: Examples | None = None
    scores: ClassificationScores | None = None


@dataclass(frozen=True)
class VariantReport:
    """How one variant compares with torch.

    clear: label agreement where torch's answer is clear.
    scores: of its likeliest labels. drop: what these lost against the baseline's
        on labelled rows; where the variant is ``exact`` there is nothing to prove of
        ``max_drop`` points, since it is the baseline itself in another form.
    before, after: calibration without and with its temperature. outcome: what the
        runtime answers, where thresholds change it.
    batch_flips: among ``batch_texts`` texts, how many get another label alone
        than in a batch.
    """

    parity: Agreement
    parity_source: str
    clear: ClearAgreement
    scores: ClassificationScores | None
    drop: Drop | None
    max_drop: float
    exact: bool
    before: Calibration | None
    after: Calibration | None
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
            "calibration": {"before": self.before.to_dict(), "after": self.after.to_dict()}
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
            f"{self.scores.accuracy:.4f}",
            f"{self.scores.macro_f1:.4f}",
            str(self.drop.accuracy),
            str(self.drop.macro_f1),
            f"{self.before.ece:.3f} → {self.after.ece:.3f}",
            f"{self.before.brier:.3f} → {self.after.brier:.3f}",
        ]


def judge(
    model: Model, reference: Reference, *, max_drop: float, progress: Progress = silent
) -> tuple[Logits, str]:
    """A variant's (N, C) logits for the reference's texts, and what is wrong with them.

    "" where nothing is. fp32 graphs must give torch's logits to within 1e-3,
    and torch's label wherever that is more than a rounding away from the next
    one: else ModelError. No variant may lose more than ``max_drop`` points on
    labelled rows, nor, without labels, disagree on more than a tenth of the
    texts whose answer is clear.
    """
    logits = logits_in_steps(model, reference.texts, f"checking {model.variant}", progress)
    edges = model.logits(reference.edge_texts)
    exact = model.variant in EXACT
    if not (np.isfinite(logits).all() and np.isfinite(edges).all()):
        problem = "it answers with values that are no numbers"
        if exact:
            raise ModelError(f"The variant {model.variant}: {problem}.")
        return logits, problem
    if exact:
        _hold_exact(model.variant, logits, reference.logits)
        _hold_exact(model.variant, edges, reference.edge_logits)
    if reference.examples is not None:
        lost = drop(logits, reference.baseline, reference.examples, model.labels)
        return logits, _too_much(lost, max_drop)
    clear = clear_agreement(logits, reference.logits)
    if clear.passed:
        return logits, ""
    return logits, (
        f"it gives torch's label on only {clear.label_agreement:.1%} of the {clear.texts} texts "
        f"({reference.source}) whose answer is clear (at least {LEAST_AGREEMENT:.0%} wanted)"
    )


def report_on(
    model: Model,
    reference: Reference,
    logits: Logits,
    decision: Head,
    *,
    max_drop: float,
) -> VariantReport:
    """What is told of a variant, from its (N, C) logits for the reference's texts."""
    examples, labels = reference.examples, model.labels
    lost = before = after = scores = None
    answers: dict[str, float | None] = {}
    if examples is not None:
        truth = label_ids(examples)
        scores = score_logits(logits, examples, labels)
        lost = drop(logits, reference.baseline, examples, labels)
        before, after = calibration(logits, truth), calibration(logits, truth, decision.temperature)
        answers = outcome(logits, truth, labels, decision)
    some = evenly(reference.texts, NEIGHBOUR_TEXTS)
    beside = compare_logits(model.logits(some), model.logits(some, alone=True))
    return VariantReport(
        parity=compare_logits(logits, reference.logits),
        parity_source=reference.source,
        clear=clear_agreement(logits, reference.logits),
        scores=scores,
        drop=lost,
        max_drop=max_drop,
        exact=model.variant in EXACT and reference.baseline is reference.logits,
        before=before,
        after=after,
        outcome=answers,
        batch_texts=len(some),
        batch_flips=round((1 - beside.label_agreement) * len(some)),
        batch_max_abs_logit_diff=beside.max_abs_logit_diff,
    )


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


def _hold_exact(variant: str, logits: Logits, expected: Logits) -> None:
    difference = float(np.abs(logits - expected).max())
    best = np.sort(expected, axis=1)  # (N, C) float32
    clear = best[:, -1] - best[:, -2] > 2 * SAME_LOGITS  # (N,) bool
    flips = int((clear & (logits.argmax(axis=1) != expected.argmax(axis=1))).sum())
    if difference > SAME_LOGITS or flips:
        raise ModelError(
            f"The exported {variant} graph does not answer as torch does: its logits differ by "
            f"up to {difference:.2g} (allowed: {SAME_LOGITS:g}), {flips} of {len(logits)} "
            "labels.",
            hint="This is a fault of the export. Please report it with the model's architecture.",
        )
