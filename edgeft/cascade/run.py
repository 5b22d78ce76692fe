"""One cascade, from the names of its stages to a checked bundle."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import edgeft
from edgeft.bundle import Manifest
from edgeft.cascade.card import cascade_card
from edgeft.cascade.choose import PATH, Judged, reach
from edgeft.cascade.decide import (
    check_full,
    check_use,
    limits_of_promises,
    proven,
    threshold_notes,
    too_slow,
)
from edgeft.cascade.language import check_language
from edgeft.cascade.origin import cascade_provenance
from edgeft.cascade.report import reported
from edgeft.cascade.rows import Gathered, gather_rows
from edgeft.cascade.speed import fast_enough, sample, speedups, stage_times, times_as_fast
from edgeft.cascade.stages import (
    StageBundle,
    asked,
    check_alike,
    exported,
    judged_by,
    names_of,
    tell_stage,
    told_of,
)
from edgeft.cascade.write import settle, write
from edgeft.data import Tell, evenly, unheard
from edgeft.errors import ModelError, UsageError
from edgeft.folders import BUNDLE, new_folder
from edgeft.progress import Progress, silent
from edgeft.proof.battery import hold_golden_again
from edgeft.proof.told import Told
from edgeft.proof.told import tell as tell_model
from edgeft.tasks.reading import columns_named

__all__ = ["CascadeConfig", "CascadeResult", "cascade"]

CHECKED = 64  # texts that the written bundle must answer as the stages did
NEAR = 1e-3  # a sureness so near to a threshold may be on either side of it, by rounding


@dataclass(frozen=True)
class CascadeConfig:
    """Which stages to put together, on which rows, and what is to be promised.

    stages: bundles or checkpoints, the cheap ones first, the full model last; "FOLDER=VARIANT"
        names a variant, which is fp32 otherwise.
    data: rows that set the threshold; of labelled ones half of them, unless ``test`` reports.
    unlabelled: files of further texts, by which disagreement is tested.
    max_disagreement: percent of the answers that may differ from the full model's.
    max_drop: points of accuracy that may be lost against it.
    speedup: how many times as fast as the full model it must be on this machine. Alone it sets the
        threshold, by times and sureness only. Where none of the three is given, max_drop is 0.5
        with labels, and without max_disagreement 1.0.
    seed: of the split of ``data``.
    """

    stages: tuple[str, ...]
    out: Path
    data: Path | None = None
    test: Path | None = None
    unlabelled: tuple[Path, ...] = ()
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    label_column: str | None = None
    skip_bad: bool = False
    max_disagreement: float | None = None
    max_drop: float | None = None
    speedup: float | None = None
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class CascadeResult:
    """The bundle, and what was found: ``found`` stands in the manifest, ``times_as_fast`` does not.

    ``times_as_fast``: how many times as many texts it answers here as the full model alone.
    """

    out: Path
    manifest: Manifest
    found: Mapping[str, Any]
    times_as_fast: float
    notes: Sequence[str] = field(default_factory=tuple)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "bundle": str(self.out),
            "digest": self.manifest.digest,
            "times_as_fast": self.times_as_fast,
            **self.found,
            "notes": list(self.notes),
        }


def cascade(
    config: CascadeConfig, progress: Progress = silent, tell: Tell = unheard
) -> CascadeResult:
    """Put stages into one bundle that asks the next one where the one before is not sure.

    The sureness below which it does is the lowest that keeps what is promised, shown on rows that
    do nothing else; figures are of other rows. The bundle appears, or with ``force`` replaces an
    older one, only after it was loaded and answered as its stages do. What the readers of the
    texts decided is told.

    Raises UsageError, OutputError, DataError, ModelError, BundleError, GateError, DependencyError.
    """
    _check(config)
    places = [config.data, config.test, *config.unlabelled]
    with new_folder(
        config.out,
        BUNDLE,
        force=config.force,
        inputs=[one for one in places if one],
        models=[part for one in config.stages for part in {one, one.rpartition("=")[0]} if part],
    ) as folder:
        return _cascade(config, folder, progress, tell)


def _cascade(config: CascadeConfig, folder: Path, progress: Progress, tell: Tell) -> CascadeResult:
    named = asked(config.stages)
    check_alike(named)
    if not named[-1].task.doubts:
        raise UsageError(
            f"A {named[-1].task.noun} cannot be in a cascade: nothing tells how sure it is, and so "
            "when the next is to be asked.",
            hint="Take one model, as small as its losses allow: edgeft distill, edgeft compress",
        )
    if config.max_drop is not None and not named[-1].task.single:
        raise UsageError(
            f"--max-drop is of accuracy, which a {named[-1].task.noun} does not have.",
            hint="Promise how far its answers agree: --max-disagreement 1",
        )
    gathered = gather_rows(
        named,
        config.data,
        config.test,
        config.unlabelled,
        columns=columns_named(vars(config)),
        seed=config.seed,
        on_bad="skip" if config.skip_bad else "error",
        tell=tell,
    )  # fmt: skip
    check_language(named[-1], gathered, tell)
    with tempfile.TemporaryDirectory(prefix="edgeft-") as work:
        stages = exported(named, Path(work), progress)
        told = [tell_stage(one, gathered.inputs, progress) for one in stages]
        names = names_of(stages)
        every = judged_by(stages, told, None, gathered.choosing)
        labelled = judged_by(stages, told, gathered.truths, gathered.choose or gathered.choosing)
        check_full(names, labelled)
        limits = limits_of_promises(
            config.max_drop,
            config.max_disagreement,
            labelled=labelled.right is not None and named[-1].task.single,
            wanted=config.speedup is None,
        )
        reaches = [reach(labelled if one.kind == "drop" else every, one) for one in limits]
        path = PATH[: proven(reaches)]
        if config.speedup is None:
            check_use(names, reaches, every, path[-1])
        draft = write(folder, stages)
        below, times = _timed(config.speedup, path, folder, stages, told, gathered, every, progress)
        if below is None:
            assert config.speedup is not None, "no speed was asked for"
            raise too_slow(names[-1], config.speedup, times, promised=bool(reaches))
        check_use(names, reaches, every, below)
        notes = threshold_notes(names, reaches, every, below)
        chosen_on = labelled if limits and all(one.kind == "drop" for one in limits) else every
        found = {
            "below": below,
            "promises": {
                one.limit.kind: one.promise(labelled if one.limit.kind == "drop" else every, below)
                for one in reaches
            },
            "speedup": config.speedup,
            **reported(stages, told, gathered, limits, below, chosen_on),
            "rows": {
                "choose": len(gathered.choose),
                "unlabelled": len(gathered.choosing) - len(gathered.choose),
                "report": len(gathered.report),
                "trained_on": dict(gathered.trained_on),
            },
            "seed": config.seed,
        }
        manifest = settle(folder, draft, below, cascade_provenance(stages, gathered, found))
        (folder / "README.md").write_text(
            cascade_card(config.out.absolute().name, manifest), encoding="utf-8"
        )
        _hold(folder, stages, told, gathered, below)
    if times < 1:
        notes.append(
            f"It is slower than its full model alone ({times:g} times as fast): too few texts stay "
            "with the stages before. Use that alone, or allow more."
        )
    return CascadeResult(config.out, manifest, found, times, tuple(notes))


def _check(config: CascadeConfig) -> None:
    for name, value, most in (
        ("--max-disagreement", config.max_disagreement, 100.0),
        ("--max-drop", config.max_drop, 100.0),
    ):
        if value is not None and not 0 < value < most:
            raise UsageError(
                f"{name} {value:g} is not above 0 and below {most:g}: no rows can prove that "
                "nothing is ever lost.",
                hint="Such as 0.5, in percent of all texts.",
            )
    if config.speedup is not None and not 1 < config.speedup < math.inf:
        raise UsageError(
            f"--speedup {config.speedup:g} is no number of times above 1.",
            hint="Such as 5: five times as fast as the full model.",
        )


def _timed(
    speedup: float | None,
    path: Sequence[float],
    folder: Path,
    stages: Sequence[StageBundle],
    told: Sequence[Told],
    gathered: Gathered,
    every: Judged,
    progress: Progress,
) -> tuple[float | None, float]:
    """The threshold of a path, from the safest on, and how many times as fast it makes a cascade.

    The last, or the safest of the ``speedup``; None where none is so fast, and the most times.
    """
    told = [told_of(one, gathered.choosing) for one in told]
    inputs = [told[0].inputs[at] for at in sample(every.sure[0], told[0])]
    progress("timing", 0, 1)
    with times_as_fast(folder, stages[-1], inputs) as times_at:
        if speedup is None:
            below: float | None = path[-1]
            times = times_at(path[-1])
        else:
            expected = speedups(stage_times(stages, inputs), every.sure, told)[: len(path)]
            at, times = fast_enough(speedup, expected, lambda at: times_at(path[at]))
            below = None if at is None else path[at]
    progress("timing", 1, 1)
    return below, times


def _hold(
    folder: Path,
    stages: Sequence[StageBundle],
    told: Sequence[Told],
    gathered: Gathered,
    below: float,
) -> None:
    """Load the very files that are shipped once more, and ask them; raises ModelError."""
    hold_golden_again(folder)
    some = evenly(range(len(gathered.inputs)), CHECKED)
    parts = [told_of(one, some) for one in told]
    judged = judged_by(stages, told, None, some)
    with edgeft.load(folder, device="cpu", verify="off") as model:
        again = tell_model(model, parts[-1].inputs)
        names = model.manifest.stages
    at = judged.answering(below)
    near = (np.abs(judged.sure - below) < NEAR).any(axis=0)  # may round either way
    elsewhere = [
        one.stage != names[stage] for one, stage in zip(again.encoded, at.tolist(), strict=True)
    ]
    answers = [one.answers(stage.head).likeliest for one, stage in zip(parts, stages, strict=True)]
    wanted = [answers[stage][row] for row, stage in enumerate(at.tolist())]
    agree = np.asarray(again.task.same(again.answers(model.head).likeliest, wanted))
    if wrong := int(((np.array(elsewhere) | (agree < 1)) & ~near).sum()):
        raise ModelError(
            f"The bundle answers {wrong} of {len(some)} texts otherwise than its stages do by "
            "themselves, or by another stage.",
            hint="This is a fault of the cascade. Please report it with the models' names.",
        )
