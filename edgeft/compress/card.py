"""The model card of a chosen bundle: its README.md, from its manifest alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edgeft.bundle import Manifest
from edgeft.cascade.card import cascade_card
from edgeft.compress.wording import COLUMNS, READ, table_rows
from edgeft.export.card import front_matter, origin_of
from edgeft.export.markdown import an, escape, labels_told, table
from edgeft.tasks import task_named

__all__ = ["compress_card"]


def compress_card(name: str, manifest: Manifest) -> str:
    """The card of a bundle called ``name`` that was chosen from a family."""
    begin = cascade_card(name, manifest) if manifest.stages else _alone(name, manifest)
    return f"{begin.rstrip()}\n\n{_chosen(manifest.provenance['compress'])}\n"


def _alone(name: str, manifest: Manifest) -> str:
    model, task = manifest.model, task_named(manifest.model.task, manifest.model.takes)
    count = len(model.labels)
    folder = json.dumps(name, ensure_ascii=False)
    parts = [
        front_matter(manifest),
        f"# Model {escape(name)}",
        f"{an(task.noun).capitalize()}{f' with {count} labels' if count else ''}, made small by "
        f"edgeft {manifest.provenance['edgeft']}. It runs without torch.",
        *(["## Labels", labels_told(model.labels)]
          if count else []),
        "## Limits",
        f"It reads {model.max_length} tokens of {an(task.asks.one)} at a time.",
        "## How to load it",
        f"With edgeft (`pip install 'edgeft[cpu]'`):\n\n```python\nimport edgeft\n\n"
        f"model = edgeft.load({folder})\n{task.usage.predict}\n```",
        "## Where it comes from",
        origin_of(manifest),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _chosen(found: Mapping[str, Any]) -> str:
    machine, cores = found["machine"], found["machine"]["usable_cores"]
    parts = [
        "## How it was chosen",
        f"Of {len(found['family'])} candidates **{escape(found['chosen'])}** is the quickest that "
        f"keeps {escape(limits_told(found['limits']))} on the rows that choose, "
        "those of which they prove it first.",
        "\n".join(f"- {escape(one)}" for one in found["notes"]),
        "On the rows that report:",
        table(COLUMNS, [list(map(escape, row)) for row in table_rows(found["family"])]),
        READ,
        f"Measured on {escape(machine['cpu'])}, {cores} core{'s' * (cores > 1)}.",
        *_left_out(found["left_out"]),
    ]
    return "\n\n".join(parts)


def _left_out(reasons: Mapping[str, str]) -> Sequence[str]:
    if not reasons:
        return []
    lines = [f"- {escape(name)}: {escape(why)}" for name, why in reasons.items()]
    return ["Not made:", "\n".join(lines)]


def limits_told(limits: Mapping[str, Any]) -> str:
    """The limits that were asked for, in words."""
    told = [f"a loss of at most {limits['max_drop']:g} points"]
    if (most := limits["max_bytes"]) is not None:
        told.append(f"{most / 1e6:g} MB")
    if (slowest := limits["max_p50_ms"]) is not None:
        told.append(f"{slowest:g} ms for a single text")
    if (least := limits["min_texts_per_s"]) is not None:
        told.append(f"{least:g} texts a second")
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
