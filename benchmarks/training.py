"""Two sides that train in turn, each run in a process of its own, and what they come to."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.compare import ROOT
from edgeft.bench.machine import describe_machine

__all__ = ["SIDES", "Bars", "keep", "options", "run_both", "side_options", "summary"]

SIDES = ("edgeft", "ordinary")
TOLD_APART = ("side", "seed", "seconds")  # what of a run is no score


@dataclass(frozen=True)
class Bars:
    """What was to be reached: of the ordinary recipe's time, and points of ``score`` below it."""

    score: str
    most_time: float
    most_points: float


def options(description: str | None, *, epochs: int, seeds: int, out: Path) -> Any:
    """The options of all that train both sides."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--name", help="of the row; else the data's folder")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--keep", type=Path, help="new folder for edgeft's last checkpoint")
    parser.add_argument("--alone", action="store_true", help="edgeft's side alone")
    _shared(parser)
    parser.add_argument("-o", "--out", type=Path, default=out)
    return parser


def side_options(description: str | None) -> Any:
    """The options of one side: which, the folder with its rows, the folder that it writes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    _shared(parser)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="elsewhere both sides compute in bf16")
    parser.add_argument("--model", type=Path, help="a model folder; else the embedded MiniLM")


def run_both(script: str, work: Path, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """The runs of both sides with each seed; who begins changes from seed to seed.

    ``script`` of this folder prints what a side came to as its last line.
    """
    runs = []
    sides = SIDES[:1] if chosen.alone else SIDES
    for seed in range(chosen.seeds):
        for side in sides if seed % 2 == 0 else sides[::-1]:
            run = _run(script, work, side, seed, chosen)
            runs.append({"side": side, "seed": seed, **run})
            if side == "edgeft" and chosen.keep:
                shutil.copytree(work / f"{side}-{seed}", chosen.keep, dirs_exist_ok=True)
            told = ", ".join(f"{name} {one:.4g}" for name, one in run.items())
            print(f"{side}, seed {seed}: {told}", file=sys.stderr, flush=True)
    return runs


def _run(
    script: str, work: Path, side: str, seed: int, chosen: argparse.Namespace
) -> dict[str, Any]:
    command = [
        sys.executable, "-m", f"benchmarks.{script}", side, work, work / f"{side}-{seed}",
        "--seed", seed, "--epochs", chosen.epochs, "--threads", chosen.threads,
        "--device", chosen.device, *(["--model", chosen.model.resolve()] if chosen.model else []),
    ]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{side} ended with status {done.returncode}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def summary(runs: Sequence[dict[str, Any]], bars: Bars) -> dict[str, float]:
    """Medians of the seconds, means of the scores, and whether the bars were met.

    Ratio and points are taken seed by seed: the median of the ratios, the mean of
    the differences, and the least and the most of both. Where one side ran alone
    there are none.
    """
    by_side = {side: sorted((run for run in runs if run["side"] == side),
                            key=lambda run: int(run["seed"])) for side in SIDES}  # fmt: skip
    by_side = {side: some for side, some in by_side.items() if some}
    scores = [name for name in runs[0] if name not in TOLD_APART]
    each: dict[str, float] = {
        **{f"{side}_s": median(run["seconds"] for run in some) for side, some in by_side.items()},
        **{
            f"{side}_{score}": mean(run[score] for run in some)
            for side, some in by_side.items()
            for score in scores
        },
    }
    if len(by_side) < len(SIDES):
        return each
    pairs = list(zip(by_side["edgeft"], by_side["ordinary"], strict=True))
    ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in pairs]
    points = [100 * (ours[bars.score] - theirs[bars.score]) for ours, theirs in pairs]
    return {
        **each,
        "time_ratio": median(ratios),
        "time_ratio_low": min(ratios),
        "time_ratio_high": max(ratios),
        "time_met": median(ratios) <= bars.most_time,
        "points": mean(points),
        "points_low": min(points),
        "points_high": max(points),
        "points_met": mean(points) >= -bars.most_points,
    }


def keep(
    chosen: argparse.Namespace,
    method: str,
    bars: Bars,
    runs: Sequence[dict[str, Any]],
    **about: Any,
) -> dict[str, Any]:
    """Print the table, write the row beside those of other data sets and devices, return it."""
    row = {
        "name": chosen.name or chosen.data.parent.name,
        "machine": describe_machine().to_dict(),
        "epochs": chosen.epochs,
        "threads": chosen.threads,
        "device": chosen.device,
        **about,
        "runs": list(runs),
        **summary(runs, bars),
    }
    out = chosen.out
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else []
    same = (row["name"], row["device"])
    rows = [one for one in rows if (one["name"], one.get("device", "cpu")) != same]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        json.dumps({"method": method, "rows": [*rows, row]}, indent=2) + "\n", encoding="utf-8"
    )
    print(told(row, bars, [name for name in runs[0] if name not in TOLD_APART]))
    return row


def told(row: dict[str, Any], bars: Bars, scores: Sequence[str]) -> str:
    """The row as a table, whether the bars were met, and the other scores of each side."""
    sides = [side for side in SIDES if f"{side}_s" in row]
    lines = [
        f"{score.replace('_', ' ')}: "
        + ", ".join(f"{side} {row[f'{side}_{score}']:.4f}" for side in sides)
        for score in scores
        if score != bars.score or len(sides) == 1
    ]
    words = bars.score.replace("_", " ")
    if len(sides) == 1:
        return "\n".join(
            [f"{row['name']}, {row['epochs']} epochs: {row['edgeft_s']:.0f} s", *lines]
        )
    titles = ("data", "epochs", "edgeft", "ordinary", "share of the time", f"{words}, edgeft",
              f"{words}, ordinary", "points")  # fmt: skip
    cells = (
        row["name"], row["epochs"], f"{row['edgeft_s']:.0f} s", f"{row['ordinary_s']:.0f} s",
        f"{row['time_ratio']:.2f} ({row['time_ratio_low']:.2f} to {row['time_ratio_high']:.2f})",
        f"{row[f'edgeft_{bars.score}']:.4f}", f"{row[f'ordinary_{bars.score}']:.4f}",
        f"{row['points']:+.2f} ({row['points_low']:+.2f} to {row['points_high']:+.2f})",
    )  # fmt: skip
    table = [f"| {' | '.join(map(str, each))} |" for each in (titles, ("---",) * 8, cells)]
    verdict = (
        f"At most {bars.most_time} of the time: {'met' if row['time_met'] else 'missed'}; "
        f"at most {bars.most_points} points less: {'met' if row['points_met'] else 'missed'}."
    )
    return "\n".join([*table, verdict, *lines])
