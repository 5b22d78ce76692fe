"""On the lent machine: parts are kept and joined, and the steps run one after the other.

Reads nothing but Python's own library: edgeft and its packages are in the parts.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu import parts

__all__ = ["STEPS", "Step", "keep", "run"]

ROOT = Path(__file__).parents[2]
PLACE = Path.home() / ".cache" / "edgeft-gpu"
KIT = "kit"  # in the place: the joined parts
BUDGET_S = 480.0
TAIL = 4000  # characters of a step's output that are kept
KILLED_S = 10.0  # a process that waits for a driver ends later than it is killed, or never


@dataclass(frozen=True)
class Step:
    """One measurement, a process of its own, and the seconds it may take at most."""

    name: str
    most_s: float


# The most wanted first: what is cut off at the end is wanted least.
STEPS = (
    Step("devices", 100),
    Step("latency", 160),
    Step("graphs", 40),
    Step("tasks", 320),
    Step("training", 150),
    Step("bench", 160),
    Step("compiled", 80),
    Step("tensorrt", 60),
)


def keep(arguments: Sequence[str]) -> None:
    """Check the parts that are in a folder, keep them, say what is still missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu keep", description=keep.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--place", type=Path, default=PLACE, help="where they are kept")
    chosen = parser.parse_args(arguments)
    chosen.place.mkdir(parents=True, exist_ok=True)
    found = sorted(path.name for path in chosen.folder.glob("part-*"))
    try:
        wrong = parts.faults(chosen.folder, found) if found else []
        if wrong:
            sys.exit(" ".join(wrong) + " Carry what is named once more.")
        known, given = chosen.place / parts.LIST, chosen.folder / parts.LIST
        if known.exists() and known.read_bytes() != given.read_bytes():
            shutil.rmtree(chosen.place / KIT, ignore_errors=True)  # it is of other parts
        for name in (parts.LIST, *found):
            shutil.copy(chosen.folder / name, chosen.place / name)
        missing = parts.faults(chosen.place)
    except (parts.PartsError, OSError) as error:
        sys.exit(str(error))
    print(f"Kept {', '.join(found) or 'the list'}. {' '.join(missing) or 'All parts are here.'}")


def run(arguments: Sequence[str]) -> None:
    """Join the parts and measure; each step's JSON is written as soon as it has ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu run", description=run.__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--place", type=Path, default=PLACE, help="where the parts are kept")
    parser.add_argument("--project", type=Path, default=ROOT, help="edgeft and benchmarks")
    parser.add_argument("--budget-s", type=float, default=BUDGET_S)
    parser.add_argument("--device", default="cuda", help="cpu rehearses all but the GPU")
    parser.add_argument("--only", action="append", choices=[step.name for step in STEPS])
    chosen = parser.parse_args(arguments)
    end = time.monotonic() + chosen.budget_s
    kit = chosen.place.resolve() / KIT
    if not kit.is_dir():
        unfinished = chosen.place / "joining"
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            parts.join(chosen.place, unfinished)
        except (parts.PartsError, OSError) as error:
            sys.exit(str(error))
        unfinished.rename(kit)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        if chosen.only and step.name not in chosen.only:
            continue
        left = end - time.monotonic()
        record = take(
            step, kit, chosen.out.resolve(), chosen.device, left, project=chosen.project.resolve()
        )
        _write(chosen.out / f"{step.name}.json", record)
        print(f"{step.name}: {record['outcome']}, {record['seconds']} s", flush=True)


def take(
    step: Step, kit: Path, out: Path, device: str, left_s: float, *, project: Path = ROOT
) -> dict[str, object]:
    """Run one step; what it measured before it failed or was cut off is kept."""
    if left_s < 5:
        return {"step": step.name, "outcome": "no time was left", "seconds": 0}
    figures = out / f"{step.name}.part"
    command = [sys.executable, "-m", "benchmarks.gpu.steps", step.name, kit, figures, device]
    paths = [str(project), str(kit / "site"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
    }
    begin = time.monotonic()
    # A file and no pipe: whoever holds its other end open could not be waited for.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            list(map(str, command)), cwd=project, env=environment,
            stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(timeout=min(left_s, step.most_s))
            outcome = f"failed with status {status}" if status else "done"
        except subprocess.TimeoutExpired:
            outcome = "cut off"
        finally:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGKILL)  # and what it had started
                process.wait(timeout=KILLED_S)
        said.seek(0)
        told = said.read().decode("utf-8", "replace")
    measured = _figures(figures)
    wrong = sum(isinstance(one, dict) and "error" in one for one in measured)
    return {
        "step": step.name,
        "device": device,
        "outcome": f"{outcome}, {wrong} with an error" if wrong else outcome,
        "seconds": round(time.monotonic() - begin, 1),
        "output": told[-TAIL:],
        "figures": measured,
    }


def _figures(path: Path) -> list[object]:
    """The lines of JSON that the step wrote, each as soon as it was measured."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    path.unlink()
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:  # the last one, cut off
            continue
    return found


def _write(path: Path, content: object) -> None:
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
