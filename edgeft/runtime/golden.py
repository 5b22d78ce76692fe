"""Golden texts: whether a model answers on this machine as it did where it was checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeft.bundle import Manifest
from edgeft.bundle.integrity import AGAIN
from edgeft.errors import IntegrityError, RunError
from edgeft.runtime.model import Model

__all__ = ["GoldenResult", "check_golden", "check_recorded", "hold_golden"]


@dataclass(frozen=True)
class GoldenResult:
    """How far the golden texts' logits are from the recorded ones, at most."""

    max_abs_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.max_abs_difference <= self.tolerance


def check_recorded(folder: Path, manifest: Manifest, variant: str) -> None:
    """Raise IntegrityError where the manifest has no golden answers for a variant."""
    if not manifest.model.variants[variant].golden.logits:
        raise IntegrityError(
            f"{folder} records no golden answers for {variant!r}, so nothing can tell whether it "
            "answers as it did where it was checked.",
            hint=f'{AGAIN}\nIf you trust it all the same, load it with verify="off".',
        )


def check_golden(model: Model) -> GoldenResult:
    """Run the golden texts, each alone and unpadded, and compare with the manifest.

    Without any recorded, or where the model cannot answer, the difference is infinite.
    """
    record = model.manifest.model
    golden = record.variants[model.variant].golden
    expected = np.array(golden.logits, np.float32)  # (G, C) float32
    found = model.logits(record.golden_texts, alone=True, cut=True)  # (G, C) float32
    if not golden.logits or found.shape != expected.shape:
        return GoldenResult(float("inf"), golden.tolerance)
    return GoldenResult(float(np.abs(found - expected).max()), golden.tolerance)


def hold_golden(model: Model) -> None:
    """Raise IntegrityError where the golden texts get other answers than the recorded ones."""
    try:
        result = check_golden(model)
    except RunError as error:
        raise IntegrityError(
            f"The variant {model.variant!r} cannot answer its golden texts: {error.message}",
            hint=error.hint,
        ) from error
    if not result.passed:
        others = [name for name in model.manifest.model.variants if name != model.variant]
        other = f"Load another variant, such as {others[0]!r}, or export" if others else "Export"
        raise IntegrityError(
            f"On this machine the variant {model.variant!r} does not answer as recorded: golden "
            f"logits differ by up to {result.max_abs_difference:.3g} "
            f"(allowed: {result.tolerance:.3g}).",
            hint=f"{other} again on a machine like this one.",
        )
