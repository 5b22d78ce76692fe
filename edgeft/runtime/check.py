"""Whether a loaded variant answers as it should: golden texts, labelled texts, a sibling.

Nothing here needs torch, so a bundle can be checked again where it will run.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import check_files, read_manifest
from edgeft.data import Examples
from edgeft.errors import DataError
from edgeft.metrics import ClassificationScores, score_classification
from edgeft.progress import Progress, silent
from edgeft.runtime.model import WINDOW, Model, load

__all__ = [
    "Agreement",
    "GoldenResult",
    "VariantCheck",
    "agreement",
    "check_golden",
    "check_labels",
    "compare_logits",
    "logits_in_steps",
    "score",
    "verify",
]

REFERENCE = "fp32"  # the variant that the others are compared with


@dataclass(frozen=True)
class GoldenResult:
    """How far the golden texts' logits are from the recorded ones, at most."""

    max_abs_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.max_abs_difference <= self.tolerance


@dataclass(frozen=True)
class Agreement:
    """Two sets of logits for the same texts, compared.

    ``label_agreement`` is the share, 0 to 1, of texts with the same best label.
    """

    texts: int
    label_agreement: float
    max_abs_logit_diff: float
    mean_abs_logit_diff: float


@dataclass(frozen=True)
class VariantCheck:
    """One variant on one device; ``agreement`` is None without texts or without fp32."""

    device: str
    golden: GoldenResult
    agreement: Agreement | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; a difference that is no number becomes null."""
        difference = self.golden.max_abs_difference
        return {
            "device": self.device,
            "golden": {
                "passed": self.golden.passed,
                "max_abs_difference": difference if math.isfinite(difference) else None,
                "tolerance": self.golden.tolerance,
            },
            "agreement": asdict(self.agreement) if self.agreement else None,
        }


def verify(
    bundle: Path,
    texts: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, VariantCheck]:
    """Check every file of a bundle, then every variant on this machine.

    Each variant answers its golden texts; with ``texts`` it is also compared
    with fp32, where there is one. Raises what ``load`` raises; a golden text
    answered wrongly is reported, not raised.
    """
    manifest = read_manifest(bundle)
    check_files(bundle, manifest, manifest.files)
    reference: NDArray[np.float32] | None = None  # (N, C) of fp32
    results = {}
    for name in sorted(manifest.model.variants, key=lambda name: name != REFERENCE):
        with load(bundle, device=device, variant=name, threads=threads, verify="off") as model:
            golden = check_golden(model)
            compared = None
            if texts and (name == REFERENCE or reference is not None):
                logits = logits_in_steps(model, texts, f"verifying {name}", progress)
                reference = logits if reference is None else reference
                compared = compare_logits(logits, reference)
            results[name] = VariantCheck(model.device, golden, compared)
    return results


def check_golden(model: Model) -> GoldenResult:
    """Run the golden texts, each alone and unpadded, and compare with the manifest."""
    record = model.manifest.model
    golden = record.variants[model.variant].golden
    if not record.golden_texts:
        return GoldenResult(0.0, golden.tolerance)
    expected = np.array(golden.logits, np.float32)  # (G, C) float32
    found = model.logits(record.golden_texts, alone=True)  # (G, C) float32
    return GoldenResult(float(np.abs(found - expected).max()), golden.tolerance)


def score(model: Model, examples: Examples, *, progress: Progress = silent) -> ClassificationScores:
    """Score the model's answers, batched as ``stream`` batches them, against the labels.

    Raises DataError where a label is not one of the model's.
    """
    check_labels(examples, model.labels)
    logits = logits_in_steps(model, examples.texts, f"scoring {model.variant}", progress)
    predicted = [model.labels[at] for at in logits.argmax(axis=1)]
    return score_classification(examples.labels, predicted, model.labels)


def agreement(
    model: Model, reference: Model, texts: Sequence[str], *, progress: Progress = silent
) -> Agreement:
    """Compare two loaded variants of one bundle on the same texts."""
    return compare_logits(
        logits_in_steps(model, texts, f"running {model.variant}", progress),
        logits_in_steps(reference, texts, f"running {reference.variant}", progress),
    )


def compare_logits(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> Agreement:
    """Compare two arrays of (N, C) logits, N at least 1."""
    difference = np.abs(logits - reference)  # (N, C) float32
    same = logits.argmax(axis=1) == reference.argmax(axis=1)  # (N,) bool
    return Agreement(
        texts=len(logits),
        label_agreement=float(same.mean()),
        max_abs_logit_diff=float(difference.max()),
        mean_abs_logit_diff=float(difference.mean()),
    )


def check_labels(examples: Examples, labels: Sequence[str]) -> None:
    """Raise DataError at the first example whose label the model does not know."""
    known = set(labels)
    for label, line in zip(examples.labels, examples.lines, strict=True):
        if label not in known:
            some = ", ".join(map(repr, labels[:8])) + (" …" if len(labels) > 8 else "")
            raise DataError(
                f"{examples.source}, line {line}: the model has no label {label!r}.",
                hint=f"It has {len(labels)}: {some}. "
                f"Labels were read from the column {examples.label_column!r}; "
                "name another with --label-column.",
            )


def logits_in_steps(
    model: Model, texts: Sequence[str], step: str, progress: Progress
) -> NDArray[np.float32]:
    """(N, C) float32 logits, with progress; batched just as ``Model.logits`` batches."""
    parts = [np.zeros((0, len(model.labels)), np.float32)]
    progress(step, 0, len(texts))
    for at in range(0, len(texts), WINDOW):
        parts.append(model.logits(texts[at : at + WINDOW]))
        progress(step, min(at + WINDOW, len(texts)), len(texts))
    return np.concatenate(parts)
