"""All parts, on Ray Data: what is missing is written; workers that die are started anew."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Unpack

from edgeft import errors
from edgeft.cluster.places import Folder
from edgeft.cluster.prepare import prepared
from edgeft.cluster.record import WHOLE_MARK, name_of
from edgeft.cluster.work import PartsJob, PartWorker
from edgeft.data import Tell, unheard
from edgeft.errors import DependencyError, RunError, UsageError, first_line
from edgeft.progress import Progress, silent
from edgeft.runtime.cpu import usable_cores
from edgeft.runtime.options import Options
from edgeft.settings import environment
from edgeft.tasks.task import Columns

__all__ = ["Done", "predict_parquet"]

NO_COLUMNS: Columns = {}
STORE_BYTES = 128 << 20  # of Ray's own memory for objects; numbers of parts are all that go there
# Nothing is reported to anybody; of its processes' own logs, what ends one.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


@dataclass(frozen=True)
class Done:
    """What a run did.

    rows, parts: in all. written: the parts that were missing before. empty: of their rows, those
    without a text. seconds: from the first of them begun to the last one ended.
    """

    rows: int
    parts: int
    written: int
    empty: int
    seconds: float


def predict_parquet(
    bundle: str | os.PathLike[str],
    source: str,
    out: str,
    *,
    columns: Columns = NO_COLUMNS,
    keep: Sequence[str] | None = None,
    scores: bool = False,
    workers: int | None = None,
    part_rows: int | None = None,
    tell: Tell = unheard,
    progress: Progress = silent,
    **options: Unpack[Options],
) -> Done:
    """Answer the rows of Parquet files by a bundle, on Ray, in parts that are written once each.

    source: a file, a folder or a pattern; a path or an address that fsspec reads. out: the folder
        of the parts, likewise. Both, and the bundle, are the same to every machine.
    columns: by role those that are read, as ``task.roles`` calls them; by default usual names.
    keep: the columns of the input that stand in the output; all by default.
    workers: of ``threads`` CPUs each; by default as many as there are CPUs for.
    part_rows: the rows of a part, at most; by default 20,000, and fewer where else there were not
        four parts for each worker. A run that goes on keeps to what it began with.
    options: of ``edgeft.load``; ``threads`` are those of each worker, by default 1. "auto" as a
        variant is settled once, here, for all workers.

    Ray is the caller's own where it runs, else that of RAY_ADDRESS, else one is started on this
    machine and ended with the run. A run that broke is run again by the same call: it writes what
    is missing. Raises UsageError, DataError, OutputError, and what ``edgeft.load`` raises.
    """
    _check_packages()
    if workers is not None and workers < 1:
        raise UsageError(f"workers must be 1 or more, not {workers}.")
    threads = options.get("threads") or 1
    likely = workers or max(1, usable_cores() // threads)
    job = prepared(
        bundle, source, out, columns, keep, scores, part_rows, likely, tell, options
    )  # fmt: skip
    place = Folder(job.out)
    written, empty, seconds = _write(job, workers, threads, progress)
    if missing := _missing(job):
        raise RunError(f"{len(missing)} parts are missing, and Ray says that all were written.")
    place.clear()
    place.put(WHOLE_MARK, "")
    return Done(sum(one.rows for one in job.parts), len(job.parts), written, empty, seconds)


def _check_packages() -> None:
    if missing := [one for one in ("ray", "pyarrow", "fsspec", "pandas") if find_spec(one) is None]:
        raise DependencyError(
            f"Running on Ray needs packages that are not installed: {', '.join(missing)}.",
            hint="Install them with: pip install 'edgeft[ray]'",
        )


def _missing(job: PartsJob) -> list[int]:
    there = {*(Folder(job.out).names() or ())}
    every = range(len(job.parts))
    return [at for at in every if name_of(at, len(job.parts)) not in there]


def _write(
    job: PartsJob, workers: int | None, threads: int, progress: Progress
) -> tuple[int, int, float]:
    """Write what is missing; give the parts written, rows without a text, and seconds."""
    missing = _missing(job)
    if not missing:
        return 0, 0, 0.0
    done = len(job.parts) - len(missing)
    progress("Parts", done, len(job.parts))
    empty, begins, ends = 0, [], []
    with _on_ray(workers, threads) as count:
        for told in _rows(job, missing, min(count, len(missing)), threads):
            if told["error"]:
                kind, message, hint = told["error"].split("\0")
                raise getattr(errors, kind)(message, hint=hint)
            empty += told["empty"]
            begins.append(told["begin"])
            ends.append(told["end"])
            done += 1
            progress("Parts", done, len(job.parts))
    return len(missing), empty, max(ends) - min(begins)


def _rows(
    job: PartsJob, missing: Sequence[int], workers: int, threads: int
) -> Iterator[dict[str, Any]]:
    """What is told of each part, as it is written; Ray does it again where a worker died."""
    import ray
    from ray.data import ActorPoolStrategy

    parts = [{"part": at} for at in missing]
    # A part at a time is handed to a worker, so that none waits behind another at the end.
    data = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
        PartWorker,
        fn_constructor_args=(job,),
        batch_size=1,
        num_cpus=threads,
        compute=ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
    )
    try:
        with _data_silent(ray.data.DataContext.get_current()):
            yield from data.iter_rows()
    except ray.exceptions.RayError as error:
        raise RunError(
            f"Ray gave up: {first_line(error).rstrip('.')}.",
            hint="Run it again to go on with what is missing.",
        ) from error


@contextmanager
def _data_silent(context: Any) -> Iterator[None]:
    """No bars and no lines of Ray Data's own: the caller shows progress."""
    log = logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.print_on_execution_start, log.level
    context.enable_progress_bars = context.print_on_execution_start = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before[:2]
        log.setLevel(before[2])


@contextmanager
def _handler_kept() -> Iterator[None]:
    """Give SIGTERM back to who had it: Ray takes it as it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _on_ray(workers: int | None, threads: int) -> Iterator[int]:
    """Ray, and how many workers there are; what is started here is ended here."""
    with environment(**{name: os.environ.get(name, one) for name, one in QUIET.items()}):
        import ray

        if ray.is_initialized():
            yield workers or _workers(ray, threads)
            return
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        try:
            if not os.environ.get("RAY_ADDRESS"):
                count = workers or max(1, usable_cores() // threads)
                quiet |= {"num_cpus": count * threads, "include_dashboard": False}
                quiet |= {"object_store_memory": STORE_BYTES}
            with _handler_kept():
                ray.init(**quiet)
        except Exception as error:  # of its own, of sockets, of processes that do not start
            raise RunError(
                f"Ray cannot be reached or started: {first_line(error).rstrip('.')}.",
                hint="RAY_ADDRESS names a cluster; without it one is started on this machine.",
            ) from error
        try:
            yield workers or _workers(ray, threads)
        finally:
            ray.shutdown()


def _workers(ray: Any, threads: int) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1) // threads))
