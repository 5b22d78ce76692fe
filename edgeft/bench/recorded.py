"""What a manifest records of what is measured: how long its texts were, and how good it is.

These parts of a manifest hold what they like: what is no object or number there is not told.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from edgeft.bench.result import Quality
from edgeft.bundle import Manifest, Variant
from edgeft.bundle.manifest import MOST_TOKENS
from edgeft.fields import FieldError, Reader, number, text, whole
from edgeft.tasks.task import Task

__all__ = ["lengths_of", "quality_of"]

Given = TypeVar("Given")

_TOKENS = whole(1, MOST_TOKENS)
_FIGURE = number(-100, 100)  # a share, or points


def lengths_of(manifest: Manifest) -> dict[str, int] | None:
    """How many tokens the texts have that the model was trained on; None where nothing tells."""
    tokens = _object(_object(_object(manifest.provenance, "training"), "data"), "tokens")
    told = {name: _told(tokens, name, _TOKENS) for name in ("p50", "p90", "p95", "p99", "max")}
    known = {name: one for name, one in told.items() if one is not None}
    return known if len(known) == len(told) else None


def quality_of(variant: Variant, task: Task) -> Quality:
    """How good a variant's answers are, what it lost against the reference, what is proven."""
    if not task.metrics:
        return Quality()
    task = task.measured_as(_object(variant.measured, "scores"))
    first = next(iter(task.metrics))
    drop = _object(variant.measured, "drop")
    figure = _told(_object(variant.measured, "outcome"), first, _FIGURE)
    if figure is None:
        figure = _told(_object(variant.measured, "scores"), first, _FIGURE)
    return Quality(
        figure,
        _told(drop, "points", _FIGURE),
        _told(drop, "metric", text(1, 100)),
        _proven(drop, task),
        tuple(task.metrics.values()),
    )


def _proven(drop: Mapping[str, Any], task: Task) -> float | None:
    """How many points at most none of the metrics loses; a bundle may be older than this figure."""
    if drop.get("exact") is True:
        return 0.0
    most = [_told(_object(drop, name), "high", _FIGURE) for name in task.metrics]
    known = [one for one in most if one is not None]
    return max(known) if drop.get("absent") == 0 and len(known) == len(most) else None


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _told(content: Mapping[str, Any], name: str, reader: Reader[Given]) -> Given | None:
    try:
        return reader(content.get(name))
    except FieldError:
        return None
