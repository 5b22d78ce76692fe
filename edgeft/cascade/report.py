"""What rows that had no say in a threshold show of a cascade, as JSON values."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from edgeft.cascade.choose import Judged, Kind, Limit, held_out
from edgeft.cascade.decide import MAX_DISAGREEMENT
from edgeft.cascade.misleading import bands, label_losses, misleads, shares
from edgeft.cascade.rows import Gathered
from edgeft.cascade.stages import StageBundle, judged_by, names_of, told_of
from edgeft.proof.paired import paired_drop
from edgeft.proof.told import Told
from edgeft.tasks.task import Rows

__all__ = ["reported"]


def reported(
    stages: Sequence[StageBundle],
    told: Sequence[Told],
    gathered: Gathered,
    limits: Sequence[Limit],
    below: float,
    chosen_on: Judged,
) -> dict[str, Any]:
    """What rows that had no say show; those that choose where there are no others, and so said."""
    places, truths = gathered.report, gathered.report_truths
    apart = bool(places)
    if not apart:
        places, truths = gathered.choosing, None
    judged = judged_by(stages, told, truths, places)
    names = names_of(stages)
    task, labels = told[-1].task, told[-1].labels
    answers = [np.asarray(told_of(one, places).answers(stage.head).likeliest)
               for one, stage in zip(told, stages, strict=True)] if task.single else []  # fmt: skip
    kinds: list[Kind] = ["disagreement"]
    if judged.right is not None:
        kinds.append("drop")
    most = next((one.most for one in limits if one.kind == "drop"), None)
    most = most or (limits[0].most if limits else MAX_DISAGREEMENT / 100)
    losses = []
    if task.single:
        of = np.asarray(truths if truths is not None else answers[-1], np.int64)
        losses = label_losses(judged, of, labels, below, most)
    return {
        "stages": [asdict(one) for one in shares(judged, names, below)],
        "held_out": {one: held_out(judged, one, below) for one in kinds} if apart else None,
        "figures": _figures(names, told, answers, judged, below, truths)
        if truths is not None and task.single
        else None,
        "bands": [asdict(one) for one in bands(judged)],
        "labels": [asdict(one) for one in losses if one.lost or one.won],
        "misleads": misleads(judged, chosen_on, names, below, limits, losses) if apart else [],
        "not_known": [names[at] for at in gathered.not_known],
    }


def _figures(
    names: Sequence[str],
    told: Sequence[Told],
    answers: Sequence[Any],
    judged: Judged,
    below: float,
    truths: Rows,
) -> dict[str, Any]:
    """The scores of each stage alone and of the cascade, and what the cascade lost."""
    task, labels = told[-1].task, told[-1].labels
    at = judged.answering(below)
    ours = np.stack(answers)[at, np.arange(len(at))]  # (N,)
    drop = paired_drop(task, truths, ours, answers[-1], labels)
    return {
        "scores": {
            name: task.score(truths, one, labels).headline()
            for name, one in [*zip(names, answers, strict=True), ("cascade", ours)]
        },
        "drop": drop.to_dict(),
    }
