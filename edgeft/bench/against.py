"""Whether a benchmark is faster or slower than an older one, or there is no telling."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bench.document import fault_of
from edgeft.bench.result import RESULT_FORMAT, key_of
from edgeft.bench.statistics import Ratio, ratio_of
from edgeft.errors import DataError

__all__ = [
    "Comparison",
    "comparisons",
    "comparison_of",
    "only_in_one",
    "other_machine",
    "read_result",
    "tells_intervals",
    "unlike",
]

# Figure, what it is called, and whether more of it is better.
FIGURES = (
    ("single_p50_ms", "single-text p50", False),
    ("single_p99_ms", "single-text p99", False),
    ("texts_per_s", "texts a second", True),
    ("highest_rate", "highest rate within the bound", True),
    ("first_ms", "cold start", False),
)
MOST_BYTES = 1 << 26  # of a document; the largest matrix takes some megabytes


@dataclass(frozen=True)
class Comparison:
    """One figure of one cell, then and now; ``ratio`` is how many times the time it takes now."""

    cell: str
    figure: str
    before: float
    now: float
    ratio: Ratio

    @property
    def verdict(self) -> str:
        """ "faster", "slower" or "cannot tell"."""
        if not self.ratio.clear:
            return "cannot tell"
        return "slower" if self.ratio.ratio > 1 else "faster"


def read_result(path: Path) -> dict[str, Any]:
    """A document that ``edgeft bench --json`` wrote. Raises DataError."""
    again = "Write it with: edgeft bench BUNDLE -o FILE.json"
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint=again) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MOST_BYTES:
        raise DataError(f"{path} is too large for a result of edgeft bench.", hint=again)
    try:
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to be read.", hint=again) from None
    except ValueError as error:
        raise DataError(f"{path} is not a JSON document: {error}.", hint=again) from None
    if not isinstance(document, dict) or "edgeft_bench" not in document:
        raise DataError(f"{path} was not written by edgeft bench.", hint=again)
    if document["edgeft_bench"] != RESULT_FORMAT:
        raise DataError(
            f"{path} has the format {document['edgeft_bench']!r}; "
            f"this version reads {RESULT_FORMAT}.",
            hint="Update with: pip install --upgrade edgeft",
        )
    if fault := fault_of(document):
        raise DataError(f"{path} was changed after it was written: {fault}.", hint=again)
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def unlike(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Why two documents cannot be compared: another machine or other texts; "" where they can."""
    if reason := other_machine(now["machine"], before["machine"]):
        return reason
    if now["texts"]["sha256"] != before["texts"]["sha256"]:
        return "It was measured on other texts."
    return ""


def other_machine(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """In what two machines differ; "" where they are of one kind. A new driver is no other GPU."""
    for name, what in (
        ("cpu", "CPU"), ("features", "kind of CPU, with"), ("usable_cores", "number of cores"),
        ("gpus", "GPU"), ("system", "system"),
    ):  # fmt: skip
        here, there = _told(now[name]), _told(before[name])
        if here != there:
            return f"It was measured on another {what}: {there}, here {here}."
    return ""


def tells_intervals(document: Mapping[str, Any]) -> bool:
    """Whether a document has a figure with an interval, which takes five rounds."""
    return any(
        (cell.get(figure) or {}).get("low") is not None
        for cell in document["cells"]
        for figure, _, _ in FIGURES
    )


def _told(fact: Any) -> str:
    if not isinstance(fact, list | tuple):
        return str(fact)
    return ", ".join(one["name"] if isinstance(one, dict) else str(one) for one in fact) or "none"


def comparisons(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Comparison]:
    """Every figure of the cells that both documents have.

    Rates that kept a bound are compared where the bound is the same; a bound that is
    kept at no rate any more is slower, by a factor that stands for "very much".
    """
    old = {key_of(cell): cell for cell in before["cells"] if "error" not in cell}
    bounds = {document.get("config", {}).get("slo_ms") for document in (now, before)}
    found = []
    for cell in now["cells"]:
        other = old.get(key_of(cell))
        if other is None or "error" in cell or cell["texts"]["sha256"] != other["texts"]["sha256"]:
            continue
        for figure, what, more in FIGURES:
            mine, theirs = cell.get(figure), other.get(figure)
            if not mine or not theirs or (figure == "highest_rate" and len(bounds) > 1):
                continue
            values, others = _positive(mine["values"], theirs["values"])
            if not values:
                continue
            ratio = ratio_of(others, values) if more else ratio_of(values, others)
            found.append(Comparison(cell["name"], what, theirs["median"], mine["median"], ratio))
    return found


def _positive(values: Sequence[float], others: Sequence[float]) -> list[list[float]]:
    """Both, with a thousandth of the least for each 0; empty where there is nothing else."""
    known = [one for one in (*values, *others) if one > 0]
    least = min(known, default=0.0) / 1000
    return [[one or least for one in some] if known else [] for some in (values, others)]


def only_in_one(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """The names of cells that have figures in one document alone."""
    ours, theirs = (
        {key_of(cell): str(cell["name"]) for cell in document["cells"] if "error" not in cell}
        for document in (now, before)
    )
    return [
        {**theirs, **ours}[key] for key in {**theirs, **ours} if (key in ours) != (key in theirs)
    ]


def comparison_of(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """All that two documents tell of each other, as JSON values.

    ``unlike`` says why there is nothing to compare; ``time_ratio``, ``low`` and
    ``high`` are how many times the time it takes now.
    """
    reason = unlike(now, before)
    return {
        "unlike": reason,
        "only_in_one": [] if reason else only_in_one(now, before),
        "figures": [
            {
                "cell": one.cell,
                "figure": one.figure,
                "before": one.before,
                "now": one.now,
                "time_ratio": one.ratio.ratio,
                "low": one.ratio.low,
                "high": one.ratio.high,
                "verdict": one.verdict,
            }
            for one in ([] if reason else comparisons(now, before))
        ],
    }
