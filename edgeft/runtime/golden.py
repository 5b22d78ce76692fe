"""Golden texts: whether a model answers on this machine as it did where it was checked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeft.bundle import Manifest
from edgeft.bundle.integrity import AGAIN
from edgeft.errors import IntegrityError, RunError
from edgeft.runtime.model import Model
from edgeft.tasks.outputs import flat

__all__ = [
    "Flat",
    "GoldenResult",
    "check_golden",
    "check_recorded",
    "hold_golden",
    "largest_difference",
]


Flat = Mapping[str, Sequence[Sequence[float]]]


@dataclass(frozen=True)
class GoldenResult:
    """How far the golden inputs' outputs are from the recorded ones, at most."""

    max_abs_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.max_abs_difference <= self.tolerance


def check_recorded(folder: Path, manifest: Manifest, variant: str) -> None:
    """Raise IntegrityError where the manifest has no golden answers for a variant."""
    if not manifest.model.variants[variant].golden:
        raise IntegrityError(
            f"{folder} records no golden answers for {variant!r}, so nothing can tell whether it "
            "answers as it did where it was checked.",
            hint=f'{AGAIN}\nIf you trust it all the same, load it with verify="off".',
        )


def check_golden(model: Model) -> GoldenResult:
    """Run the golden inputs, each alone and unpadded, and compare with the manifest.

    Without any recorded, or where the model cannot answer, the difference is infinite.
    """
    record = model.manifest.model
    golden = record.variants[model.variant].golden
    _, outputs = model.outputs(record.golden_inputs, alone=True, cut=True)
    expected = {  # as float32, which is what a graph gives
        name: [np.array(row, np.float32).tolist() for row in rows]
        for name, rows in golden.outputs.items()
    }
    apart = largest_difference(flat(outputs), expected) if golden else math.inf
    return GoldenResult(apart, golden.tolerance)


def largest_difference(ones: Flat, others: Flat) -> float:
    """The largest difference of outputs by name and input; infinite where they do not match."""
    if ones.keys() != others.keys():
        return math.inf
    largest = 0.0
    for name, rows in ones.items():
        if [len(row) for row in rows] != [len(row) for row in others[name]]:
            return math.inf
        for row, other in zip(rows, others[name], strict=True):
            apart = np.abs(np.array(row) - np.array(other))
            largest = float(np.maximum(largest, apart.max(initial=0.0)))  # which keeps NaN
    return largest


def hold_golden(model: Model, *, stage: str = "") -> None:
    """Raise IntegrityError where the golden texts get other answers than the recorded ones.

    ``stage`` is what a cascade calls the model, "" where it is alone.
    """
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
        if stage:
            other = "Load another stage alone with variant=…, or make the cascade"
        raise IntegrityError(
            f"On this machine the variant {model.variant!r} does not answer as recorded: golden "
            f"logits differ by up to {result.max_abs_difference:.3g} "
            f"(allowed: {result.tolerance:.3g}).",
            hint=f"{other} again on a machine like this one.",
        )
