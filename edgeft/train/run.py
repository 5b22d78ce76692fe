"""One training run, from what the user asked to a checkpoint folder."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.data import Examples
from edgeft.errors import OutputError
from edgeft.progress import Progress, silent
from edgeft.tasks.classification import TASK
from edgeft.tasks.metrics import ClassificationScores, score_classification
from edgeft.train.checkpoints import EpochScores, best_epoch
from edgeft.train.clean import clean
from edgeft.train.config import TrainConfig
from edgeft.train.datasets import (
    Splits,
    check_labels,
    fingerprint,
    hold_out,
    normalized,
    read_splits,
)
from edgeft.train.faults import explained
from edgeft.train.finished import training_document, write_checkpoint
from edgeft.train.folder import (
    CHECKPOINTS,
    RunRecord,
    check_same,
    claim_run,
    partial_folder,
    read_run,
    start_run,
)
from edgeft.train.hardware import Hardware, resolve_hardware
from edgeft.train.models import EMBEDDED, BaseModel, build_classifier, open_base
from edgeft.train.recipe import Facts, Recipe, default_hold_out, resolve_recipe
from edgeft.train.record import Recorded, check_repeats
from edgeft.train.report import DataReport, check_known, count_tokens, describe

__all__ = ["Prepared", "TrainResult", "free_sibling", "prepare", "train"]


@dataclass(frozen=True)
class Prepared:
    """Everything that is settled before the first update.

    ``hold_out`` is the share of train that becomes validation where none is given.
    """

    config: TrainConfig
    base: BaseModel
    splits: Splits
    hold_out: float
    data_fingerprint: str
    labels: tuple[str, ...]
    recipe: Recipe
    hardware: Hardware
    report: DataReport


@dataclass(frozen=True)
class TrainResult:
    """What a run gave. ``document`` is the content of training.json."""

    out: Path
    document: dict[str, Any]
    report: DataReport
    curve: tuple[EpochScores, ...]
    validation: ClassificationScores | None
    test: ClassificationScores | None

    @property
    def best(self) -> EpochScores:
        """The epoch whose weights were kept."""
        return best_epoch(self.curve)


def train(
    config: TrainConfig,
    out: Path,
    *,
    force: bool = False,
    resume: bool = False,
    repeats: Recorded | None = None,
    on_prepared: Callable[[Prepared], None] | None = None,
    on_epoch: Callable[[EpochScores], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Fine-tune as ``config`` says and write the checkpoint folder ``out``.

    Work happens in ``<out>.partial``; ``out`` appears, or with ``force`` is
    replaced, only when all is done. With ``resume`` an unfinished run of the
    same config and data goes on from its last complete checkpoint and ends with
    the weights that it would have had. With ``repeats`` data or a base model
    other than those of the recorded run are an error. ``on_prepared`` is called before
    training, ``on_epoch`` after each epoch, ``on_note`` with a sentence on what a
    resumed run could not use; all on the main process alone. Nobody else can
    write ``out`` meanwhile.

    Raises UsageError, DataError, ModelError, DeviceError, DependencyError,
    OutputError. After an error the unfinished run can be resumed.
    """
    hardware = resolve_hardware(config.device, config.precision, config.threads)
    with ExitStack() as stack:
        if hardware.is_main:
            stack.enter_context(_claim(config, out, repeats, force=force, resume=resume))
        prepared = prepare(config, hardware)
        if repeats is not None:
            check_repeats(repeats, config, prepared.data_fingerprint, prepared.base.sha256)
        record = RunRecord(config, prepared.data_fingerprint, hardware.processes)
        if resume:
            check_same(out, read_run(out), record)
        if hardware.is_main and on_prepared is not None:
            on_prepared(prepared)
        model = build_classifier(prepared.base, prepared.labels, seed=prepared.recipe.seed)
        if hardware.is_main and not resume:
            _start(out, record)
        try:
            with _process_group(hardware.processes):
                return _train(
                    prepared,
                    model,
                    out,
                    force=force,
                    resume=resume,
                    on_epoch=on_epoch,
                    on_note=on_note if hardware.is_main else None,
                    progress=progress if hardware.is_main else silent,
                )
        except Exception as error:
            if (told := explained(error, out, prepared.recipe, force=force)) is None:
                raise
            raise told from error


def prepare(config: TrainConfig, hardware: Hardware) -> Prepared:
    """Read and check the data and the model, and settle the recipe; nothing is written."""
    notes: list[str] = []
    splits = normalized(read_splits(config.data, notes.append), config.data.normalize)
    data_fingerprint = fingerprint(splits)
    given, removed = clean(splits) if config.data.clean else (splits, None)
    check_labels(given)
    share = config.data.hold_out
    if share is None:
        share = default_hold_out(len(given.train), len(set(given.train.labels)))
    splits = hold_out(given, share, seed=config.recipe.seed or 0)
    base = open_base(config.model)
    labels = TASK.labels(splits.train)
    encoder = base.encoder()
    special = len(encoder.encode([""])[0].ids)
    learned = encoder.encode(splits.train.texts)
    held_out = splits.validation if given.validation is None else None
    held = encoder.encode(held_out.texts) if held_out is not None else []
    counts = count_tokens(learned, special)
    if not config.data.allow_unknown:
        check_known(counts, splits.train.texts, config.model)
    recipe = resolve_recipe(
        config.recipe,
        Facts(
            width=base.width,
            rows=len(splits.train),
            classes=len(labels),
            p99_tokens=counts.p99,
            length_limit=base.length_limit,
            processes=hardware.processes,
        ),
    )
    uncut = [*learned, *held]
    report = describe(
        given,
        splits,
        [len(one.ids) for one in uncut],
        count_tokens(uncut, special),
        recipe.max_length,
        removed,
        notes,
    )
    return Prepared(config, base, splits, share, data_fingerprint, labels, recipe, hardware, report)


def free_sibling(folder: Path) -> Path:
    """The first of folder-2, folder-3 … that neither exists nor is being trained."""
    number = 2
    while True:
        sibling = folder.with_name(f"{folder.name}-{number}")
        if not sibling.exists() and not partial_folder(sibling).exists():
            return sibling
        number += 1


# --- the steps ---------------------------------------------------------------------


def _claim(
    config: TrainConfig, out: Path, repeats: Recorded | None, *, force: bool, resume: bool
) -> AbstractContextManager[None]:
    named = (config.data.data, config.data.validation, config.data.test)
    inputs: list[Path | str] = [name for name in named if name]
    return claim_run(
        out,
        force=force,
        resume=resume,
        inputs=[*inputs, *([repeats.path] if repeats else [])],
        # A folder that happens to be called as the embedded model is not read.
        models=[config.model] if config.model != EMBEDDED else [],
    )


def _train(
    prepared: Prepared,
    model: Any,
    out: Path,
    *,
    force: bool,
    resume: bool,
    on_epoch: Callable[[EpochScores], None] | None,
    on_note: Callable[[str], None] | None,
    progress: Progress,
) -> TrainResult:
    from edgeft.train.finetune import TrainingSet, fit
    from edgeft.train.predict import predict_logits

    began = time.monotonic()
    hardware, recipe, splits = prepared.hardware, prepared.recipe, prepared.splits
    training_set = TrainingSet(
        train=_rows(prepared, splits.train),
        validation=_rows(prepared, splits.validation) if splits.validation else [],
        labels=prepared.labels,
        pad_id=prepared.base.tokenizer.pad_token_id,
    )
    curve = fit(
        model,
        training_set,
        recipe,
        hardware,
        partial_folder(out) / CHECKPOINTS,
        resume=resume,
        checkpoint_steps=prepared.config.checkpoint_steps,
        on_epoch=on_epoch,
        on_note=on_note,
        progress=progress,
    )

    def scored(split: Examples | None) -> ClassificationScores | None:
        if split is None:
            return None
        rows = _rows(prepared, split)
        logits = predict_logits(model, rows, training_set.pad_id, hardware, progress=progress)
        truth = [label for _, label in rows]
        return score_classification(truth, logits.argmax(axis=1), prepared.labels)

    validation, test = scored(splits.validation), scored(splits.test)
    document = training_document(prepared, curve, validation, test, time.monotonic() - began)
    if hardware.is_main:
        document["weights_sha256"] = write_checkpoint(prepared, model, document, out, force=force)
    return TrainResult(out, document, prepared.report, curve, validation, test)


@contextmanager
def _process_group(processes: int) -> Iterator[None]:
    """Leave the group of processes that training joins in here, unless it was the caller's.

    Its threads run as long as something holds it, as the Trainer's cycles do, and may
    abort the interpreter when it ends; a launcher then ends the other processes, too.
    """
    import torch

    if processes == 1 or torch.distributed.is_initialized():
        yield
        return
    try:
        yield
        torch.distributed.barrier()  # until the main process has written the result
    finally:
        if torch.distributed.is_initialized():
            gc.collect()
            torch.distributed.destroy_process_group()


def _rows(prepared: Prepared, split: Examples) -> list[tuple[list[int], int]]:
    ids = {label: i for i, label in enumerate(prepared.labels)}
    encoded = prepared.base.encoder(prepared.recipe.max_length).encode(split.texts)
    return [(one.ids, ids[label]) for one, label in zip(encoded, split.labels, strict=True)]


def _start(out: Path, record: RunRecord) -> None:
    try:
        start_run(out, record)
    except OSError as error:
        raise OutputError(
            f"{partial_folder(out)} cannot be created: {error.strerror}.",
            hint="Name another place with -o.",
        ) from error
