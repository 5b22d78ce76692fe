"""The export's gates: a variant is compared with torch before the bundle may exist."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.data import Examples
from edgeft.errors import GateError, ModelError
from edgeft.export.checkpoint import Checkpoint
from edgeft.export.golden import parity_texts
from edgeft.export.reference import torch_logits
from edgeft.metrics import ClassificationScores
from edgeft.progress import Progress, silent
from edgeft.runtime.check import (
    LEAST_AGREEMENT,
    Agreement,
    check_labels,
    clear_agreement,
    compare_logits,
    drop_points,
    logits_in_steps,
    score_logits,
)
from edgeft.runtime.model import Model

__all__ = ["Reference", "VariantReport", "check_variant", "evenly", "make_reference"]

MOST_TEXTS = 512  # unlabelled texts that are compared; labelled ones are compared all
NEIGHBOUR_TEXTS = 128  # texts that are run alone and in batches, to see what neighbours do
FP32_TOLERANCE = 1e-3  # logits: float32 sums in another order differ by about 1e-5


@dataclass(frozen=True)
class Reference:
    """Texts and the torch original's (N, C) logits for them.

    ``source`` is "data" or "built-in". ``scores`` are torch's own on the labels
    of ``examples``; both are None where there are no labels. ``edge_texts`` are
    the built-in ones, run in any case: they go to the limits that data may not.
    """

    source: str
    texts: list[str]
    logits: NDArray[np.float32]
    edge_texts: list[str]
    edge_logits: NDArray[np.float32]
    examples: Examples | None
    scores: ClassificationScores | None


@dataclass(frozen=True)
class VariantReport:
    """How one variant compares with torch.

    ``drop_points``: how far accuracy or macro F1, whichever lost more, fell
    below torch's, in percentage points. ``batch_flips``: among ``batch_texts``
    texts, how many get another label alone than in a batch.
    """

    parity: Agreement
    parity_source: str
    scores: ClassificationScores | None
    drop_points: float | None
    batch_texts: int
    batch_flips: int
    batch_max_abs_logit_diff: float

    def to_dict(self) -> dict[str, Any]:
        """What the manifest keeps of it, as JSON values."""
        return {
            "parity": {"source": self.parity_source, **asdict(self.parity)},
            "scores": self.scores.headline() if self.scores else None,
            "drop_points": self.drop_points,
            "batch": {
                "texts": self.batch_texts,
                "label_flips": self.batch_flips,
                "max_abs_logit_diff": self.batch_max_abs_logit_diff,
            },
        }

    def cells(self) -> list[str]:
        """For a table: logit difference, label agreement; if scored accuracy, macro F1, points."""
        cells = [f"{self.parity.max_abs_logit_diff:.2g}", f"{self.parity.label_agreement:.4f}"]
        if self.scores and self.drop_points is not None:
            cells += [
                f"{self.scores.accuracy:.4f}",
                f"{self.scores.macro_f1:.4f}",
                f"{self.drop_points:.2f}",
            ]
        return cells


def make_reference(
    checkpoint: Checkpoint,
    data: Examples | Sequence[str] | None,
    *,
    progress: Progress = silent,
) -> Reference:
    """Run torch on the data, or on the built-in texts where there are none.

    Raises ModelError for logits that are no numbers, DataError for labels that
    the model does not know.
    """
    if isinstance(data, Examples):
        check_labels(data, checkpoint.labels)  # before anything is run
    edge_texts = parity_texts(checkpoint.max_length)
    edge_logits = torch_logits(checkpoint, edge_texts, progress=progress)
    if not data:
        return Reference("built-in", edge_texts, edge_logits, edge_texts, edge_logits, None, None)
    if not isinstance(data, Examples):
        texts = evenly(data, MOST_TEXTS)
        logits = torch_logits(checkpoint, texts, progress=progress)
        return Reference("data", texts, logits, edge_texts, edge_logits, None, None)
    logits = torch_logits(checkpoint, data.texts, progress=progress)
    scores = score_logits(logits, data, checkpoint.labels)
    return Reference("data", data.texts, logits, edge_texts, edge_logits, data, scores)


def check_variant(
    model: Model, reference: Reference, *, max_drop: float, progress: Progress = silent
) -> VariantReport:
    """Compare a loaded variant with torch and hold it to its gate.

    fp32 must give torch's logits to within 1e-3, and torch's label wherever
    that is more than a rounding away from the next one: else ModelError. Any
    other precision may lose ``max_drop`` points on labelled data, or, without
    labels, disagree on a tenth of the texts whose answer is clear: else
    GateError. Logits that are no numbers are a ModelError.
    """
    logits = logits_in_steps(model, reference.texts, f"checking {model.variant}", progress)
    edges = model.logits(reference.edge_texts)
    if not (np.isfinite(logits).all() and np.isfinite(edges).all()):
        raise ModelError(
            f"The variant {model.variant} answers with values that are no numbers.",
            hint="Leave it out: --variant fp32" if model.variant != "fp32" else "",
        )
    parity = compare_logits(logits, reference.logits)
    scores = drop = None
    if reference.examples is not None and reference.scores is not None:
        scores = score_logits(logits, reference.examples, model.labels)
        drop = drop_points(scores, reference.scores)
    if model.variant == "fp32":
        _hold_exact(logits, reference.logits)
        _hold_exact(edges, reference.edge_logits)
    elif scores is not None and reference.scores is not None and drop is not None:
        _hold_drop(model.variant, scores, reference.scores, drop, max_drop)
    else:
        _hold_agreement(model.variant, logits, reference)
    some = evenly(reference.texts, NEIGHBOUR_TEXTS)
    beside = compare_logits(model.logits(some), model.logits(some, alone=True))
    return VariantReport(
        parity=parity,
        parity_source=reference.source,
        scores=scores,
        drop_points=drop,
        batch_texts=len(some),
        batch_flips=round((1 - beside.label_agreement) * len(some)),
        batch_max_abs_logit_diff=beside.max_abs_logit_diff,
    )


def evenly(texts: Sequence[str], most: int) -> list[str]:
    """At most ``most`` texts, chosen at even distances from first to last."""
    if len(texts) <= most:
        return list(texts)
    return [texts[at * len(texts) // most] for at in range(most)]


# --- the gates ---------------------------------------------------------------------


def _hold_exact(logits: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    difference = float(np.abs(logits - expected).max())
    best = np.sort(expected, axis=1)  # (N, C) float32
    clear = best[:, -1] - best[:, -2] > 2 * FP32_TOLERANCE  # (N,) bool
    flips = int((clear & (logits.argmax(axis=1) != expected.argmax(axis=1))).sum())
    if difference > FP32_TOLERANCE or flips:
        raise ModelError(
            f"The exported fp32 graph does not answer as torch does: its logits differ by up "
            f"to {difference:.2g} (allowed: {FP32_TOLERANCE:g}), {flips} of {len(logits)} labels.",
            hint="This is a fault of the export. Please report it with the model's architecture.",
        )


def _hold_drop(
    variant: str,
    scores: ClassificationScores,
    torch: ClassificationScores,
    drop: float,
    max_drop: float,
) -> None:
    if drop > max_drop:
        raise GateError(
            f"{variant} loses {drop:.2f} points against torch on {scores.rows} rows (allowed: "
            f"{max_drop:g}): accuracy {torch.accuracy:.4f} becomes {scores.accuracy:.4f}, "
            f"macro F1 {torch.macro_f1:.4f} becomes {scores.macro_f1:.4f}.",
            hint=_without(f"or allow more with --max-drop {drop:.2f}"),
        )


def _hold_agreement(variant: str, logits: NDArray[np.float32], reference: Reference) -> None:
    clear = clear_agreement(logits, reference.logits)
    if not clear.passed:
        raise GateError(
            f"{variant} gives torch's label on only {clear.label_agreement:.1%} of the "
            f"{clear.texts} texts ({reference.source}) whose answer is clear "
            f"(at least {LEAST_AGREEMENT:.0%} wanted).",
            hint=_without("or judge it on labelled texts of your own: --data FILE"),
        )


def _without(otherwise: str) -> str:
    return f"Nothing was written. Export without it: --variant fp32\n{otherwise}"
