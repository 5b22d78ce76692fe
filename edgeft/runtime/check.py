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

from edgeft.bundle import Decision, read_manifest
from edgeft.calibration import Calibration, calibration, probabilities
from edgeft.data import Examples
from edgeft.errors import DataError, GateError
from edgeft.integrity import check_files
from edgeft.metrics import ClassificationScores, score_classification
from edgeft.paired import Drop, paired_drop
from edgeft.progress import Progress, silent
from edgeft.runtime.decode import choose_labels, require_numbers, softmax
from edgeft.runtime.golden import GoldenResult, check_golden
from edgeft.runtime.load import load
from edgeft.runtime.model import WINDOW, Model

__all__ = [
    "LEAST_AGREEMENT",
    "Agreement",
    "ClearAgreement",
    "VariantCheck",
    "check_labels",
    "clear_agreement",
    "compare_logits",
    "drop",
    "hold",
    "label_ids",
    "logits_in_steps",
    "outcome",
    "score",
    "score_logits",
    "verify",
]

REFERENCE = "fp32"  # the variant that the others are compared with
PORTABLE = "portable"  # the same numbers by other operators
EXACT_LOGITS = 2e-3  # each of the two may be 1e-3 away from the original
LEAST_AGREEMENT = 0.9  # of labels, where no labelled data tell more
CLEAR_MARGIN = 0.1  # probability between the best two, below which a text tells little


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
class ClearAgreement:
    """The texts to which the reference has a clear answer, and the share with the same label."""

    texts: int
    label_agreement: float

    @property
    def passed(self) -> bool:
        """Whether the share reaches LEAST_AGREEMENT; it does where no text is clear."""
        return self.texts == 0 or self.label_agreement >= LEAST_AGREEMENT


@dataclass(frozen=True)
class VariantCheck:
    """One variant on one device, and how it does on texts.

    ``agreement`` and ``clear`` compare it with fp32: None without texts or
    without fp32. Without labels ``scores``, ``drop`` (what it lost against fp32)
    and ``calibration`` (with its recorded temperature) are None, and ``outcome``
    (what its thresholds do) is empty.
    """

    device: str
    golden: GoldenResult
    agreement: Agreement | None = None
    clear: ClearAgreement | None = None
    scores: ClassificationScores | None = None
    drop: Drop | None = None
    calibration: Calibration | None = None
    outcome: Mapping[str, float | None] = field(default_factory=dict)

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
            "clear_agreement": asdict(self.clear) if self.clear else None,
            "scores": self.scores.headline() if self.scores else None,
            "drop": self.drop.to_dict() if self.drop else None,
            "calibration": self.calibration.to_dict() if self.calibration else None,
            "outcome": dict(self.outcome),
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
        check_labels(data, manifest.labels)
    reference: NDArray[np.float32] | None = None  # (N, C) of fp32
    results = {}
    for name in sorted(manifest.model.variants, key=lambda name: name != REFERENCE):
        with load(bundle, device=device, variant=name, threads=threads, verify="off") as model:
            results[name] = VariantCheck(str(model.device), check_golden(model))
            if not data:
                continue
            texts = data.texts if isinstance(data, Examples) else data
            logits = logits_in_steps(model, texts, f"verifying {name}", progress)
            require_numbers(logits)
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
    decision: Decision,
) -> VariantCheck:
    """The check with what the (N, C) logits of the data tell, beside those of fp32."""
    if reference is not None:
        check = replace(
            check,
            agreement=compare_logits(logits, reference),
            clear=clear_agreement(logits, reference),
        )
    if isinstance(data, Examples):
        truth, numbers = label_ids(data, labels), bool(np.isfinite(logits).all())
        check = replace(
            check,
            scores=score_logits(logits, data, labels),
            calibration=calibration(logits, truth, decision.temperature) if numbers else None,
            outcome=outcome(logits, truth, labels, decision) if numbers else {},
        )
        if reference is not None:
            check = replace(check, drop=drop(logits, reference, data, labels))
    return check


def hold(results: Mapping[str, VariantCheck], max_drop: float) -> None:
    """Hold what ``verify`` found on texts to the limits of an export.

    The portable variant must give fp32's logits, but for rounding. On labelled
    texts a variant may lose ``max_drop`` points against fp32; on others it must
    give fp32's label to LEAST_AGREEMENT of those whose answer is clear. Raises
    GateError.
    """
    for name, one in results.items():
        if name == PORTABLE and one.agreement is not None:
            apart = one.agreement.max_abs_logit_diff
            if not apart <= EXACT_LOGITS:
                raise GateError(
                    f"{name} does not answer as {REFERENCE} does: its logits differ by up to "
                    f"{apart:.2g} (allowed: {EXACT_LOGITS:g}).",
                    hint=f"Run {REFERENCE}: --variant {REFERENCE}",
                )
        if one.drop is not None:
            if not one.drop.points <= max_drop:  # so that NaN allows nothing
                raise GateError(
                    f"{name} loses {one.drop.points:.2f} points of {one.drop.metric} against "
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


def score(model: Model, examples: Examples, *, progress: Progress = silent) -> ClassificationScores:
    """Score the model's likeliest labels, whatever its thresholds, against the true ones.

    Raises DataError where a label is not one of the model's.
    """
    check_labels(examples, model.labels)
    logits = logits_in_steps(model, examples.texts, f"scoring {model.variant}", progress)
    require_numbers(logits)
    return score_logits(logits, examples, model.labels)


def score_logits(
    logits: NDArray[np.float32], examples: Examples, labels: Sequence[str]
) -> ClassificationScores:
    """Score (N, C) logits against the labels of N examples; ``labels`` are the C columns."""
    predicted = [labels[at] for at in logits.argmax(axis=1)]
    return score_classification(examples.labels, predicted, labels)


def drop(
    logits: NDArray[np.float32],
    reference: NDArray[np.float32],
    examples: Examples,
    labels: Sequence[str],
) -> Drop:
    """What (N, C) logits lose against others, for the same N labelled rows."""
    ids = label_ids(examples, labels)
    return paired_drop(ids, logits.argmax(axis=1), reference.argmax(axis=1), len(labels))


def outcome(
    logits: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str], decision: Decision
) -> dict[str, float | None]:
    """What a decision's thresholds do to rows whose (N,) label ids are known.

    Shares from 0 to 1, None where there is nothing to share: "precision" and
    "recall" of the label with a threshold of its own, the share of rows
    "answered", and that of the answers which are right. Empty without thresholds.
    """
    if not (decision.label or decision.abstain_below):
        return {}
    scores = probabilities(logits, decision.temperature)  # (N, C)
    best = choose_labels(scores, labels, decision)  # (N,)
    answered = scores[np.arange(len(best)), best] >= decision.abstain_below  # (N,) bool
    found = {}
    if decision.label:
        at = labels.index(decision.label)
        given, true = answered & (best == at), truth == at
        found["precision"] = _share(given & true, given)
        found["recall"] = _share(given & true, true)
    if decision.abstain_below:
        found["answered"] = _share(answered, np.ones_like(answered))
        found["right_of_answered"] = _share(answered & (best == truth), answered)
    return found


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float | None:
    return round(float(part.sum() / whole.sum()), 6) if whole.any() else None


def label_ids(examples: Examples, labels: Sequence[str]) -> NDArray[np.int64]:
    """The (N,) column of the logits that each example's label has."""
    index = {label: at for at, label in enumerate(labels)}
    return np.array([index[label] for label in examples.labels], np.int64)


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


def clear_agreement(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> ClearAgreement:
    """Compare labels on the texts whose best two labels lie CLEAR_MARGIN apart in reference."""
    best = np.sort(softmax(reference), axis=1)  # (N, C) probabilities, the best last
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN  # (N,) bool
    same = logits.argmax(axis=1) == reference.argmax(axis=1)  # (N,) bool
    return ClearAgreement(int(clear.sum()), float(same[clear].mean()) if clear.any() else 1.0)


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
