"""A cell measured in a fresh process, which is ended whatever happens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import edgeft
from edgeft.bench.ceiling import Ceiling
from edgeft.bench.cell import Cell, Offline, Run, Singles
from edgeft.bench.scenarios import Load
from edgeft.bench.server import Trial
from edgeft.errors import DeviceError

__all__ = ["Job", "ceiling_of", "run_once"]

NOISE_LINES = 20  # that are kept of what a process writes on stderr
ENDING_S = 5.0  # to read the last of them; children of its own may hold stderr open


@dataclass(frozen=True)
class Job:
    """What a process does beside its first prediction, that of ``first``.

    singles: texts to time alone, none to leave that out, for at most ``most_s``
    seconds. texts: to predict in one call where ``offline``, and to arrive.
    patient: where a battery is the only gauge of energy, predict for the minute it needs.
    adopted: no bundle of edgeft's, so there are no recorded answers to hold it to.
    """

    first: str
    singles: list[str]
    texts: list[str]
    offline: bool = True
    patient: bool = False
    adopted: bool = False
    load: Load | None = None
    most_s: float = float("inf")


def run_once(bundle: Path, cell: Cell, job: Job) -> Run:
    """Measure a cell. Raises DeviceError with the reason where the process fails."""
    start = {
        "bundle": str(bundle.absolute()),
        "device": cell.device,
        "variant": cell.variant,
        "threads": cell.threads,
        "batch_tokens": cell.batch_tokens,
        "text": job.first,
        "verify": "off" if job.adopted else "full",
    }
    rest = {
        "singles": job.singles,
        "offline": job.offline,
        "texts": job.texts,
        "most_s": job.most_s,
        "patient": job.patient,
        "load": asdict(job.load) if job.load else None,
    }
    begin = time.monotonic()
    with _worker() as worker:
        started = worker.ask(start)
        first_ms = (time.monotonic() - begin) * 1e3
        answer = worker.ask(rest)
    singles, offline, highest = (answer.pop(name) for name in ("singles", "offline", "highest"))
    return Run(
        first_ms=first_ms,
        load_ms=started["load_ms"],
        singles=Singles(**singles) if singles else None,
        offline=Offline(**offline) if offline else None,
        trials=[Trial(**one) for one in answer.pop("trials")],
        highest=Trial(**highest) if highest else None,
        **answer,
    )


def ceiling_of(device: str, threads: int, precision: str, weights: int) -> Ceiling:
    """What a device can do at best, measured in a process of its own. Raises DeviceError."""
    job = {"device": device, "threads": threads, "precision": precision, "weights": weights}
    with _worker() as worker:
        return Ceiling(**worker.ask({"ceiling": job}))


class _Worker:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._noise: deque[str] = deque(maxlen=NOISE_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:  # it ended before it read the question
            line = b""
        if not line.endswith(b"\n"):  # nothing, or what it could still write
            raise DeviceError(self._ending(process.wait()))
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DeviceError(answer["error"], hint=answer["hint"])
        return answer

    def close(self) -> None:
        """Wait for the end; what was still to be written to a dead process is nobody's loss."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._process.wait()
        self._listener.join(timeout=ENDING_S)

    def _listen(self) -> None:
        """Keep the last lines of what it has to complain about."""
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._noise.extend(line.decode("utf-8", "replace").rstrip() for line in lines)

    def _ending(self, status: int) -> str:
        """Why the process ended without an answer."""
        self._listener.join(timeout=ENDING_S)
        lines = [line for line in list(self._noise) if line.strip()]
        if status < 0:
            name = signal.Signals(-status).name
            reason = f"the process was ended by {name}"
            if name == "SIGKILL":
                reason += ", perhaps because memory ran out"
        else:
            reason = f"the process ended with status {status}"
        return f"{reason}: {lines[-1]}" if lines else f"{reason}."


@contextmanager
def _worker() -> Iterator[_Worker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeft.bench.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    worker = _Worker(process)
    try:
        yield worker
    except BaseException:
        process.kill()
        raise
    finally:
        worker.close()


def _environment() -> dict[str, str]:
    # The child must find the very edgeft that asks, wherever that was imported from.
    root = str(Path(edgeft.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{inherited}" if inherited else root}
