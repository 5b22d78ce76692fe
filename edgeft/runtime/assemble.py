"""From a bundle's folder to a Model: its one variant, or every stage of its cascade."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeft.bundle import Manifest, PipelineStep, read_manifest
from edgeft.bundle.integrity import Verify
from edgeft.bundle.manifest import CASCADE
from edgeft.errors import EdgeftError, IntegrityError, UsageError
from edgeft.inputs import Pair
from edgeft.runtime.engine import Engine
from edgeft.runtime.golden import check_recorded, hold_golden
from edgeft.runtime.model import Model
from edgeft.runtime.observer import Observer
from edgeft.runtime.opening import TENSORRT_ROWS, Opening, open_variant
from edgeft.runtime.options import no_windows
from edgeft.runtime.providers import Device, DeviceName, resolve_device
from edgeft.runtime.runner import Runner, Serving
from edgeft.runtime.sealed import SealedFiles
from edgeft.runtime.tokenize import TextEncoder
from edgeft.runtime.trial import quickest, suitable
from edgeft.tasks import TASKS, task_named
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.head import PLAIN
from edgeft.tasks.prompts import before_pair
from edgeft.tasks.task import LongTexts, Task

__all__ = ["Wishes", "assemble"]


@dataclass(frozen=True)
class Wishes:
    """What ``load`` was told, checked; see there. settings: fields of the head."""

    device: str
    variant: str
    task: str | None
    threads: int
    verify: Verify
    expect: str | None
    on_long: LongTexts | None
    overlap: int | None
    batch_invariant: bool
    spin: bool | None
    cuda_graphs: bool
    settings: Mapping[str, Any]
    serving: Serving
    remember: int
    observer: Observer | None
    symmetric: bool = False


def assemble(folder: Path, wishes: Wishes) -> Model:
    """Open what is wished of a bundle, and hold it to its golden answers."""
    manifest = read_manifest(folder)
    if wishes.expect is not None and wishes.expect != manifest.digest:
        raise IntegrityError(
            f"{folder} has the digest {manifest.digest}, not {wishes.expect}.",
            hint="Load the bundle that you expect, or correct the digest.",
        )
    task = task_named(manifest.model.task, manifest.model.takes)
    _check_task(task, wishes.task, wishes.settings)
    if wishes.symmetric and Pair not in task.takes:
        raise UsageError(
            f"symmetric is for pairs of texts, and this {task.noun} is asked {task.asks.many}.",
            hint="Leave it out.",
        )
    if wishes.symmetric and task.embeds:
        raise UsageError(
            "The cosine of two vectors is the same in both orders, so symmetric changes nothing.",
            hint="Leave it out. pair_prompts names the prompt before each of the two texts.",
        )
    if wishes.overlap is not None and (wishes.on_long or task.on_long) != "window":
        raise no_windows()
    asked = _asked(manifest, wishes.variant)
    names = manifest.stages if len(asked) > 1 else ("",)
    with SealedFiles(folder, manifest.files, wishes.verify) as files:
        place = resolve_device(wishes.device)  # imports onnxruntime while the files are hashed
        if wishes.cuda_graphs and place.kind != "cuda":
            raise UsageError(f"There are no CUDA graphs on {place}.", hint="Add device='cuda'.")
        opener = _Opener(folder, task, wishes, place, files)
        opened = []
        for name, step in zip(names, asked, strict=True):
            with _naming(name):
                opened.append(opener.open(manifest.alone(step.model), step.variant))
        files.finish()
    turns = threading.BoundedSemaphore(wishes.threads)
    theirs = [wishes] if len(opened) == 1 else _of_stages(wishes, len(opened))
    models = [_model(one, its, turns) for one, its in zip(opened, theirs, strict=True)]
    if wishes.verify != "off":
        try:
            for name, model in zip(names, models, strict=True):
                with _naming(name):
                    hold_golden(model, stage=name)
        except BaseException:
            for model in models:
                model.close()
            raise
    return models[0] if len(models) == 1 else _together(manifest, models, opened, wishes)


def _asked(manifest: Manifest, wanted: str) -> tuple[PipelineStep, ...]:
    """The stages to open: all of a cascade, or one model alone.

    Raises UsageError where a cascade has nothing of that name.
    """
    if not manifest.stages:  # whether there is such a variant is told where it is chosen
        return (PipelineStep(manifest.pipeline[0].model, wanted),)
    steps = manifest.steps_of(CASCADE if wanted == "auto" else wanted)
    if steps:
        return steps
    raise UsageError(
        f"The bundle is a cascade of {' and '.join(manifest.stages)}, whose variants are part of "
        f"what was proven of it: there is no {wanted!r}.",
        hint=f"Leave variant out, or name what answers alone: the full model as "
        f"{', '.join(manifest.model.variants)}, or one of the stages.",
    )


def _of_stages(wishes: Wishes, count: int) -> list[Wishes]:
    """What is wished of each stage of a cascade."""
    # A cascade is served as it was proven: where neighbours in a batch would touch an answer, and
    # so even which stage gives it, each text runs alone. That costs int8 stages some speed. To
    # prove it in batches instead would prove nothing: those of the user's calls are others.
    wishes = replace(wishes, batch_invariant=True)
    # Only the last one refuses what is too long for it; see ``Stage.whole``.
    before = replace(wishes, on_long="truncate") if wishes.on_long == "error" else wishes
    return [*[before] * (count - 1), wishes]


@contextmanager
def _naming(stage: str) -> Iterator[None]:
    """What fails inside names the stage of a cascade."""
    try:
        yield
    except EdgeftError as error:
        if not stage:
            raise
        told = f"The stage {stage!r} cannot be loaded: {error.message}"
        raise type(error)(told, hint=error.hint) from error


@dataclass(frozen=True)
class _Opened:
    """One model: its engines by variant, of which one is to be taken."""

    opening: Opening
    engines: Mapping[str, tuple[Engine, Device]]
    encoder: TextEncoder
    tokenizer: str


@dataclass(frozen=True)
class _Opener:
    """What opens the models of a bundle; those that read alike share what encodes."""

    folder: Path
    task: Task
    wishes: Wishes
    place: DeviceName
    files: SealedFiles
    encoders: dict[tuple[str, int], TextEncoder] = field(default_factory=dict)

    def open(self, manifest: Manifest, wanted: str) -> _Opened:
        """A manifest's one model, in a variant or in those of which a trial is to take one."""
        wishes, record = self.wishes, manifest.model
        opening = Opening(
            self.folder,
            manifest,
            self.place,
            wishes.threads,
            wishes.verify,
            wishes.spin,
            wishes.cuda_graphs,
        )
        names = suitable(opening, wanted)
        if wishes.verify != "off":
            for name in names:
                check_recorded(self.folder, manifest, name)
        sha256 = manifest.files[record.tokenizer].sha256
        apart = None
        if self.task.embeds:
            named = wishes.settings.get("pair_prompts", record.head.pair_prompts)
            apart = before_pair(replace(record.head, pair_prompts=named))
        tokenizer = repr((sha256, record.normalize, record.pad_id))
        encoder = self.encoders.get((tokenizer, record.max_length))
        if encoder is None:
            windows = (wishes.on_long or self.task.on_long) == "window"
            overlap = wishes.overlap
            if overlap is None:
                overlap = default_overlap(record.max_length)
            encoder = self.encoders[tokenizer, record.max_length] = TextEncoder(
                self.files.read(record.tokenizer),
                record.max_length,
                record.normalize,
                overlap=overlap if windows else None,
                empty=record.pad_id,
                offsets=self.task.by_token,
                symmetric=wishes.symmetric,
                apart=apart,
            )
        engines = {name: open_variant(opening, name, self.files) for name in names}
        return _Opened(opening, engines, encoder, tokenizer)


def _model(opened: _Opened, wishes: Wishes, turns: threading.Semaphore) -> Model:
    """What answers with one of the opened variants, by a trial where there are several."""
    opening = opened.opening
    record, task = opening.manifest.model, opening.task
    name, *others = opened.engines
    if others:
        engines = {name: engine for name, (engine, _) in opened.engines.items()}
        name = quickest(opening, engines, opened.encoder)
    engine, device = opened.engines[name]
    runner = Runner(
        task=task,
        labels=len(record.labels),
        encoder=opened.encoder,
        engine=engine,
        device=device,
        max_length=record.max_length,
        serving=replace(
            wishes.serving,
            on_long=wishes.on_long or task.on_long,
            alone=wishes.batch_invariant and not record.variants[name].batch_invariant,
            max_rows=TENSORRT_ROWS if opening.place.kind == "tensorrt" else None,
        ),
        turns=turns,
        observer=wishes.observer,
    )
    return Model(
        task=task,
        head=replace(record.head_of(name), **wishes.settings),
        manifest=opening.manifest,
        variant=name,
        device=device,
        threads=wishes.threads,
        runner=runner,
        batch_invariant=wishes.batch_invariant or record.variants[name].batch_invariant,
        remember=wishes.remember,
    )


def _together(
    manifest: Manifest, models: Sequence[Model], opened: Sequence[_Opened], wishes: Wishes
) -> Model:
    """One model of those of a cascade's stages, in the order of asking."""
    from edgeft.runtime.cascade import Cascade, Stage  # which one model alone never needs

    stages = []
    rows = zip(manifest.stages, manifest.pipeline, models, opened, strict=True)
    for name, step, model, one in rows:
        assert isinstance(model.runner, Runner), "a stage is one model"
        temperature = one.opening.manifest.model.head_of(step.variant).temperature
        stages.append(
            Stage(
                name,
                model.runner,
                step.below,
                temperature,
                one.tokenizer,
                whole=wishes.on_long == "error" and step.below is not None,
            )
        )
    last = models[-1]
    return Model(
        task=last.task,
        head=replace(PLAIN, **wishes.settings),
        manifest=manifest,
        variant="+".join(step.variant for step in manifest.pipeline),
        device=last.device,
        threads=last.threads,
        runner=Cascade(last.task, last.labels, stages, wishes.observer),
        batch_invariant=all(one.batch_invariant for one in models),
        remember=wishes.remember,
    )


def _check_task(task: Task, wanted: str | None, settings: Mapping[str, Any]) -> None:
    """Raise UsageError where a bundle's task is not the one that was named, or lacks a setting."""
    if wanted is not None and wanted != task.name:
        known = ", ".join(TASKS)
        raise UsageError(
            f"The bundle is of the task {task.name}, not {wanted}."
            if wanted in TASKS
            else f"There is no task {wanted!r}.",
            hint=f"Leave task out to take it as it is. Tasks are: {known}.",
        )
    for name in settings:
        if name not in task.settings:
            has = ", ".join(sorted(task.settings)) or "none"
            raise UsageError(f"A {task.name} bundle has no {name}.", hint=f"Its settings: {has}.")
