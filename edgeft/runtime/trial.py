"""A short trial of variants against each other, where no rule can know which is quicker."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from edgeft.bundle import Manifest

__all__ = ["candidates", "try_out"]

TRIED = ("fp32", "int8")  # by what CPU flags say, either may be the quicker one
MOST_BYTES = 256 << 20  # of a graph; to open a larger one takes too long for a trial
BUDGET_S = 0.4
LEAST = 3  # texts, where a single one takes long


def candidates(manifest: Manifest, kind: str) -> tuple[str, ...]:
    """The variants that a trial should tell apart on a kind of device; there may be none."""
    variants = manifest.model.variants
    small = all(
        manifest.files[path].bytes <= MOST_BYTES
        for name in TRIED
        if name in variants
        for path in variants[name].files.values()
    )
    there = set(TRIED) <= set(variants) and manifest.model.golden_texts
    return TRIED if kind == "cpu" and small and there else ()


def try_out(
    sides: Mapping[str, Callable[[str], object]],
    texts: Sequence[str],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median time, in ms, that each side takes for a text.

    The sides take turns at each text, so that what else the machine does hits them
    alike; the first text is not counted. Ends after 0.4 s, but not before three texts.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    end = clock() + BUDGET_S
    for at in range(len(texts) * 100):
        order = list(sides)[:: 1 if at % 2 else -1]
        for name in order:
            begin = clock()
            sides[name](texts[at % len(texts)])
            times[name].append((clock() - begin) * 1e3)
        if at >= LEAST and clock() > end:
            break
    return {name: median(some[1:]) for name, some in times.items()}
