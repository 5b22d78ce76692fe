"""The stages that are to be put together: opened, compared, brought to bundles, and asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edgeft
from edgeft.bundle import MANIFEST, Manifest, ModelRecord, read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.bundle.manifest import CASCADE
from edgeft.cascade.choose import Judged
from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.static import MODEL_TYPE
from edgeft.errors import ModelError, UsageError
from edgeft.export.kinds import VARIANT_KINDS
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Input, Pair
from edgeft.progress import Progress, silent
from edgeft.proof.told import Told, tell
from edgeft.tasks import task_named
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.outputs import picked, require_numbers
from edgeft.tasks.task import Rows, Task

__all__ = [
    "FULL",
    "NamedStage",
    "StageBundle",
    "alike",
    "asked",
    "check_alike",
    "exported",
    "judged_by",
    "names_of",
    "told_of",
    "tell_stage",
]

FP32 = "fp32"
FULL = "main"  # the full model, as a bundle's only model is called


@dataclass(frozen=True)
class NamedStage:
    """One stage as the user named it: a bundle by its manifest, or a checkpoint."""

    given: str
    place: str
    variant: str
    made_of: Manifest | Checkpoint

    @property
    def task(self) -> Task:
        """What it is for."""
        if isinstance(self.made_of, Manifest):
            return task_named(self.made_of.model.task, self.made_of.model.takes)
        return self.made_of.task

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of its outputs."""
        if isinstance(self.made_of, Manifest):
            return self.made_of.model.labels
        return self.made_of.labels

    @property
    def normalize(self) -> tuple[str, ...]:
        """How texts are prepared for it."""
        if isinstance(self.made_of, Manifest):
            return self.made_of.model.normalize
        return self.made_of.normalize


@dataclass(frozen=True)
class StageBundle:
    """A stage as a bundle's variant. ``model`` is what it is to be called in the cascade."""

    model: str
    variant: str
    bundle: Path
    manifest: Manifest

    @property
    def record(self) -> ModelRecord:
        """What its bundle says of the model."""
        return self.manifest.model

    @property
    def head(self) -> Head:
        """How its outputs become answers: by its temperature alone."""
        return self.record.head_of(self.variant)


def asked(given: Sequence[str]) -> list[NamedStage]:
    """The stages by their names, cheap ones first; "FOLDER=VARIANT" names a variant.

    Raises UsageError, BundleError, ModelError.
    """
    if len(given) < 2:
        raise UsageError(
            "A cascade has two stages or more, and one is named.",
            hint="Name the cheap ones first, then the full model: edgeft cascade CHEAP FULL …",
        )
    found = [_opened(*_parted(one), one) for one in given]
    for at, one in enumerate(found):
        for other in found[:at]:
            if (_where(one), one.variant) == (_where(other), other.variant):
                raise UsageError(
                    f"{one.given} is named twice.",
                    hint=f"Two stages may be one model in two variants: {one.place}=int8 "
                    f"{one.place}=fp32",
                )
    return found


def check_alike(stages: Sequence[NamedStage]) -> None:
    """Raise UsageError where stages are not of one task and the same labels in the same order."""
    full = stages[-1]
    for one in stages[:-1]:
        if {one.task.takes, full.task.takes} == {(str,), (Pair,)}:
            raise UsageError(
                f"Of {one.given} and {full.given} one was made for pairs of texts, the other for "
                "single texts: one cannot answer in the place of the other.",
                hint="Name stages that were trained on the same kind of data.",
            )
        if one.task.name != full.task.name:
            raise UsageError(
                f"{one.given} is of the task {one.task.name}, {full.given} of {full.task.name}: "
                "one cannot answer in the place of the other.",
                hint="Name stages that were trained for the same task.",
            )
        if one.labels == full.labels:
            continue
        ours, theirs = set(one.labels), set(full.labels)
        if ours == theirs:
            raise UsageError(
                f"{one.given} has the labels of {full.given} in another order.",
                hint="Train or distill it with the labels in the same order: edgeft distill "
                f"{full.place} …",
            )
        lacks, has = sorted(theirs - ours), sorted(ours - theirs)
        told = [f"lacks {_some(lacks)}"] * bool(lacks) + [f"has {_some(has)}"] * bool(has)
        raise UsageError(
            f"{one.given} does not have the labels of {full.given}: it {' and '.join(told)}.",
            hint="Name stages of one label set, such as a student and its teacher.",
        )


def exported(
    stages: Sequence[NamedStage], work: Path, progress: Progress = silent
) -> list[StageBundle]:
    """Every stage as a bundle; checkpoints are exported below ``work``, each once.

    The last is called "main", the others as their folders. Raises what ``export`` does, and
    IntegrityError where a bundle's files are not the recorded ones.
    """
    bundles: dict[Path, tuple[Path, Manifest]] = {}
    names: dict[Path, str] = {_where(stages[-1]): FULL}
    found = []
    for one in stages:
        where = _where(one)
        if where not in bundles:
            bundles[where] = _bundle(one, stages, work / f"bundle{len(bundles)}", progress)
        if where not in names:
            taken = {*names.values(), CASCADE, *VARIANT_KINDS}  # which load takes for other things
            names[where] = _free(where.name, taken)
        found.append(StageBundle(names[where], one.variant, *bundles[where]))
    return found


def tell_stage(stage: StageBundle, inputs: Sequence[Input], progress: Progress = silent) -> Told:
    """A stage's outputs for N inputs, as its graph gives them. Raises what ``load`` does."""
    with edgeft.load(stage.bundle, device="cpu", variant=stage.variant, verify="off") as model:
        told = tell(model, inputs, f"running {stage.model} {stage.variant}", progress)
    require_numbers(told.outputs)
    return told


def judged_by(
    stages: Sequence[StageBundle], told: Sequence[Told], truths: Rows | None, rows: Sequence[int]
) -> Judged:
    """What the stages tell of some of the inputs that they were asked.

    ``truths`` are those of ``rows``, in their order; None where there are none.
    """
    parts = [told_of(one, rows) for one in told]
    task = parts[-1].task
    heads = [one.head for one in stages]
    answers = [one.answers(head).likeliest for one, head in zip(parts, heads, strict=True)]
    sure = [
        task.sure(one.outputs, one.encoded, one.inputs, one.labels, head)
        for one, head in zip(parts[:-1], heads[:-1], strict=True)
    ]
    return Judged(
        np.stack(sure),
        np.stack([alike(task, one, answers[-1]) for one in answers[:-1]]),
        np.stack([alike(task, one, truths) for one in answers]) if truths is not None else None,
    )


def alike(task: Task, ones: Rows, others: Rows) -> NDArray[np.float64]:
    """(N,) 1 where two answers are the same in all, 0 where anything is otherwise.

    Such as one entity of several, of which ``Task.same`` tells how far they agree.
    """
    same: NDArray[np.bool_] = np.asarray(task.same(ones, others)) == 1
    return same.astype(np.float64)


def names_of(stages: Sequence[StageBundle]) -> list[str]:
    """What the stages are called, as ``Manifest.stages`` does."""
    models = [one.model for one in stages]
    return [
        one.model if models.count(one.model) == 1 else f"{one.model} {one.variant}"
        for one in stages
    ]


def told_of(told: Told, rows: Sequence[int]) -> Told:
    """What was told of some of the inputs, in that order."""
    return replace(
        told,
        inputs=[told.inputs[at] for at in rows],
        encoded=[told.encoded[at] for at in rows],
        outputs=picked(told.outputs, list(rows)),
    )


def _parted(given: str) -> tuple[str, str]:
    """A folder and a variant; the name of a folder may hold "=" as well."""
    folder, equals, variant = given.rpartition("=")
    if not equals or Path(given).exists():
        return given, ""
    return folder, variant


def _opened(place: str, variant: str, given: str) -> NamedStage:
    if not (Path(place) / MANIFEST).exists():
        checkpoint = open_checkpoint(place)
        return NamedStage(
            given, place, variant or _default(checkpoint.config.model_type), checkpoint
        )
    manifest = read_manifest(Path(place))
    if manifest.stages:
        raise UsageError(
            f"{place} is a cascade itself.",
            hint="Name the bundles or checkpoints that it was made of, one after the other.",
        )
    variants = manifest.model.variants
    usual = _default((manifest.provenance.get("checkpoint") or {}).get("architecture", ""))
    variant = variant or next(one for one in (usual, FP32, *variants) if one in variants)
    if variant not in variants:
        raise UsageError(
            f"{place} has no variant {variant!r}.", hint=f"It has {', '.join(variants)}."
        )
    head = manifest.model.head_of(variant)
    if replace(head, temperature=1.0, low=None, high=None) != PLAIN:
        raise UsageError(
            f"{given} was exported with thresholds of its own, which a cascade does not know.",
            hint=f"Export it without them: edgeft export CHECKPOINT -o {place}",
        )
    return NamedStage(given, place, variant, manifest)


def _default(architecture: str) -> str:
    """The variant of a stage of which none is named: static ones are all vectors."""
    return "int8-vectors" if architecture == MODEL_TYPE else FP32


def _bundle(
    one: NamedStage, stages: Sequence[NamedStage], out: Path, progress: Progress
) -> tuple[Path, Manifest]:
    if isinstance(one.made_of, Manifest):
        place = Path(one.place)
        check_files(place, one.made_of.files, one.made_of.files, verify="full")
        return place, one.made_of
    where = _where(one)
    variants = tuple(dict.fromkeys(each.variant for each in stages if _where(each) == where))
    result = export(ExportConfig(checkpoint=one.place, out=out, variants=variants), progress)
    if missing := [name for name in variants if name not in result.manifest.model.variants]:
        raise ModelError(
            f"{one.place} has no variant {missing[0]}: "
            f"{result.manifest.provenance['dropped'].get(missing[0], 'it is not made')}."
        )
    return out, result.manifest


def _where(one: NamedStage) -> Path:
    path = Path(one.place)
    return path.resolve() if path.exists() else path


def _free(name: str, taken: Iterable[str]) -> str:
    """A name for a stage, by its folder's, that no other has: letters, digits, ".", "-", "_"."""
    plain = "".join(one if one.isalnum() or one in "._-" else "-" for one in name).strip(".-")
    plain = plain[:60] or "stage"
    used, number = {one.casefold() for one in taken}, 2
    found = plain
    while found.casefold() in used:
        found, number = f"{plain}-{number}", number + 1
    return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more"
