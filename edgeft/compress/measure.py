"""What a candidate is like: its speed beside the whole's, its size, and what it loses."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import edgeft
from edgeft.bundle import read_manifest
from edgeft.compress.frontier import MeasuredCandidate
from edgeft.data import Examples, evenly
from edgeft.inputs import Input
from edgeft.progress import Progress
from edgeft.proof.paired import paired_drop
from edgeft.proof.told import Told, tell
from edgeft.runtime.model import Model
from edgeft.tasks.outputs import require_numbers

__all__ = ["Replies", "answers_of", "measure"]

ROUNDS = 5
LISTED = 256  # texts of a list that is timed
SINGLE = 64  # texts that are timed alone, in as many rounds
ROLES = ("choose", "report")

Replies = dict[str, list[Any]]  # by role, as ``Answers.likeliest`` has them


def answers_of(folder: Path, rows: dict[str, Examples], progress: Progress) -> Replies:
    """What a bundle answers to the rows that choose and report. Raises what ``load`` does."""
    with edgeft.load(folder, device="cpu", verify="off") as model:
        told = {role: _told(model, rows[role], progress) for role in ROLES}
    return {role: _answers(one, model) for role, one in told.items()}


def measure(
    name: str,
    folder: Path,
    whole: Path,
    rows: dict[str, Examples],
    references: Replies,
    *,
    max_drop: float,
    progress: Progress,
) -> MeasuredCandidate:
    """Measure the bundle in a folder beside that of the whole's fp32, which takes turns with it.

    ``references`` are the whole's answers, against which it loses. Time is taken on texts that
    choose. Raises what ``load`` does.
    """
    manifest = read_manifest(folder)
    inputs = rows["choose"].inputs
    with edgeft.load(folder, device="cpu", verify="off") as model:
        told = {role: _told(model, rows[role], progress) for role in ROLES}
        with edgeft.load(whole, device="cpu", verify="off") as other:
            progress("timing", 0, ROUNDS)
            ours, theirs = _lists(model, other, evenly(inputs, LISTED), progress)
        single_s = _single(model, evenly(inputs, SINGLE))
        figures = {
            role: _figures(rows[role], _answers(told[role], model), references[role], model,
                           max_drop)
            for role in ROLES
        }  # fmt: skip
    count = min(LISTED, len(inputs))
    return MeasuredCandidate(
        name=name,
        folder=folder.name,
        bytes=sum(one.bytes for one in manifest.files.values()),
        texts_per_s=round(count / median(ours), 1),
        p50_ms=round(1000 * single_s, 4),
        times_as_fast=round(median(b / a for a, b in zip(ours, theirs, strict=True)), 3),
        choose=figures["choose"],
        report=figures["report"],
        stages={one: told["report"].stages.get(one, 0.0) for one in manifest.stages},
        promises=dict(manifest.provenance["cascade"]["promises"]) if manifest.stages else {},
    )


def _told(model: Model, rows: Examples, progress: Progress) -> Told:
    told = tell(model, rows.inputs, f"answering {len(rows):,}", progress)
    require_numbers(told.outputs)
    return told


def _answers(told: Told, model: Model) -> list[Any]:
    """As JSON keeps them, but for tuples."""
    return [getattr(one, "item", lambda one=one: one)()
            for one in told.answers(model.head).likeliest]  # fmt: skip


def _figures(
    rows: Examples, answers: list[Any], references: list[Any], model: Model, max_drop: float
) -> dict[str, Any]:
    task, labels = model.task, model.labels
    drop = paired_drop(task, rows.truths, answers, references, labels)
    return {
        "scores": task.score(rows.truths, answers, labels).headline(),
        "drop": drop.judged(max_drop),
    }


def _lists(
    model: Model, other: Model, inputs: Sequence[Input], progress: Progress
) -> tuple[list[float], list[float]]:
    """The seconds of either in each round; they take turns, so that what slows one slows both."""
    for one in (model, other):
        one.predict(list(inputs))
    ours, theirs = [], []
    for done in range(ROUNDS):
        ours.append(_seconds(model, inputs))
        theirs.append(_seconds(other, inputs))
        progress("timing", done + 1, ROUNDS)
    return ours, theirs


def _single(model: Model, inputs: Sequence[Input]) -> float:
    """The median of the seconds for a single text."""
    times = []
    for at in range(3):
        for one in inputs:
            begin = time.perf_counter()
            model.predict(one)
            if at:  # the first time warms up
                times.append(time.perf_counter() - begin)
    return median(times)


def _seconds(model: Model, inputs: Sequence[Input]) -> float:
    begin = time.perf_counter()
    model.predict(list(inputs))
    return time.perf_counter() - begin
