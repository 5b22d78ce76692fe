"""How quick variants are beside each other on this machine."""

import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from edgeft.runtime.model import Model

__all__ = ["relative_times"]

ROUNDS = 5


def relative_times(
    models: Mapping[str, Model], against: str, inputs: Sequence[Any]
) -> dict[str, float]:
    """The time of single inputs in each model, as a multiple of that in ``models[against]``.

    The models take turns, so that a machine that slows down slows them alike;
    the median of five rounds' ratios.
    """
    for model in models.values():
        model.predict(inputs[0])
    ratios: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        seconds = {name: _seconds(model, inputs) for name, model in models.items()}
        for name, one in seconds.items():
            ratios[name].append(one / seconds[against])
    return {name: round(median(some), 3) for name, some in ratios.items()}


def _seconds(model: Model, inputs: Sequence[Any]) -> float:
    begin = time.perf_counter()
    for one in inputs:
        model.predict(one)
    return time.perf_counter() - begin
