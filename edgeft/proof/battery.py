"""Whether a loaded variant answers as it should: golden texts, labelled texts, a sibling.

Nothing here needs torch, so a bundle can be checked again where it will run.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Head, read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.data import Examples
from edgeft.errors import GateError
from edgeft.progress import Progress, silent
from edgeft.proof.limits import LEAST_AGREEMENT, MAX_DROP, SAME_LOGITS
from edgeft.proof.paired import Drop
from edgeft.proof.scoring import (
    Agreement,
    ClearAgreement,
    answer_scores,
    clear_agreement,
    compare_logits,
    decides,
    drop,
    label_ids,
    outcome,
    score_logits,
)
from edgeft.runtime.decode import require_numbers
from edgeft.runtime.golden import GoldenResult, check_golden
from edgeft.runtime.load import load
from edgeft.runtime.model import WINDOW, Model
from edgeft.tasks.calibration import Calibration, calibration
from edgeft.tasks.metrics import ClassificationScores
from edgeft.tasks.reading import aligned

__all__ = ["Evaluation", "VariantCheck", "evaluate", "hold", "logits_in_steps", "verify"]

REFERENCE = "fp32"  # the variant that the others are compared with
PORTABLE = "portable"  # the same numbers by other operators
EXACT_LOGITS = 2 * SAME_LOGITS  # each of the two may be as far from the original


@dataclass(frozen=True)
class VariantCheck:
    """One variant on one device, and how it does on texts.

    ``agreement`` and ``clear`` compare it with fp32: None without texts or
    without fp32. Without labels ``scores`` (of the likeliest label), ``drop`` (what
    these lost against fp32's) and ``calibration`` (with its recorded temperature)
    are None, and ``outcome`` (what the runtime answers, where thresholds change it) is
    empty. All of this is missing where ``no_numbers`` texts got NaN or infinity.
    """

    device: str
    golden: GoldenResult
    agreement: Agreement | None = None
    clear: ClearAgreement | None = None
    scores: ClassificationScores | None = None
    drop: Drop | None = None
    calibration: Calibration | None = None
    outcome: Mapping[str, float | None] = field(default_factory=dict)
    no_numbers: int = 0

    def to_dict(self, max_drop: float = MAX_DROP) -> dict[str, Any]:
        """A JSON-ready dictionary; a difference that is no number becomes null.

        It tells whether a loss of no more than ``max_drop`` points is proven.
        """
        difference = self.golden.max_abs_difference
        return {
            "device": self.device,
            "golden": {
                "passed": self.golden.passed,
                "max_abs_difference": difference if math.isfinite(difference) else None,
                "tolerance": self.golden.tolerance,
            },
            "agreement": asdict(self.agreement) if self.agreement else None,
            "clear_agreement": asdict(self.clear) if self.clear else None,
            "scores": self.scores.headline() if self.scores else None,
            "drop": self.drop.judged(max_drop) if self.drop else None,
            "calibration": self.calibration.to_dict() if self.calibration else None,
            "outcome": dict(self.outcome),
            "no_numbers": self.no_numbers,
        }


@dataclass(frozen=True)
class Evaluation:
    """Scores of what a variant answers, and of its likeliest labels.

    The two are the same where no threshold is ``decided``.
    """

    answers: ClassificationScores
    likeliest: ClassificationScores
    decided: bool = False

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary: the answers' scores, and those without thresholds, if any."""
        return {
            **self.answers.to_dict(),
            **self.answers.selective(),
            "without_thresholds": self.likeliest.headline() if self.decided else None,
        }


def verify(
    bundle: Path,
    data: Examples | Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, VariantCheck]:
    """Check every file of a bundle, then every variant on this machine.

    Each variant answers its golden texts; on texts it is also compared with
    fp32, where there is one, and on labelled ones scored. Raises what ``load``
    raises, and DataError where a label is not one of the model's; a variant
    that does badly is reported, not raised: see ``hold``.
    """
    manifest = read_manifest(bundle)
    check_files(bundle, manifest.files, manifest.files, verify="full")
    if isinstance(data, Examples):
        data = aligned(data, manifest.labels)
    reference: NDArray[np.float32] | None = None  # (N, C) of fp32
    results = {}
    for name in sorted(manifest.model.variants, key=lambda name: name != REFERENCE):
        with load(bundle, device=device, variant=name, threads=threads, verify="off") as model:
            results[name] = VariantCheck(str(model.device), check_golden(model))
            if not data:
                continue
            texts = data.texts if isinstance(data, Examples) else data
            logits = logits_in_steps(model, texts, f"verifying {name}", progress)
        if name == REFERENCE:
            reference = logits
        decision = manifest.model.variants[name].decision
        results[name] = _on_data(results[name], logits, reference, data, manifest.labels, decision)
    return results


def _on_data(
    check: VariantCheck,
    logits: NDArray[np.float32],
    reference: NDArray[np.float32] | None,
    data: Examples | Sequence[str],
    labels: Sequence[str],
    decision: Head,
) -> VariantCheck:
    """The check with what the (N, C) logits of the data tell, beside those of fp32."""
    numbers = np.isfinite(logits).all(axis=1)  # (N,) bool
    if not numbers.all():
        return replace(check, no_numbers=int((~numbers).sum()))
    if reference is not None and not np.isfinite(reference).all():
        reference = None
    if reference is not None:
        check = replace(
            check,
            agreement=compare_logits(logits, reference),
            clear=clear_agreement(logits, reference),
        )
    if isinstance(data, Examples):
        truth = label_ids(data)
        check = replace(
            check,
            scores=score_logits(logits, data, labels),
            calibration=calibration(logits, truth, decision.temperature),
            outcome=outcome(logits, truth, labels, decision),
        )
        if reference is not None:
            check = replace(check, drop=drop(logits, reference, data, labels))
    return check


def hold(results: Mapping[str, VariantCheck], max_drop: float) -> None:
    """Hold what ``verify`` found on texts to the limits of an export.

    Every text must get numbers. The portable variant must give fp32's logits, but
    for rounding. On labelled texts a variant may lose ``max_drop`` points against
    fp32; on others it must give fp32's label to LEAST_AGREEMENT of those whose answer
    is clear. Raises GateError.
    """
    for name, one in results.items():
        if one.no_numbers:
            raise GateError(
                f"{name} answers {one.no_numbers:,} of the texts with values that are no numbers "
                "(NaN or infinity).",
                hint="Run another variant, or export again.",
            )
        if name == PORTABLE and one.agreement is not None:
            apart = one.agreement.max_abs_logit_diff
            if not apart <= EXACT_LOGITS:
                raise GateError(
                    f"{name} does not answer as {REFERENCE} does: its logits differ by up to "
                    f"{apart:.2g} (allowed: {EXACT_LOGITS:g}).",
                    hint=f"Run {REFERENCE}: --variant {REFERENCE}",
                )
        if one.drop is not None:
            worst = one.drop.worst
            if not worst.points <= max_drop:  # so that NaN allows nothing
                raise GateError(
                    f"{name} loses {worst.points:.2f} points of {worst.metric} against "
                    f"{REFERENCE} (allowed: {max_drop:g}).",
                    hint=f"Run {REFERENCE}: --variant {REFERENCE}\n"
                    f"or allow more with --max-drop {one.drop.rounded_up():.2f}",
                )
        elif one.clear is not None and not one.clear.passed:
            raise GateError(
                f"{name} gives {REFERENCE}'s label on only {one.clear.label_agreement:.1%} of "
                f"the {one.clear.texts} texts whose answer is clear "
                f"(at least {LEAST_AGREEMENT:.0%} wanted).",
                hint=f"Run {REFERENCE}: --variant {REFERENCE}\nor judge it on labelled texts.",
            )


def evaluate(model: Model, examples: Examples, *, progress: Progress = silent) -> Evaluation:
    """Score what the model answers, thresholds and all, against the true labels.

    Raises DataError where a label is not one of the model's.
    """
    examples = aligned(examples, model.labels)
    logits = logits_in_steps(model, examples.texts, f"scoring {model.variant}", progress)
    require_numbers(logits)
    decision = model.manifest.model.variants[model.variant].decision
    likeliest = score_logits(logits, examples, model.labels)
    if not decides(decision):
        return Evaluation(likeliest, likeliest)
    truth = label_ids(examples)
    answers = answer_scores(logits, truth, model.labels, decision)
    return Evaluation(answers, likeliest, decided=True)


def logits_in_steps(
    model: Model, texts: Sequence[str], step: str, progress: Progress
) -> NDArray[np.float32]:
    """(N, C) float32 logits, with progress.

    Texts whose answers would depend on their neighbours in a batch are run
    alone, so that the same texts in another order get the same figures.
    """
    alone = not model.manifest.model.variants[model.variant].batch_invariant
    parts = [np.zeros((0, len(model.labels)), np.float32)]
    progress(step, 0, len(texts))
    for at in range(0, len(texts), WINDOW):
        parts.append(model.logits(texts[at : at + WINDOW], alone=alone))
        progress(step, min(at + WINDOW, len(texts)), len(texts))
    return np.concatenate(parts)
