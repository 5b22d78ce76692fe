"""What int8 loses against fp32 of the model that a benchmark has trained."""

import argparse
from pathlib import Path
from typing import Any

from edgeft.errors import GateError
from edgeft.export.run import ExportConfig, export
from edgeft.proof.battery import verify
from edgeft.tasks.reading import read_examples
from edgeft.tasks.task import Task

__all__ = ["MOST_POINTS", "int8_against_fp32", "told"]

MOST_POINTS = 0.5  # of each metric: what int8 was to lose at most


def int8_against_fp32(
    chosen: argparse.Namespace, work: Path, ending: str, task: Task
) -> dict[str, Any]:
    """What int8 of edgeft's last checkpoint in ``work`` loses against its own fp32.

    Exported with the defaults: choose.``ending`` chooses, report.``ending`` reports. "losses" holds
    points and their interval by metric; where export refuses int8, "refused" says why.
    """
    parts = {part: work / f"{part}.{ending}" for part in ("choose", "report")}
    bundle = work / "bundle"
    try:
        export(
            ExportConfig(
                checkpoint=str(work / f"edgeft-{chosen.seeds - 1}"), out=bundle,
                data=parts["choose"], test=parts["report"], variants=("int8",), task=task.name,
                max_drop=MOST_POINTS,
            )
        )  # fmt: skip
    except GateError as error:
        return {"refused": str(error).splitlines()[0]}
    found = verify(
        bundle, read_examples(parts["report"], task), device="cpu", threads=chosen.threads
    )
    drop = found["int8"].drop
    assert drop is not None, "labelled rows tell what is lost"
    return {
        "rows": drop.rows,
        "bytes": (bundle / "onnx" / "model_int8.onnx").stat().st_size,
        "losses": {one.metric: one.figures() for one in drop.losses},
        "met": all(one.points <= MOST_POINTS for one in drop.losses),
        "proven": drop.proven(MOST_POINTS),
    }


def told(found: dict[str, Any]) -> str:
    """The same in a line."""
    if "refused" in found:
        return f"int8: refused. {found['refused']}"
    points = "; ".join(
        f"{one['points']:.2f} points ({one['low']:.2f} to {one['high']:.2f}) of {metric}"
        for metric, one in found["losses"].items()
    )
    met = "met" if found["met"] else "missed"
    proven = "proven" if found["proven"] else "not proven"
    return f"int8 loses {points} against fp32; at most {MOST_POINTS} points: {met}, {proven}."
