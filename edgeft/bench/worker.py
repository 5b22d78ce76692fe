"""One cell, measured in a process of its own: ``python -m edgeft.bench.worker``.

Two lines of JSON come in on stdin, up to two go out on stdout:

    in   {"bundle", "device", "variant", "threads", "text"}
    out  {"load_ms"}                          as soon as that text is predicted
    in   {"singles", "texts"}
    out  {"device", "threads", "warmup_calls", …}   see ``edgeft.bench.cell.Run``

An error goes out as {"error", "hint"} in place of either.
"""

# Kept light: these imports count in the time from process start to first prediction.
import json
import os
import sys
import time
from typing import IO, TYPE_CHECKING, Any

from edgeft.errors import EdgeftError

if TYPE_CHECKING:
    from edgeft.runtime.model import Model

WARM_TEXTS = 256  # of the file, predicted once and thrown away before the file is timed


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
    import onnxruntime  # noqa: F401  imported here so that load_ms is the time of loading alone

    from edgeft.runtime.load import load

    begin = time.perf_counter()
    model = load(
        job["bundle"], device=job["device"], variant=job["variant"], threads=job["threads"]
    )
    load_ms = (time.perf_counter() - begin) * 1e3
    with model:
        model.predict(job["text"])
        _send(answers, {"load_ms": load_ms})
        job |= json.loads(jobs.readline())
        _send(answers, _measure(model, job["text"], job["singles"], job["texts"]))


def _measure(model: "Model", text: str, singles: list[str], texts: list[str]) -> dict[str, Any]:
    from edgeft.bench.machine import peak_rss_bytes
    from edgeft.bench.measure import time_calls, warm_up

    warm = warm_up(lambda: model.predict(text))
    singles_ms = time_calls(model.predict, singles)
    model.predict(texts[:WARM_TEXTS])
    begin = time.perf_counter()
    predictions = model.predict(texts)
    file_s = time.perf_counter() - begin
    return {
        "device": str(model.device),
        "threads": model.threads,
        "warmup_calls": warm.calls,
        "steady": warm.steady,
        "singles_ms": singles_ms,
        "texts_per_s": len(texts) / file_s,
        "peak_rss_bytes": peak_rss_bytes(),
        "labels": [one.label for one in predictions],
    }


def _send(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
