"""One compression, from a checkpoint and limits to the bundle that meets them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bench.machine import describe_machine
from edgeft.bundle import Manifest
from edgeft.compress.config import CompressConfig
from edgeft.compress.frontier import Limits, MeasuredCandidate, choose
from edgeft.compress.ship import hold_reported, notes_of, ship
from edgeft.compress.trials import Trials
from edgeft.compress.work import claim_work
from edgeft.data import Tell, unheard
from edgeft.data.source import open_lines
from edgeft.errors import GateError
from edgeft.folders import claim_file
from edgeft.progress import Progress, silent

__all__ = ["CompressResult", "OnMeasured", "compress"]

OnMeasured = Callable[[Sequence[MeasuredCandidate], Mapping[str, str]], None]


@dataclass(frozen=True)
class CompressResult:
    """The bundle, which candidate it is, and all that were measured.

    left_out: candidates and sources that could not be made, with the reason. steps: those that this
    run took; what an earlier one had done is not among them.
    """

    out: Path
    manifest: Manifest
    chosen: MeasuredCandidate
    family: Sequence[MeasuredCandidate]
    left_out: Mapping[str, str]
    limits: Limits
    notes: Sequence[str]
    steps: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "bundle": str(self.out),
            "digest": self.manifest.digest,
            **self.manifest.provenance["compress"],
            "steps": list(self.steps),
        }


def compress(
    config: CompressConfig,
    *,
    on_measured: OnMeasured | None = None,
    progress: Progress = silent,
    tell: Tell = unheard,
) -> CompressResult:
    """Try a family of smaller models, and write the quickest that keeps every limit.

    Works in ``<out>.partial``, and goes on there with what an earlier run had done that was asked
    the same, whatever its limits of size and speed. ``on_measured`` is called with all candidates
    before one is chosen; what was decided is told.

    Raises UsageError, OutputError, DataError, ModelError, BundleError, DependencyError; GateError
    where no candidate keeps every limit, and then what was measured stays for the next request.
    """
    config.limits.check()
    files = [one for one in (config.data, config.test, config.train, *config.unlabelled) if one]
    for path in files:
        if not path.exists():
            open_lines(path)  # which says so
    with (
        claim_work(
            config.out, force=config.force, inputs=files, models=[config.checkpoint]
        ) as work,
        _claimed_page(config, files),
    ):
        run = Trials(config, work, progress, tell)
        steps = run.take()
        result = _choose(run, steps, on_measured)
        work.remove()
    return result


def _choose(run: Trials, steps: Sequence[str], on_measured: OnMeasured | None) -> CompressResult:
    family, left_out, limits = run.measured(), run.left_out(), run.config.limits
    if on_measured is not None:
        on_measured(family, left_out)
    try:
        best = choose(family, limits)
        hold_reported(best, limits)
    except GateError as error:  # the page shows a refused family, too, and why
        _draw(run.config, family, left_out, told=[f"Nothing was chosen. {error.message}"])
        raise
    notes = notes_of(best, family, limits)
    _draw(run.config, family, left_out, chosen=best.name, told=[f"Chosen: {best.name}.", *notes])
    found = {
        "chosen": best.name,
        "limits": vars(limits),
        "family": [one.to_dict() for one in family],
        "left_out": left_out,
        "data": run.data(),
        "seed": run.config.seed,
        "machine": {
            key: value
            for key, value in describe_machine().to_dict().items()
            if key in ("cpu", "features", "usable_cores", "system", "python")
        },
        "notes": notes,
    }
    manifest = ship(run.config, run.work, best, found)
    return CompressResult(run.config.out, manifest, best, family, left_out, limits, notes, steps)


@contextmanager
def _claimed_page(config: CompressConfig, files: Sequence[Path]) -> Iterator[None]:
    """Hold the place of the page, if one is wanted, and see that it can be drawn."""
    if config.page is None:
        yield
        return
    from edgeft.report.shell import is_page

    models = [config.checkpoint]
    with claim_file(config.page, force=config.force, inputs=files, models=models, alike=is_page):
        yield


def _draw(
    config: CompressConfig,
    family: Sequence[MeasuredCandidate],
    left_out: Mapping[str, str],
    *,
    chosen: str = "",
    told: Sequence[str],
) -> None:
    if config.page is None:
        return
    from edgeft.compress.page import write_frontier

    write_frontier(
        config.page,
        config.out.absolute().name,
        family,
        left_out,
        config.limits,
        chosen=chosen,
        told=told,
        machine=describe_machine().cpu,
    )
