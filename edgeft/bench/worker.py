"""One cell, measured in a process of its own: ``python -m edgeft.bench.worker``.

Two lines of JSON come in on stdin, up to two go out on stdout:

    in   {"bundle", "device", "variant", "threads", "batch_tokens", "first"}
    out  {"load_ms"}                          as soon as that input is predicted
    in   {"singles", "offline", "inputs", "answers", "most_s", "patient", "load"}
    out  {"device", "threads", "warmup_calls", …}   see ``edgeft.bench.cell.Run``

or one line each way to learn what the device can do at best:

    in   {"ceiling": {"device", "threads", "precision", "weights"}}
    out  {"operations_per_s", "bytes_per_s"}

An error goes out as {"error", "hint"} in place of either, and {} now and then
while batches are run, so that who waits knows that it is at work.
"""

# Kept light: these imports count in the time from process start to first prediction.
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from edgeft.errors import EdgeftError
from edgeft.inputs import input_from

if TYPE_CHECKING:
    from edgeft.bench.trace import Trace
    from edgeft.runtime.model import Model

BEAT_S = 1.0  # between two signs of life


def main() -> None:
    """Answer one job and end; exit status 1 after an error."""
    # Libraries print on stdout when it pleases them; the answers need it for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        _answer(sys.stdin, answers)
    except EdgeftError as error:
        _send(answers, {"error": error.message, "hint": error.hint})
        sys.exit(1)
    except Exception as error:  # the parent goes on with the other cells
        _send(answers, {"error": f"{type(error).__name__}: {error}", "hint": ""})
        sys.exit(1)


def _answer(jobs: IO[str], answers: IO[str]) -> None:
    job = json.loads(jobs.readline())
    if "ceiling" in job:
        from edgeft.bench.ceiling import measure_ceiling

        _send(answers, vars(measure_ceiling(**job["ceiling"])))
        return
    from edgeft.bench.trace import Trace
    from edgeft.runtime.load import load
    from edgeft.runtime.providers import import_onnxruntime

    import_onnxruntime()  # here, so that load_ms is the time of loading alone
    trace = Trace(_beats(answers))
    begin = time.perf_counter()
    model = load(
        job["bundle"],
        device=job["device"],
        variant=job["variant"],
        threads=job["threads"],
        batch_tokens=job["batch_tokens"],
        verify=job["verify"],
        observer=trace,
    )
    load_ms = (time.perf_counter() - begin) * 1e3
    with model:
        model.predict(input_from(job["first"]))
        _send(answers, {"load_ms": load_ms})
        job |= json.loads(jobs.readline())
        _send(answers, _measure(model, trace, job))


def _measure(model: "Model", trace: "Trace", job: dict[str, Any]) -> dict[str, Any]:
    from edgeft.bench.energy import BATTERY_S, EnergyMeter
    from edgeft.bench.machine import peak_rss_bytes
    from edgeft.bench.scenarios import (
        LEAST_S,
        Load,
        all_texts,
        answers_to,
        arrivals,
        single_texts,
        warm,
    )

    kind, _, number = str(model.device).partition(":")
    meter = EnergyMeter(gpu=int(number) if kind in ("cuda", "tensorrt") else None)
    inputs = [input_from(one) for one in job["inputs"]]
    warmed = warm(model, input_from(job["first"]), inputs)
    singles = offline = highest = highest_rate = None
    trials: list[Any] = []
    if job["singles"]:
        asked = [input_from(one) for one in job["singles"]]
        singles = single_texts(model, trace, asked, job["most_s"])
    if job["offline"]:
        least_s = BATTERY_S if job["patient"] and meter.source == "battery" else LEAST_S
        offline = all_texts(model, trace, inputs, meter, least_s)
    peak = peak_rss_bytes()  # before the callers of the next scenario take memory of their own
    if job["load"]:

        def most() -> float:
            done = offline or all_texts(model, trace, inputs, meter)
            return done.texts_per_s

        load = Load(**job["load"])
        trials, highest = arrivals(model, inputs, load, most)
        if load.slo_ms is not None:
            highest_rate = highest.rate_texts_per_s if highest else 0.0
    return {
        "device": str(model.device),
        "threads": model.threads,
        "warmup_calls": warmed.calls,
        "steady": warmed.steady,
        "singles": singles and vars(singles),
        "offline": offline and vars(offline),
        "trials": [vars(one) for one in trials],
        "highest": highest and vars(highest),
        "highest_rate": highest_rate,
        "peak_rss_bytes": peak,
        "answers": answers_to(model, inputs) if job["answers"] else [],
    }


def _beats(answers: IO[str]) -> Callable[[], None]:
    """What to call after a batch; callers may be several at a time."""
    lock, last = threading.Lock(), [time.monotonic()]

    def beat() -> None:
        if time.monotonic() - last[0] >= BEAT_S and lock.acquire(blocking=False):
            with suppress(OSError):  # who asked is gone
                _send(answers, {})
            last[0] = time.monotonic()
            lock.release()

    return beat


def _send(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
