"""Whether a loaded variant answers as it should: golden texts, labelled texts, a sibling.

Nothing here needs torch, so a bundle can be checked again where it will run.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeft.bundle import Head, read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.data import Examples
from edgeft.errors import GateError
from edgeft.progress import Progress, silent
from edgeft.proof.agreement import Agreement, ClearAgreement, clear_agreement, compare
from edgeft.proof.limits import LEAST_AGREEMENT, MAX_DROP, SAME_LOGITS
from edgeft.proof.paired import Drop, paired_drop
from edgeft.proof.told import Told, tell
from edgeft.runtime.golden import GoldenResult, check_golden
from edgeft.runtime.load import load
from edgeft.runtime.model import Model
from edgeft.tasks.metrics import ClassificationScores
from edgeft.tasks.outputs import finite
from edgeft.tasks.reading import aligned
from edgeft.tasks.task import Rows, Scores

__all__ = ["Evaluation", "VariantCheck", "evaluate", "hold", "verify"]

REFERENCE = "fp32"  # the variant that the others are compared with
PORTABLE = "portable"  # the same numbers by other operators
EXACT_LOGITS = 2 * SAME_LOGITS  # each of the two may be as far from the original


@dataclass(frozen=True)
class VariantCheck:
    """One variant on one device, and how it does on texts.

    ``agreement`` and ``clear`` compare it with fp32: None without texts or
    without fp32. Without labels ``scores`` (of the likeliest label), ``drop`` (what
    these lost against fp32's) and ``calibration`` (what the task
    further tells, with the recorded temperature) are None, and ``outcome`` (what the
    runtime answers, where thresholds change it) is empty.
    All of this is missing where ``no_numbers`` texts got NaN or infinity.
    """

    device: str
    golden: GoldenResult
    agreement: Agreement | None = None
    clear: ClearAgreement | None = None
    scores: Scores | None = None
    drop: Drop | None = None
    calibration: Mapping[str, float | None] | None = None
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
            "calibration": dict(self.calibration) if self.calibration else None,
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
    truths = aligned(data, manifest.model.labels).truths if isinstance(data, Examples) else None
    reference: Told | None = None  # of fp32
    results = {}
    for name in sorted(manifest.model.variants, key=lambda name: name != REFERENCE):
        with load(bundle, device=device, variant=name, threads=threads, verify="off") as model:
            results[name] = VariantCheck(str(model.device), check_golden(model))
            if not data:
                continue
            texts = data.texts if isinstance(data, Examples) else data
            told = tell(model, texts, f"verifying {name}", progress)
        if name == REFERENCE:
            reference = told
        results[name] = _on_data(results[name], told, reference, truths, model.head)
    return results


def _on_data(
    check: VariantCheck,
    told: Told,
    reference: Told | None,
    truths: Rows | None,
    head: Head,
) -> VariantCheck:
    """The check with what a variant tells of the data, beside fp32."""
    numbers = finite(told.outputs)  # (N,) bool
    if not numbers.all():
        return replace(check, no_numbers=int((~numbers).sum()))
    task, labels, answers = told.task, told.labels, told.answers(head)
    theirs = None
    if reference is not None and finite(reference.outputs).all():
        theirs = reference.answers()
        check = replace(
            check,
            agreement=compare(task, told.outputs, answers, reference.outputs, theirs),
            clear=clear_agreement(task, answers, theirs),
        )
    if truths is not None:
        check = replace(
            check,
            scores=task.score(truths, answers.likeliest, labels),
            calibration=task.further(told.outputs, truths, labels, head),
            outcome=task.score(truths, answers.given, labels).outcome(head),
        )
        if theirs is not None:
            lost = paired_drop(task, truths, answers.likeliest, theirs.likeliest, labels)
            check = replace(check, drop=lost)
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
    truths = aligned(examples, model.labels).truths
    answers = tell(model, examples.texts, f"scoring {model.variant}", progress).answers(model.head)
    likeliest = model.task.score(truths, answers.likeliest, model.labels)
    given = likeliest
    if answers.given is not answers.likeliest:
        given = model.task.score(truths, answers.given, model.labels)
    # What eval shows is of classes alone so far.
    assert isinstance(given, ClassificationScores)
    assert isinstance(likeliest, ClassificationScores)
    return Evaluation(given, likeliest, decided=given is not likeliest)
