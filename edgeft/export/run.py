"""One export, from a checkpoint's name to a checked bundle."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeft.data import Examples
from edgeft.errors import ModelError, UsageError
from edgeft.export.card import model_card
from edgeft.export.checkpoint import open_checkpoint
from edgeft.export.decide import NO_WISH, Wish, check_wish
from edgeft.export.draft import Draft
from edgeft.export.evidence import read_evidence
from edgeft.export.factory import Factory, Rules
from edgeft.export.graph import export_graphs
from edgeft.export.make import Materials
from edgeft.export.provenance import provenance
from edgeft.export.reference import fills, token_ids
from edgeft.export.result import ExportResult
from edgeft.export.variants import KINDS, choose_kinds, target_of
from edgeft.export.verify import make_reference
from edgeft.folders import check_destination, new_folder
from edgeft.progress import Progress, silent
from edgeft.runtime.check import verify

__all__ = ["ExportConfig", "export"]


@dataclass(frozen=True)
class ExportConfig:
    """What to export and how to check it.

    checkpoint: a local folder or a Hub id.
    data: texts to check on, in any form that ``edgeft predict`` reads; labelled
        ones also choose and report: see ``evidence``. Without it, built-in texts.
    test: labelled texts that report, so that all of ``data`` can choose.
    calibration: texts for static int8; by default those that choose.
    variants: names from variants.KINDS; fp32 is always there. Named variants
        must pass; without names the target's set is made, and what fails is left out.
    target: the machine that they are made for, one of variants.TARGETS or "this".
    max_drop: percentage points that a variant may lose against torch.
    wish: thresholds to set on the rows that choose.
    seed: of the split of ``data``.
    """

    checkpoint: str
    out: Path
    data: Path | None = None
    test: Path | None = None
    calibration: Path | None = None
    text_column: str | None = None
    label_column: str | None = None
    variants: tuple[str, ...] = ()
    target: str = "avx2"
    max_drop: float = 0.5
    wish: Wish = NO_WISH
    allow_unfused: bool = False
    seed: int = 0
    force: bool = False


def export(config: ExportConfig, progress: Progress = silent) -> ExportResult:
    """Export a checkpoint to the bundle ``config.out``.

    The bundle appears, or with ``force`` replaces an older one, only after
    every variant was loaded through the runtime and met its gate. The
    checkpoint is not touched.

    Raises UsageError, OutputError, DataError, ModelError, GateError,
    DependencyError.
    """
    kinds, target = _check(config), target_of(config.target)
    check_destination(config.out, force=config.force)
    evidence = read_evidence(
        config.data,
        config.test,
        config.calibration,
        text_column=config.text_column,
        label_column=config.label_column,
        seed=config.seed,
    )
    checkpoint = open_checkpoint(config.checkpoint)
    check_wish(config.wish, checkpoint.labels)
    if config.wish and not isinstance(evidence.choose, Examples):
        raise UsageError("A threshold needs labelled --data.", hint="Name --label-column.")
    chooser = make_reference(checkpoint, evidence.choose, progress=progress)
    reporter = chooser
    if evidence.report is not evidence.choose:
        reporter = make_reference(checkpoint, evidence.report, progress=progress)
    with new_folder(config.out, force=config.force) as folder:
        draft = Draft(folder, checkpoint, target)
        with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
            progress("exporting", 0, 1)
            graphs = export_graphs(checkpoint, Path(work), allow_unfused=config.allow_unfused)
            progress("exporting", 1, 1)
            materials = Materials(
                graphs, target, token_ids(checkpoint, evidence.calibration or ()), fills(checkpoint)
            )
            factory = Factory(
                draft,
                materials,
                chooser,
                reporter,
                rules=Rules(frozenset(config.variants), config.max_drop, config.wish),
                progress=progress,
            )
            for name in kinds:
                factory.produce(name)
        times = factory.compare_speed()
        manifest = draft.finish(
            provenance(
                checkpoint,
                evidence,
                target=config.target,
                variants=draft.variants,
                dropped=factory.dropped,
                notes=(*checkpoint.notes, *graphs.notes),
            )
        )
        result = ExportResult(
            out=config.out,
            manifest=manifest,
            layers=int(getattr(checkpoint.config, "num_hidden_layers", 0)),
            torch=reporter.scores,
            reports=factory.reports,
            max_drop=config.max_drop,
            times=times,
        )
        (folder / "README.md").write_text(
            model_card(config.out.absolute().name, result), encoding="utf-8"
        )
        _hold_golden(folder)
    return result


def _check(config: ExportConfig) -> list[str]:
    """The variants to make; raises UsageError where the request makes no sense."""
    kinds = choose_kinds(config.variants, config.target)
    if not 0 <= config.max_drop <= 100:
        raise UsageError(f"--max-drop {config.max_drop:g} is no number of points from 0 to 100.")
    if config.data is None:
        for given, what in (
            (config.text_column or config.label_column, "A column was named"),
            (config.test, "--test was given"),
            (config.wish, "A threshold was asked for"),
        ):
            if given:
                raise UsageError(f"{what}, but no --data.", hint="Add --data FILE.")
    calibrated = [name for name in kinds if KINDS[name].calibrated]
    if calibrated and config.variants and config.data is None and config.calibration is None:
        raise UsageError(
            f"{calibrated[0]} takes its scales from texts of yours, and there are none.",
            hint="Add --calibration FILE or --data FILE.",
        )
    return kinds


def _hold_golden(folder: Path) -> None:
    """Load the very files that are shipped once more; raises ModelError."""
    for name, one in verify(folder, device="cpu").items():
        if not one.golden.passed:
            raise ModelError(
                f"{name} answers its golden texts differently each time it is loaded "
                f"(by {one.golden.max_abs_difference:.2g}).",
                hint="Export without it, or run `edgeft doctor` to look at this machine.",
            )
