"""Whether a loaded variant answers as it should: golden texts, labelled texts, a sibling.

Nothing here needs torch, so a bundle can be checked again where it will run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgeft.bundle import read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.data import Examples
from edgeft.errors import GateError
from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.proof.finding import Finding, compare, inexact, problem
from edgeft.proof.limits import SAME_LOGITS
from edgeft.proof.told import Told, tell
from edgeft.runtime.golden import check_golden
from edgeft.runtime.load import load
from edgeft.runtime.model import Model
from edgeft.tasks.outputs import require_numbers
from edgeft.tasks.reading import aligned

__all__ = ["evaluate", "hold", "verify"]

REFERENCE = "fp32"  # the variant that the others are compared with
PORTABLE = "portable"  # the same numbers by other operators
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
            golden = check_golden(model)
            if not data:
                results[name] = Finding(device=str(model.device), golden=golden)
                continue
            inputs = data.inputs if isinstance(data, Examples) else data
            told = tell(model, inputs, f"verifying {name}", progress)
            if name == REFERENCE:
                reference = told
            found = compare(told, reference, truths, head=model.head)
            results[name] = replace(found, device=str(model.device), golden=golden)
    return results


def hold(results: Mapping[str, Finding], max_drop: float) -> None:
    """Hold what ``verify`` found on texts to the limits of an export.

    Every text must get numbers. The portable variant must give fp32's logits, but
    for rounding. On labelled texts a variant may lose ``max_drop`` points against
    fp32; on others it must give fp32's answer to LEAST_AGREEMENT of those whose answer
    is clear. Raises GateError.
    """
    for name, one in results.items():
        wrong = inexact(one, REFERENCE, EXACT_LOGITS) if name == PORTABLE else ""
        wrong = wrong or problem(one, max_drop, against=REFERENCE)
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


def evaluate(model: Model, examples: Examples, *, progress: Progress = silent) -> Finding:
    """Score what the model answers, thresholds and all, against the true labels.

    Raises DataError where a label is not one of the model's, RunError where an answer is no number.
    """
    truths = aligned(examples, model.labels).truths
    told = tell(model, examples.inputs, f"scoring {model.variant}", progress)
    require_numbers(told.outputs)
    return compare(told, None, truths, head=model.head)
