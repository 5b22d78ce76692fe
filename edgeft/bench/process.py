"""A cell measured in a fresh process, which is ended whatever happens."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import edgeft
from edgeft.bench.ceiling import Ceiling
from edgeft.bench.cell import Cell, Offline, Run, Singles
from edgeft.bench.scenarios import Load
from edgeft.bench.server import Trial
from edgeft.errors import DeviceError
from edgeft.inputs import Input, json_of

__all__ = ["TIMEOUT_S", "Job", "ceiling_of", "run_once"]

TIMEOUT_S = 600.0  # without a sign of life; a large engine is compiled, or a batch run, in less
NOISE_LINES = 20  # that are kept of what a process writes on stderr
NOISE_CHARACTERS = 100  # that are shown of what it should not write on stdout
ENDING_S = 5.0  # to read the last of them; children of its own may hold stderr open


@dataclass(frozen=True)
class Job:
    """What a process does beside its first prediction, that of ``first``.

    singles: inputs to time alone, none to leave that out, for at most ``most_s``
    seconds. inputs: to predict in one call where ``offline``, and to arrive. answers: to tell
    what each of them gets, after all that is timed.
    patient: where a battery is the only gauge of energy, predict for the minute it needs.
    adopted: no bundle of edgeft's, so there are no recorded answers to hold it to.
    """

    first: Input
    singles: list[Input]
    inputs: list[Input]
    offline: bool = True
    answers: bool = False
    patient: bool = False
    adopted: bool = False
    load: Load | None = None
    most_s: float = float("inf")


def run_once(bundle: Path, cell: Cell, job: Job, *, timeout_s: float = TIMEOUT_S) -> Run:
    """Measure a cell. Raises DeviceError with the reason where the process fails.

    A process that neither answers nor runs a batch for ``timeout_s`` seconds is ended.
    """
    start = {
        "bundle": str(bundle.absolute()),
        "device": cell.device,
        "variant": cell.variant,
        "threads": cell.threads,
        "batch_tokens": cell.batch_tokens,
        "first": json_of(job.first),
        "verify": "off" if job.adopted else "full",
    }
    rest = {
        "singles": [json_of(one) for one in job.singles],
        "offline": job.offline,
        "inputs": [json_of(one) for one in job.inputs],
        "answers": job.answers,
        "most_s": job.most_s,
        "patient": job.patient,
        "load": asdict(job.load) if job.load else None,
    }
    begin = time.monotonic()
    with _worker(timeout_s) as worker:
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
        answers=[_frozen(one) for one in answer.pop("answers")],
        **answer,
    )


def _frozen(answer: Any) -> Any:
    """An answer as its task has it: what JSON makes lists were tuples."""
    return tuple(map(_frozen, answer)) if isinstance(answer, list) else answer


def ceiling_of(
    device: str, threads: int, precision: str, weights: int, *, timeout_s: float = TIMEOUT_S
) -> Ceiling:
    """What a device can do at best, measured in a process of its own. Raises DeviceError."""
    job = {"device": device, "threads": threads, "precision": precision, "weights": weights}
    with _worker(timeout_s) as worker:
        return Ceiling(**worker.ask({"ceiling": job}))


class _Worker:
    """Asks a process; waits for each answer, but not for ever."""

    def __init__(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        self._process, self._timeout_s = process, timeout_s
        self._noise: deque[str] = deque(maxlen=NOISE_LINES)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # A process that hangs neither writes nor reads: threads wait for it, which can be left.
        self._threads = [_started(self._listen), _started(self._read)]

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._threads.append(_started(self._say, question))
        answer: dict[str, Any] = {}
        while not answer:  # an empty one is a sign of life
            try:
                line = self._lines.get(timeout=self._timeout_s)
            except queue.Empty:
                self._process.kill()
                raise DeviceError(
                    f"the process did nothing for {self._timeout_s:g} s and was ended.",
                    hint="Allow it more with --timeout, if it was at work.",
                ) from None
            if not line.endswith(b"\n"):  # nothing, or what it could still write
                raise DeviceError(self._ending())
            try:
                answer = json.loads(line)
            except ValueError:  # such as of a sitecustomize that greets
                shown = line.decode("utf-8", "replace").strip()[:NOISE_CHARACTERS]
                raise DeviceError(
                    f"the process printed what is no answer: {shown!r}.",
                    hint="Something in this Python prints on stdout as it starts: keep it silent.",
                ) from None
        if "error" in answer:
            raise DeviceError(answer["error"], hint=answer["hint"])
        return answer

    def close(self) -> None:
        """End the process; what was still to be written to a dead one is nobody's loss."""
        # The end of its input tells it to end; not closed under a thread that is still writing.
        if not any(thread.is_alive() for thread in self._threads[2:]):
            self._close(self._process.stdin)
        if self._wait() is None:
            self._process.kill()
            self._wait()
        for thread in self._threads:
            thread.join(timeout=ENDING_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._close(self._process.stdin)
            self._close(self._process.stdout)

    def _wait(self) -> int | None:
        """The exit status; None where it does not end."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(ENDING_S)
        return None

    @staticmethod
    def _close(pipe: IO[bytes] | None) -> None:
        with suppress(OSError):
            if pipe is not None:
                pipe.close()

    def _say(self, question: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it ended before it read the question
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        """Queue the answers, and what is left at the end, which is nothing or half a line."""
        assert self._process.stdout is not None
        line = b"\n"
        while line.endswith(b"\n"):
            line = self._process.stdout.readline()
            self._lines.put(line)

    def _listen(self) -> None:
        """Keep the last lines of what it has to complain about."""
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._noise.extend(line.decode("utf-8", "replace").rstrip() for line in lines)

    def _ending(self) -> str:
        """Why the process ended without an answer."""
        status = self._wait()
        self._threads[0].join(timeout=ENDING_S)
        lines = [line for line in list(self._noise) if line.strip()]
        if status is None:
            reason = "the process stopped answering"
        elif status < 0:
            name = _name_of(-status)
            reason = f"the process was ended by {name}"
            if name == "SIGKILL":
                reason += ", perhaps because memory ran out"
        else:
            reason = f"the process ended with status {status}"
        return f"{reason}: {lines[-1]}" if lines else f"{reason}."


def _name_of(number: int) -> str:
    """A signal's name; those between the first and the last real-time one have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _started(task: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=task, args=arguments, daemon=True)
    thread.start()
    return thread


@contextmanager
def _worker(timeout_s: float) -> Iterator[_Worker]:
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "edgeft.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
        )
    except OSError as error:
        raise DeviceError(f"no process could be started: {error.strerror}.") from error
    worker = _Worker(process, timeout_s)
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
