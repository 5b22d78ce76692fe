"""Whether a benchmark is faster or slower than an older one, or there is no telling."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bench.result import FORMAT, key_of
from edgeft.bench.statistics import Ratio, ratio_of
from edgeft.errors import DataError

__all__ = ["Comparison", "compare", "read_result", "unlike"]

# Figure, what it is called, and whether more of it is better.
FIGURES = (
    ("single_p50_ms", "single-text p50", False),
    ("texts_per_s", "texts a second", True),
    ("highest_rate", "highest rate within the bound", True),
    ("first_ms", "cold start", False),
)


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
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint=again) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(f"{path} is not a JSON document: {error}.", hint=again) from None
    if not isinstance(document, dict) or "edgeft_bench" not in document:
        raise DataError(f"{path} was not written by edgeft bench.", hint=again)
    if document["edgeft_bench"] != FORMAT:
        raise DataError(
            f"{path} has the format {document['edgeft_bench']!r}; this version reads {FORMAT}.",
            hint="Update with: pip install --upgrade edgeft",
        )
    return document


def unlike(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Why two documents cannot be compared: another machine or other texts; "" where they can."""
    machine, old = now["machine"], before["machine"]
    for name, what in (
        ("cpu", "CPU"), ("usable_cores", "number of cores"), ("gpus", "GPU"), ("system", "system"),
    ):  # fmt: skip
        if machine[name] != old[name]:
            return f"It was measured on another {what}: {old[name]}, here {machine[name]}."
    if now["texts"]["sha256"] != before["texts"]["sha256"]:
        return "It was measured on other texts."
    return ""


def compare(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Comparison]:
    """Every figure of the cells that both documents have."""
    old = {key_of(cell): cell for cell in before["cells"] if "error" not in cell}
    found = []
    for cell in now["cells"]:
        other = old.get(key_of(cell))
        if other is None or "error" in cell or cell["texts_sha256"] != other["texts_sha256"]:
            continue
        for figure, what, more in FIGURES:
            mine, theirs = cell.get(figure), other.get(figure)
            if not mine or not theirs or not min(*mine["values"], *theirs["values"]) > 0:
                continue
            pair = (
                (theirs["values"], mine["values"]) if more else (mine["values"], theirs["values"])
            )
            found.append(
                Comparison(cell["name"], what, theirs["median"], mine["median"], ratio_of(*pair))
            )
    return found
