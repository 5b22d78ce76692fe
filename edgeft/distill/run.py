"""One distillation, from a checkpoint to a smaller one that learned from it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.pretrained import quiet, write_tokenizer
from edgeft.data import Tell, unheard
from edgeft.data.seen import copy_seen
from edgeft.distill.compare import compared
from edgeft.distill.layers import drop_layers, taught_layers
from edgeft.distill.objective import distilled
from edgeft.distill.pupil import Pupil
from edgeft.distill.student import Student, student_named
from edgeft.distill.teacher import check_classifier, logits_of
from edgeft.distill.unlabelled import bare_fingerprint, bare_rows, joined, read_bare
from edgeft.errors import UsageError
from edgeft.folders import CHECKPOINT, new_folder, write_json
from edgeft.inputs import Input
from edgeft.progress import Progress, silent
from edgeft.proof.paired import Drop
from edgeft.tasks.outputs import Array
from edgeft.tasks.reading import check_kind, columns_named
from edgeft.tasks.task import Scores
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.finetune import OnEpoch
from edgeft.train.hardware import resolve_hardware
from edgeft.train.learn import Learned, learn
from edgeft.train.models import build_model
from edgeft.train.prepare import prepare
from edgeft.train.recipe import RecipeChoice
from edgeft.train.save import TRAINING_FILE, training_document, write_checkpoint

__all__ = ["DistillConfig", "DistillResult", "distill"]

# Of the loss, what the true labels count; the rest is the teacher's. Where the teacher is sure it
# says what they say, and where it is not, how far it is torn tells more than one label.
HARD = 0.1
TEMPERATURE = 2.0
MOST_BIGRAMS = 1 << 20  # vectors: 256 MB in int8


@dataclass(frozen=True)
class DistillConfig:
    """Which student learns what from whom.

    checkpoint: what the student is made of: its layers, or its tokens' vectors; and its teacher,
        unless ``teacher`` names another of the same labels.
    data: labelled rows to learn from, in any form that train reads. unlabelled: files of inputs
        that the teacher alone says something of.
    student: "static", or "layers:N". bigrams: of a static one, how many vectors pairs of
        neighbouring tokens have, by their hash, 0 for none; each takes 256 bytes in int8.
    hard: share of the loss that the true labels have, 0 to 1, where there are any; of unlabelled
        inputs the teacher alone says something. temperature: that softens its answers.
    recipe: as in training.
    """

    checkpoint: str
    out: Path
    data: DataConfig
    student: str = "static"
    bigrams: int = 0
    teacher: str = ""
    unlabelled: tuple[Path, ...] = ()
    hard: float = HARD
    temperature: float = TEMPERATURE
    recipe: RecipeChoice = field(default_factory=RecipeChoice)
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    force: bool = False


@dataclass(frozen=True)
class DistillResult:
    """The student, what it learned, and what it lost against its teacher on rows of ``split``.

    ``split`` is "test" or "validation", "" where there was neither, and then there is no drop.
    """

    out: Path
    document: Mapping[str, Any]
    learned: Learned
    split: str
    teacher: Scores | None
    drop: Drop | None
    bytes_before: int
    bytes_after: int


def distill(
    config: DistillConfig,
    *,
    on_prepared: Any = None,
    on_epoch: OnEpoch | None = None,
    tell: Tell = unheard,
    progress: Progress = silent,
) -> DistillResult:
    """Write a smaller checkpoint that answers as the teacher does, as far as it can.

    The teacher is not touched. ``on_prepared`` is called before training with what is prepared,
    ``on_epoch`` after each epoch; what was decided is told.

    Raises UsageError, DataError, ModelError, DeviceError, DependencyError, OutputError.
    """
    student = student_named(config.student)
    _check_bigrams(config.bigrams, student)
    if not 0 <= config.hard <= 1:
        raise UsageError(f"--hard {config.hard:g} is no share from 0 to 1.")
    if config.hard == 1 and config.unlabelled:
        raise UsageError(
            "With --hard 1 the teacher has no say, and unlabelled texts teach nothing else.",
            hint="Leave out --unlabelled, or let labels count less.",
        )
    if not 0.1 <= config.temperature <= 100:
        raise UsageError(f"--temperature {config.temperature:g} is not from 0.1 to 100.")
    inputs: list[Path | str] = [
        one for one in (config.data.data, config.data.validation, config.data.test) if one
    ]
    with new_folder(
        config.out,
        CHECKPOINT,
        force=config.force,
        inputs=[*inputs, *config.unlabelled],
        models=[one for one in (config.checkpoint, config.teacher) if one],
    ) as folder:
        return _distill(config, student, folder, on_prepared, on_epoch, tell, progress)


def _distill(
    config: DistillConfig,
    student: Student,
    folder: Path,
    on_prepared: Any,
    on_epoch: OnEpoch | None,
    tell: Tell,
    progress: Progress,
) -> DistillResult:
    hardware = resolve_hardware(config.device, config.precision, config.threads)
    if hardware.processes > 1:
        raise UsageError("A distillation runs in one process.", hint="Start it without torchrun.")
    origin = open_checkpoint(config.checkpoint)
    teacher = _teacher(config, origin)
    beside = not student.static and _same_tokenizer(origin, teacher)
    if not beside:
        check_classifier(teacher, str(student))
    files = read_bare(config.unlabelled, teacher, columns_named(vars(config.data)), tell)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as scratch:
        work = Path(scratch)
        _begin(student, config.bigrams, origin, work / "begin", config.recipe.seed or 0, progress)
        prepared = prepare(
            TrainConfig(
                data=replace(config.data, normalize=origin.normalize),
                model=str(work / "begin"),
                recipe=replace(
                    config.recipe, max_length=config.recipe.max_length or origin.max_length
                ),
                device=config.device,
                precision=config.precision,
                threads=config.threads,
                task=origin.task.name,
            ),
            hardware,
            known=origin.labels,
            more_rows=len({one for some in files.values() for one in some}),
        )
        check_kind(config.data.data, origin.task, prepared.splits.train)
        if on_prepared is not None:
            on_prepared(prepared)
        bare = bare_rows(files, prepared, tell)
        soft: dict[Input, Array] | None = None
        if not beside:
            splits = [split.inputs for split in prepared.splits.present().values()]
            asked = [one for some in (*splits, bare.inputs) for one in some]
            soft = logits_of(teacher, asked, progress=progress)
        prepared = replace(
            prepared,
            splits=replace(prepared.splits, train=joined(prepared.splits.train, bare)),
            objective=distilled(
                prepared.objective,
                hard=config.hard,
                temperature=config.temperature,
                soft=soft,
                bare=frozenset(bare.inputs),
            ),
        )
        model = build_model(
            prepared.base, prepared.objective, prepared.labels, seed=prepared.recipe.seed
        )
        if student.static:
            prepared.objective.begin(model)  # its head is drawn
        pupil = model
        if beside:
            deep = teacher.config.hidden_size == model.config.hidden_size
            layers = taught_layers(teacher.config.num_hidden_layers, student.layers) if deep else []
            pupil = Pupil(
                model,
                teacher.model,
                teacher.task,
                prepared.objective,
                layers=layers,
                temperature=config.temperature,
            )
        learned = learn(
            prepared, pupil, work / "learning", on_epoch=on_epoch, on_note=tell, progress=progress
        )
        document = training_document(prepared, learned)
        del document["config"]  # of a run of train, which it was not
        document["base_model"] = origin.training.get("base_model") or document["base_model"]
        document["distill"] = {
            "student": str(student),
            "bigrams": config.bigrams,
            "checkpoint_sha256": origin.weights_sha256,
            "teacher_sha256": teacher.weights_sha256,
            "unlabelled": {"rows": len(bare), "fingerprint": bare_fingerprint(bare.inputs)},
            "hard": config.hard,
            "temperature": config.temperature,
        }
        document = write_checkpoint(prepared, model, document, folder)
    split, scores, drop = compared(teacher, folder, prepared, tell, progress)
    if drop is not None:
        document["distill"]["drop"] = drop.to_dict()
        write_json(folder / TRAINING_FILE, document)
    return DistillResult(
        out=config.out,
        document=document,
        learned=learned,
        split=split,
        teacher=scores,
        drop=drop,
        bytes_before=_weights_bytes(origin.folder),
        bytes_after=_weights_bytes(folder),
    )


# --- who teaches, and what the student begins as ---------------------------------------


def _teacher(config: DistillConfig, origin: Checkpoint) -> Checkpoint:
    if not config.teacher:
        return origin
    teacher = open_checkpoint(config.teacher)
    if (teacher.task.name, teacher.labels) != (origin.task.name, origin.labels):
        raise UsageError(
            f"{config.teacher} and {config.checkpoint} do not have the same labels.",
            hint="A student learns the labels of its teacher, in the same order: train both on "
            "the same data.",
        )
    return teacher


def _same_tokenizer(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether both read texts as the same ids."""
    same = one is other or (
        one.tokenizer.backend_tokenizer.to_str() == other.tokenizer.backend_tokenizer.to_str()
        and one.normalize == other.normalize
    )
    return bool(same) and one.max_length <= other.max_length


def _check_bigrams(bigrams: int, student: Student) -> None:
    if not 0 <= bigrams <= MOST_BIGRAMS:
        raise UsageError(f"--bigrams {bigrams} is not from 0 to {MOST_BIGRAMS}.")
    if bigrams and not student.static:
        raise UsageError(
            f"A student {student} reads words in their order; pairs of neighbours are for a static "
            "one.",
            hint="Leave out --bigrams, or take --student static.",
        )


def _begin(
    student: Student,
    bigrams: int,
    origin: Checkpoint,
    folder: Path,
    seed: int,
    progress: Progress,
) -> None:
    """Write the checkpoint that the student is before it has learned anything."""
    if student.static:
        from edgeft.distill.static import begin_static

        model = begin_static(origin, bigrams=bigrams, seed=seed, progress=progress)
    else:
        model = drop_layers(origin.model, student.layers)
    with quiet():
        model.save_pretrained(folder)
    if origin.task.embeds:
        model.write_modules(folder, max_length=origin.max_length)
    write_tokenizer(origin.tokenizer, folder, max_length=origin.max_length)
    copy_seen(origin.folder, folder)


def _weights_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
