"""Whether a loaded variant answers as it should: golden texts, labelled texts, a sibling.

Nothing here needs torch, so a bundle can be checked again where it will run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgeft.bundle import Manifest, read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.bundle.manifest import CASCADE, ModelRecord
from edgeft.data import Examples
from edgeft.errors import GateError, ModelError
from edgeft.inputs import Input, Pair
from edgeft.progress import Progress, silent
from edgeft.proof.finding import Finding, compare, inexact, problem
from edgeft.proof.limits import EXACT, SAME_LOGITS
from edgeft.proof.told import Told, tell
from edgeft.runtime.golden import check_golden
from edgeft.runtime.load import load
from edgeft.runtime.model import Model
from edgeft.tasks import task_named
from edgeft.tasks.encoded import cut_sides
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import require_numbers
from edgeft.tasks.prompts import reading_pairs
from edgeft.tasks.reading import aligned

__all__ = ["against", "evaluate", "hold", "hold_golden_again", "pairs_as", "verify"]

REFERENCE = "fp32"  # the variant that the others are compared with
FULL_MODEL = "its full model"  # the same for a cascade
PORTABLE = "portable"  # the same numbers by other operators
DOCTOR = "Run `edgeft doctor` to look at this machine."
EXACT_LOGITS = 2 * SAME_LOGITS  # each of the two may be as far from the original


def verify(
    bundle: Path,
    data: Examples | Sequence[Input] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Finding]:
    """Check every file of a bundle, then every variant on this machine.

    Each variant answers its golden texts; on texts it is also compared with
    fp32, where there is one, and on labelled ones scored. Of a cascade these are the variants
    of the full model; the other stages answer their golden texts, and on texts "cascade" is all
    stages together, compared with the last one. Raises what ``load``
    raises, and DataError where a label is not one of the model's; a variant
    that does badly is reported, not raised: see ``hold``.
    """
    manifest = read_manifest(bundle)
    check_files(bundle, manifest.files, manifest.files, verify="full")
    truths = prompts = None
    if isinstance(data, Examples):
        truths = aligned(data, manifest.model.labels).truths
        prompts = pairs_as(manifest.model, data)
    inputs = data.inputs if isinstance(data, Examples) else data
    # fp32, and the full model of a cascade, each with the head that reads it.
    references: dict[str, tuple[Told, Head]] = {}
    results: dict[str, Finding] = {}
    for name in _in_order(manifest, with_data=bool(inputs)):
        alone = name != CASCADE
        with load(
            bundle, device=device, variant=name, threads=threads, verify="off", pair_prompts=prompts
        ) as model:
            golden = check_golden(model) if alone else None
            if not inputs or (alone and name not in manifest.model.variants):
                results[name] = Finding(device=str(model.device), golden=golden)
                continue
            told = tell(model, inputs, f"verifying {name}", progress)
            if name in (REFERENCE, manifest.pipeline[-1].variant):
                references[name] = told, model.head
            against, its = references.get(
                REFERENCE if alone else manifest.pipeline[-1].variant, (None, None)
            )
            if name in EXACT:  # its numbers are the reference's
                its = model.head
            found = compare(told, against, truths, head=model.head, theirs=its)
            results[name] = replace(found, device=str(model.device), golden=golden)
    return results


def pairs_as(record: ModelRecord, examples: Examples) -> tuple[str, str] | None:
    """The prompts with which pairs are read as their truths have it: see ``Task.sided``.

    None where the model has none.
    """
    task = task_named(record.task, record.takes).judging(examples.truths)
    names = reading_pairs(record.head, task).pair_prompts
    return (names[0], names[1]) if names and isinstance(examples.inputs[0], Pair) else None


def _in_order(manifest: Manifest, *, with_data: bool) -> list[str]:
    """What is checked, each after that with which it is compared."""
    names = sorted(manifest.model.variants, key=lambda name: name != REFERENCE)
    full = manifest.pipeline[-1].model
    steps = zip(manifest.stages, manifest.pipeline, strict=False)
    names += [stage for stage, step in steps if step.model != full]
    return names + [CASCADE] * (with_data and bool(manifest.stages))


def hold(results: Mapping[str, Finding], max_drop: float) -> None:
    """Hold what ``verify`` found on texts to the limits of an export.

    Every text must get numbers. The portable variant must give fp32's logits, but
    for rounding. On labelled texts a variant may lose ``max_drop`` points against
    fp32; on others it must give fp32's answer to LEAST_AGREEMENT of those whose answer
    is clear. A cascade is held to its full model instead. Raises GateError.
    """
    for name, one in results.items():
        wrong = inexact(one, REFERENCE, EXACT_LOGITS) if name == PORTABLE else ""
        wrong = wrong or problem(one, max_drop, against=against(name))
        if not wrong:
            continue
        hint = f"Run {REFERENCE}: --variant {REFERENCE}"
        if one.no_numbers:
            hint = "Run another variant, or export again."
        elif one.drop is not None and one.drop.worst.points > max_drop:
            hint += f"\nor allow more with --max-drop {one.drop.rounded_up():.2f}"
        elif one.drop is None and name != PORTABLE:
            hint += "\nor judge it on labelled texts."
        raise GateError(f"{name} {wrong.removeprefix('it ')}.", hint=hint)


def hold_golden_again(bundle: Path, *, hint: str = DOCTOR) -> None:
    """Load the very files that are shipped once more, on the CPU.

    Raises ModelError, with a ``hint``, where one answers its golden inputs otherwise than recorded.
    """
    for name, one in verify(bundle, device="cpu").items():
        if one.golden is not None and not one.golden.passed:
            raise ModelError(
                f"{name} answers its golden texts differently each time it is loaded "
                f"(by {one.golden.max_abs_difference:.2g}).",
                hint=hint,
            )


def against(name: str) -> str:
    """What a variant, or a cascade, is compared with, in words."""
    return FULL_MODEL if name == CASCADE else REFERENCE


def evaluate(model: Model, examples: Examples, *, progress: Progress = silent) -> Finding:
    """Score what the model answers, thresholds and all, against the true labels.

    Raises DataError where a label is not one of the model's, RunError where an answer is no number.
    """
    truths = aligned(examples, model.labels).truths
    told = tell(model, examples.inputs, f"scoring {model.variant}", progress)
    require_numbers(told.outputs)
    cut = cut_sides((one.cuts for one in told.encoded), model.max_length)
    return replace(compare(told, None, truths, head=model.head), cut=cut)
