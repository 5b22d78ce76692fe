"""How quick stages and a cascade of them are on this machine. Nothing here looks at an answer."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

import edgeft
from edgeft.cascade.choose import PATH, answering
from edgeft.cascade.stages import StageBundle
from edgeft.data import evenly
from edgeft.inputs import Input
from edgeft.proof.told import Told
from edgeft.runtime.model import Model

__all__ = ["below_for", "speedups", "stage_times", "times_as_fast"]

ROUNDS = 5
TEXTS = 256  # that are timed

Floats = NDArray[np.float64]


def stage_times(stages: Sequence[StageBundle], inputs: Sequence[Input]) -> list[float]:
    """The seconds that each stage takes for a text, in lists, with all cores; they take turns."""
    with ExitStack() as stack:
        models = {
            str(at): stack.enter_context(
                edgeft.load(one.bundle, device="cpu", variant=one.variant, verify="off")
            )
            for at, one in enumerate(stages)
        }
        some = evenly(inputs, TEXTS)
        rounds = _rounds(models, some)
    return [median(one[name] for one in rounds) / len(some) for name in models]


def times_as_fast(cascade: Path, full: StageBundle, inputs: Sequence[Input]) -> float:
    """How many times as many texts the cascade answers as its last stage alone, in lists."""
    with (
        edgeft.load(cascade, device="cpu", verify="off") as ours,
        edgeft.load(full.bundle, device="cpu", variant=full.variant, verify="off") as theirs,
    ):
        rounds = _rounds({"ours": ours, "theirs": theirs}, evenly(inputs, TEXTS))
    return round(median(one["theirs"] / one["ours"] for one in rounds), 2)


def speedups(times: Sequence[float], sure: Floats, told: Sequence[Told]) -> Floats:
    """(P,) how many times as fast as the last stage alone a cascade is at each of PATH.

    By the ``times`` of the S stages, (S - 1, N) sureness, and what each of N texts is of all
    tokens, as long ones take longer and may be those that go on.
    """
    tokens = [np.array([len(one.ids) for one in each.encoded], np.float64) for each in told]
    parts = [one / one.sum() for one in tokens]  # (N,) of a stage's time for all
    found = []
    for below in PATH:
        at = answering(sure, below)
        spent = sum(
            seconds * float(part[at >= stage].sum())
            for stage, (seconds, part) in enumerate(zip(times, parts, strict=True))
        )
        found.append(times[-1] / spent)
    return np.array(found)


def below_for(speedup: float, fast: Floats) -> float | None:
    """The safest threshold of PATH that is so fast; None where none is."""
    enough = np.flatnonzero(fast >= speedup)
    return PATH[int(enough[0])] if len(enough) else None


def _rounds(models: Mapping[str, Model], inputs: Sequence[Input]) -> list[dict[str, float]]:
    """The seconds of each model, which take turns, so that what slows one slows all."""
    for model in models.values():
        model.predict(list(inputs))
    return [{name: _seconds(model, inputs) for name, model in models.items()}
            for _ in range(ROUNDS)]  # fmt: skip


def _seconds(model: Model, inputs: Sequence[Input]) -> float:
    begin = time.perf_counter()
    model.predict(list(inputs))
    return time.perf_counter() - begin
