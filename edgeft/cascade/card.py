"""The model card of a cascade: its README.md, from its manifest alone."""

import json
from collections.abc import Mapping
from typing import Any

from edgeft.bundle import Manifest
from edgeft.cascade.wording import assumed_told, promises_told, seen_told, share
from edgeft.export.card import front_matter, origin_of
from edgeft.export.markdown import an, escape, labels_told, table
from edgeft.proof.paired import told_loss
from edgeft.tasks import task_named

__all__ = ["cascade_card"]

MOST_LABELS = 10  # that lost most are told
METHOD = (
    "Thresholds were tested from the safest on, in an order that no row had a say in, each with an "
    "exact test, until the first that failed (fixed sequence testing in Learn then Test: "
    "Angelopoulos, Bates, Candès, Jordan & Lei 2025, Annals of Applied Statistics 19); so it holds "
    "for any number of rows."
)


def cascade_card(name: str, manifest: Manifest) -> str:
    """The card of a cascade called ``name``."""
    found, task = (
        manifest.provenance["cascade"],
        task_named(manifest.model.task, manifest.model.takes),
    )
    labels = manifest.model.labels
    parts = [
        front_matter(manifest),
        f"# Model {escape(name)}",
        f"{an(task.noun).capitalize()}{f' with {len(labels)} labels' if labels else ''} in "
        f"{len(manifest.pipeline)} stages, made by edgeft {manifest.provenance['edgeft']}: the "
        "first answers what it is sure of, and the next is asked where it is not. Every prediction "
        "says which stage answered. It runs without torch.",
        *_labels(labels),
        "## What is promised",
        _lines(
            [
                *promises_told(found),
                *assumed_told(found),
                *_served(manifest),
                *[METHOD] * bool(found["promises"]),
            ]
        ),
        "## Its stages",
        _stages(manifest, found),
        "## What other rows show",
        _lines(seen_told(found)),
        *_figures(found),
        "## Where sureness misleads",
        _misleading(found),
        "## How to load it",
        _loading(name, task.usage.predict),
        "## Where it comes from",
        origin_of(manifest),
        _made_of(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _labels(labels: tuple[str, ...]) -> list[str]:
    if not labels:
        return []
    return ["## Labels", labels_told(labels)]


def _lines(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _served(manifest: Manifest) -> list[str]:
    """How the bundle must be served for its promises to hold: as it is by default."""
    task = task_named(manifest.model.task, manifest.model.takes)
    read = "cut" if task.on_long == "truncate" else "read in windows that overlap"
    told = [
        f"It is of answers as this bundle gives them by default: where a {task.asks.one} is longer "
        f'than a stage reads, it is {read} (`on_long="{task.on_long}"`). Loaded with another '
        f"`on_long` or `overlap`, it says nothing of long {task.asks.many}."
    ]
    pipeline = zip(manifest.stages, manifest.pipeline, strict=True)
    alone = [
        escape(name)
        for name, step in pipeline
        if not manifest.models[step.model].variants[step.variant].batch_invariant
    ]
    if alone:
        told.append(
            f"In a batch the answers of {' and '.join(alone)} would depend on their neighbours: "
            f"there edgeft runs each {task.asks.one} alone, as was done for the promise."
        )
    return told


def _stages(manifest: Manifest, found: Mapping[str, Any]) -> str:
    rows = []
    for step, one in zip(manifest.pipeline, found["stages"], strict=True):
        variant = manifest.models[step.model].variants[step.variant]
        size = sum(manifest.files[path].bytes for path in variant.files.values())
        rows.append(
            [
                escape(one["stage"]),
                step.variant,
                f"{size / 1e6:.1f}",
                f"sureness below {step.below:g}" if step.below is not None else "-",
                f"{one['share']:.1%}",
                *(_told(one[key]) for key in ("right", "full", "same")),
            ]
        )
    return table(
        ["stage", "variant", "MB", "asks the next at a", "answers of all texts",
         "right of these", "right of these by the full model", "as the full model"],
        rows,
    )  # fmt: skip


def _figures(found: Mapping[str, Any]) -> list[str]:
    figures = found["figures"]
    if not figures:
        return []
    metrics = [key for key in next(iter(figures["scores"].values())) if key != "rows"]
    rows = [
        [escape(name), *(f"{one[metric]:.4f}" for metric in metrics)]
        for name, one in figures["scores"].items()
    ]
    drop = figures["drop"]
    lost = ", ".join(
        f"{metric.replace('_', ' ')} {told_loss(drop[metric])}"
        for metric in metrics
        if metric in drop
    )
    return [
        table(["answered by", *(metric.replace("_", " ") for metric in metrics)], rows),
        f"Points that the cascade lost against the full model, with 95% intervals: {lost}.",
    ]


def _misleading(found: Mapping[str, Any]) -> str:
    told = found["misleads"] or [
        "Nothing that the rows that report could show beyond chance."
        if found["held_out"]
        else "Not looked for: there were no rows to report."
    ]
    parts = [_lines(list(map(escape, told)))]
    rows = [
        [
            f"{one['least']:g}",
            f"{one['rows']:,}",
            f"{one['sure']:.3f}",
            *(_told(one[key]) for key in ("same", "right", "full")),
        ]
        for one in found["bands"]
    ]
    parts += [
        "The first stage by how sure it is:",
        table(
            ["from a sureness of", "texts", "mean sureness", "as the full model", "right",
             "right by the full model"],
            rows,
        ),
    ]  # fmt: skip
    labels = found["labels"][:MOST_LABELS]
    if labels:
        rows = [
            [escape(one["label"]), *(f"{one[key]:,}" for key in ("rows", "cheap", "lost", "won"))]
            for one in labels
        ]
        parts += [
            "The labels that lost most:",
            table(["label", "texts", "answered before the full model", "lost", "won"], rows),
        ]
    return "\n\n".join(parts)


def _loading(name: str, predict: str) -> str:
    folder = json.dumps(name, ensure_ascii=False)
    return f"""With edgeft (`pip install 'edgeft[cpu]'`):

```python
import edgeft

model = edgeft.load({folder})
{predict}
```

Every other reader of this folder sees the full model alone."""


def _made_of(manifest: Manifest) -> str:
    rows = [
        [escape(name), escape(str(one["checkpoint"]["name"])), one["checkpoint"]["weights_sha256"]]
        for name, one in manifest.provenance["stages"].items()
        if one["checkpoint"]
    ]
    return table(["stage", "checkpoint", "sha256 of its weights"], rows)


def _told(value: float | None) -> str:
    return "-" if value is None else share(value)
