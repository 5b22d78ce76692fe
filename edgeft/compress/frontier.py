"""Measured candidates: which meet every limit, which of them is chosen, and what comes nearest.

Pure functions. Only what rows that choose tell decides; the figures of those that report are told.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeft.errors import GateError, UsageError

__all__ = ["Limits", "MeasuredCandidate", "best", "choose", "measured_from"]

POINT = 0.5  # points of accuracy, that weigh as much as a limit missed by its whole size


@dataclass(frozen=True)
class Limits:
    """What must be kept: points that may be lost, and of each other kind None where it is open."""

    max_drop: float
    max_bytes: int | None = None
    max_p50_ms: float | None = None
    min_texts_per_s: float | None = None

    def check(self) -> None:
        """Raise UsageError where one makes no sense."""
        if not 0 <= self.max_drop <= 100:
            raise UsageError(
                f"--max-drop {self.max_drop:g} is no number of points from 0 to 100.",
                hint="Such as 0.5.",
            )
        for name, value, such in (
            ("--max-bytes", self.max_bytes, "10MB"),
            ("--max-p50-ms", self.max_p50_ms, "2"),
            ("--min-texts-per-s", self.min_texts_per_s, "5000"),
        ):
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} {value:g} is not above 0.", hint=f"Such as {such}.")


@dataclass(frozen=True)
class MeasuredCandidate:
    """A candidate on this machine and on the user's rows.

    bytes: of its bundle's files, but for manifest and card. texts_per_s: in lists. p50_ms: of a
    single text. times_as_fast: as the whole's fp32 in the same rounds, in lists. choose, report:
    the scores on these rows, and the "drop" against the whole's fp32 as ``Drop.judged`` tells it.
    stages: of a cascade, in its order, the share of the texts that report that each answers.
    promises: of a cascade, as its manifest tells them.
    """

    name: str
    folder: str
    bytes: int
    texts_per_s: float
    p50_ms: float
    times_as_fast: float
    choose: Mapping[str, Any]
    report: Mapping[str, Any]
    stages: Mapping[str, float]
    promises: Mapping[str, Any]

    @property
    def lost(self) -> float:
        """Points of the metric that lost most, on rows that choose."""
        return float(self.choose["drop"]["points"])

    @property
    def sure(self) -> bool:
        """Whether the rows that choose prove that it loses no more than is allowed."""
        return bool(self.choose["drop"]["proven"])

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


def measured_from(content: Mapping[str, Any]) -> MeasuredCandidate:
    """What ``to_dict`` gave. Raises TypeError."""
    return MeasuredCandidate(**content)


@dataclass(frozen=True)
class _Test:
    """One limit: by how much of it a candidate misses it, and how that is told."""

    option: str
    asked: str
    excess: Callable[[MeasuredCandidate], float]
    told: Callable[[MeasuredCandidate], str]


def _tests(limits: Limits) -> list[_Test]:
    found = [
        _Test(
            f"--max-drop {limits.max_drop:g}",
            f"loses no more than {limits.max_drop:g} points",
            lambda one: (one.lost - limits.max_drop) / POINT,
            lambda one: f"loses {one.lost:.2f} points",
        )
    ]
    if (most := limits.max_bytes) is not None:
        found.append(
            _Test(
                f"--max-bytes {most / 1e6:g}MB",
                f"has at most {most / 1e6:g} MB",
                lambda one: one.bytes / most - 1,
                lambda one: f"has {one.bytes / 1e6:.2f} MB",
            )
        )
    if (slowest := limits.max_p50_ms) is not None:
        found.append(
            _Test(
                f"--max-p50-ms {slowest:g}",
                f"answers a single text in {slowest:g} ms (p50)",
                lambda one: one.p50_ms / slowest - 1,
                lambda one: f"answers a single text in {one.p50_ms:.2f} ms",
            )
        )
    if (least := limits.min_texts_per_s) is not None:
        found.append(
            _Test(
                f"--min-texts-per-s {least:g}",
                f"answers {least:,g} texts a second",
                lambda one: least / one.texts_per_s - 1,
                lambda one: f"answers {one.texts_per_s:,.0f} texts a second",
            )
        )
    return found


def choose(family: Sequence[MeasuredCandidate], limits: Limits) -> MeasuredCandidate:
    """Of those that meet every limit the quickest in lists, the smaller of equals.

    ``family``: the whole in fp32, which loses nothing, comes first. Those go before whose loss is
    proven to keep ``max_drop`` by the rows that choose: of many that seem to, the quickest is
    often one that was lucky there. Where they prove it of nothing quicker than the whole, what
    seems so decides. Raises GateError with the limit that cannot be met and what comes nearest.
    """
    tests = _tests(limits)
    meeting = [one for one in family if all(each.excess(one) <= 0 for each in tests)]
    sure = _quickest([one for one in meeting if one.sure])
    if sure is not None and sure != family[0]:
        return sure
    if (seeming := _quickest(meeting)) is not None:
        return seeming
    alone = []
    for each in tests:
        nearest = min(family, key=each.excess)
        if each.excess(nearest) > 0:
            alone.append(f"{each.option}: nothing {each.asked}; {nearest.name} comes nearest, "
                         f"which {each.told(nearest)}.")  # fmt: skip
    nearest = min(family, key=lambda one: max(each.excess(one) for each in tests))
    tell = ", ".join(each.told(nearest) for each in tests)
    if alone:
        message = f"A limit cannot be met. {' '.join(alone)}"
    else:
        message = "Each limit can be met, but not all at once."
    raise GateError(
        f"{message} Of all {len(family)} candidates {nearest.name} comes nearest to what was asked "
        f"for: it {tell}.",
        hint="Nothing was written. Allow more, and ask again: what was measured is kept for that.",
    )


def _quickest(some: Sequence[MeasuredCandidate]) -> MeasuredCandidate | None:
    return max(some, key=lambda one: (one.texts_per_s, -one.bytes), default=None)


def best(
    family: Sequence[MeasuredCandidate],
    cost: Callable[[MeasuredCandidate], float],
    value: Callable[[MeasuredCandidate], float],
) -> list[MeasuredCandidate]:
    """Those that no other beats in both cost (less is better) and value, the cheapest first."""
    kept: list[MeasuredCandidate] = []
    for one in sorted(family, key=lambda each: (cost(each), -value(each))):
        if not kept or value(one) > value(kept[-1]):
            kept.append(one)
    return kept
