"""Golden texts: whether a model answers on this machine as it did where it was checked."""

from dataclasses import dataclass

import numpy as np

from edgeft.errors import IntegrityError
from edgeft.runtime.model import Model

__all__ = ["GoldenResult", "check_golden", "hold_golden"]


@dataclass(frozen=True)
class GoldenResult:
    """How far the golden texts' logits are from the recorded ones, at most."""

    max_abs_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.max_abs_difference <= self.tolerance


def check_golden(model: Model) -> GoldenResult:
    """Run the golden texts, each alone and unpadded, and compare with the manifest."""
    record = model.manifest.model
    golden = record.variants[model.variant].golden
    if not record.golden_texts:
        return GoldenResult(0.0, golden.tolerance)
    expected = np.array(golden.logits, np.float32)  # (G, C) float32
    found = model.logits(record.golden_texts, alone=True, cut=True)  # (G, C) float32
    if found.shape != expected.shape:
        return GoldenResult(float("inf"), golden.tolerance)
    return GoldenResult(float(np.abs(found - expected).max()), golden.tolerance)


def hold_golden(model: Model) -> None:
    """Raise IntegrityError where the golden texts get other answers than the recorded ones."""
    result = check_golden(model)
    if not result.passed:
        others = [name for name in model.manifest.model.variants if name != model.variant]
        other = f"Load another variant, such as {others[0]!r}, or export" if others else "Export"
        raise IntegrityError(
            f"On this machine the variant {model.variant!r} does not answer as recorded: golden "
            f"logits differ by up to {result.max_abs_difference:.3g} "
            f"(allowed: {result.tolerance:.3g}).",
            hint=f"{other} again on a machine like this one.",
        )
