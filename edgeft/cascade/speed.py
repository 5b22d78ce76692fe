"""How quick stages and a cascade of them are on this machine. Nothing here looks at an answer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from edgeft.runtime.cascade import Cascade
from edgeft.runtime.model import Model

__all__ = ["Floats", "fast_enough", "sample", "speedups", "stage_times", "times_as_fast"]

ROUNDS = 5
TEXTS = 1024  # that are timed, fewer where they are long: a list that fills batches at each stage
LEAST_TEXTS = 128
TOKENS = 1 << 16  # that are timed of long texts
TRIES = 6  # thresholds that are timed in search of one

Floats = NDArray[np.float64]


def sample(sure: Floats, told: Told) -> list[int]:
    """Places of the inputs that are timed: some of every sureness, in their own order.

    By (N,) sureness of the first stage, so that of these as many go on as of all.
    """
    tokens = sum(len(one.ids) for one in told.encoded) / max(1, len(told))
    most = int(min(TEXTS, max(LEAST_TEXTS, TOKENS / max(1.0, tokens))))
    return sorted(evenly(np.argsort(sure, kind="stable").tolist(), most))


def stage_times(stages: Sequence[StageBundle], inputs: Sequence[Input]) -> list[float]:
    """The seconds that each stage takes for a text, in lists, with all cores; they take turns."""
    with ExitStack() as stack:
        models = {
            str(at): stack.enter_context(_loaded(one, alone=True)) for at, one in enumerate(stages)
        }
        rounds = _rounds(models, inputs)
    return [median(one[name] for one in rounds) / len(inputs) for name in models]


@contextmanager
def times_as_fast(
    cascade: Path, full: StageBundle, inputs: Sequence[Input]
) -> Iterator[Callable[[float], float]]:
    """What times a cascade at the sureness below which each stage asks the next.

    It gives how many times as many of the inputs the cascade answers as its full model alone, in
    lists.
    """
    with (
        edgeft.load(cascade, device="cpu", verify="off") as ours,
        _loaded(full, alone=False) as theirs,
    ):
        stages = ours.runner
        assert isinstance(stages, Cascade), "a cascade was written"

        def times(below: float) -> float:
            ours.runner = stages.doubting(below)
            rounds = _rounds({"ours": ours, "theirs": theirs}, inputs)
            return round(median(one["theirs"] / one["ours"] for one in rounds), 2)

        yield times


def speedups(times: Sequence[float], sure: Floats, told: Sequence[Told]) -> Floats:
    """(P,) how many times as fast as the full model alone a cascade is at each of PATH, about.

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


def fast_enough(
    speedup: float, expected: Floats, timed: Callable[[int], float]
) -> tuple[int | None, float]:
    """The first place of a path that is ``timed`` as at least so fast, and the times it is.

    (P,) times are ``expected``, no less at a later place than before; where the clock says
    otherwise, it is right of all of them alike. None where no place is so fast, and the most times.
    """
    slow, quick = -1, len(expected)  # the last that was too slow, the first that was not
    found, most, clock = None, 0.0, 1.0
    for _ in range(TRIES):
        enough = np.flatnonzero(expected * clock >= speedup)
        at = int(enough[0]) if len(enough) else len(expected) - 1
        at = max(at, slow + 1)
        if at >= quick:
            break
        times = timed(at)
        most = max(most, times)
        clock = times / float(expected[at])
        if times >= speedup:
            quick, found = at, times
        else:
            slow = at
    return (None, most) if found is None else (quick, found)


def _loaded(stage: StageBundle, *, alone: bool) -> Model:
    """A stage by itself; ``alone`` as a cascade runs one that neighbours in a batch would touch."""
    return edgeft.load(
        stage.bundle, device="cpu", variant=stage.variant, verify="off", batch_invariant=alone
    )


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
