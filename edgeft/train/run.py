"""One training run, from what the user asked to a checkpoint folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.progress import Progress, silent
from edgeft.train.checkpoints import EpochScores
from edgeft.train.config import TrainConfig
from edgeft.train.faults import explained
from edgeft.train.folder import (
    CHECKPOINTS,
    RunRecord,
    check_same,
    claim_run,
    partial_folder,
    read_run,
    start_run,
)
from edgeft.train.hardware import process_group, resolve_hardware
from edgeft.train.learn import Learned, learn
from edgeft.train.models import DRAWN, EMBEDDED, build_model
from edgeft.train.prepare import Prepared, prepare
from edgeft.train.record import Recorded, check_repeats
from edgeft.train.report import DataReport
from edgeft.train.save import save

__all__ = ["TrainResult", "train"]


@dataclass(frozen=True)
class TrainResult:
    """What a run gave. ``document`` is the content of training.json."""

    out: Path
    document: dict[str, Any]
    report: DataReport
    learned: Learned


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
        model = build_model(
            prepared.base, prepared.objective, prepared.labels, seed=prepared.recipe.seed
        )
        if hardware.is_main and not resume:
            start_run(out, record)
        try:
            with process_group(hardware.processes):
                learned = learn(
                    prepared,
                    model,
                    partial_folder(out) / CHECKPOINTS,
                    resume=resume,
                    on_epoch=on_epoch,
                    on_note=on_note if hardware.is_main else None,
                    progress=progress if hardware.is_main else silent,
                )
                document = save(prepared, learned, model, out, force=force)
        except Exception as error:
            if (told := explained(error, out, prepared.recipe, force=force)) is None:
                raise
            raise told from error
    return TrainResult(out, document, prepared.report, learned)


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
        # A folder that happens to be called as one of these is not read.
        models=[config.model] if config.model not in (EMBEDDED, DRAWN) else [],
    )
