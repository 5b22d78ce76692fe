"""One export, from a checkpoint's name to a checked bundle."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.reference import encode, fills
from edgeft.data import Examples, Tell, inputs_in, unheard
from edgeft.data.source import open_lines
from edgeft.errors import UsageError
from edgeft.export.card import model_card
from edgeft.export.draft import Draft
from edgeft.export.factory import Factory, Rules
from edgeft.export.graph import export_graphs
from edgeft.export.kinds import ALL, VARIANT_KINDS, VECTORS, Materials, choose_kinds
from edgeft.export.notes import cautions, counted_from, cut_of_pairs, cut_shorter
from edgeft.export.overlap import overlap_notes, trained_on
from edgeft.export.provenance import provenance
from edgeft.export.references import make_reference
from edgeft.export.result import ExportResult
from edgeft.export.single_asked import check_single_file, make_single_file, not_made
from edgeft.export.single_file import check_extensions
from edgeft.export.static import is_static
from edgeft.export.targets import TARGETS, Target, resolve_target
from edgeft.folders import BUNDLE, new_folder
from edgeft.inputs import Input, Pair
from edgeft.progress import Progress, silent
from edgeft.proof.battery import hold_golden_again
from edgeft.proof.evidence import Evidence, read_evidence
from edgeft.proof.limits import MAX_DROP
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Part
from edgeft.tasks.head import NO_WISH, PLAIN, Wish
from edgeft.tasks.prompts import pairs_told, reading_pairs
from edgeft.tasks.reading import columns_named
from edgeft.tasks.task import PAIRS

__all__ = ["ExportConfig", "export"]

LEAST_LENGTH = 8  # tokens: what begins and ends a text, and a few words


@dataclass(frozen=True)
class ExportConfig:
    """What to export and how to check it.

    checkpoint: a local folder or a Hub id.
    task: what it is exported for; by default what its config says it was trained for.
    pooling: how a plain encoder gives one vector for a text: see ``checkpoint.sentences``.
    data: texts to check on, in any form that ``edgeft predict`` reads; labelled
        ones also choose and report: see ``evidence``. Without it, built-in texts.
    test: labelled texts that report, so that all of ``data`` can choose.
    scales: texts from which static int8 takes them; by default those that choose.
    skip_bad: leave out labelled rows whose annotation is wrong.
    variants: names from VARIANT_KINDS; fp32 is always there. Named variants
        must pass; of "all", or without names of the target's set, what fails is
        left out. "portable" is left out where fp32 is a graph of plain operators.
    optional: more of them, each left out where it fails.
    target: the machine that they are made for, one of variants.TARGETS or "this".
    max_length: tokens that are read of an input, fewer than the checkpoint takes: what is lost is
        counted from the whole.
    max_drop: percentage points that a variant may lose against torch.
    wish: thresholds to set on the rows that choose.
    original: the model that the checkpoint was made from (by trimming, say): what
        variants lose is counted from it.
    single_file: the variant that is also written as one file with its tokenizer.
    seed: of the split of ``data``.
    """

    checkpoint: str
    out: Path
    data: Path | None = None
    test: Path | None = None
    scales: Path | None = None
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    label_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answers_column: str | None = None
    skip_bad: bool = False
    variants: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    target: str = "avx2"
    max_length: int | None = None
    max_drop: float = MAX_DROP
    wish: Wish = NO_WISH
    allow_unfused: bool = False
    original: str = ""
    single_file: str = ""
    task: str | None = None
    pooling: str = ""
    seed: int = 0
    force: bool = False


def export(config: ExportConfig, progress: Progress = silent, tell: Tell = unheard) -> ExportResult:
    """Export a checkpoint to the bundle ``config.out``.

    The bundle appears, or with ``force`` replaces an older one, only after
    every variant was loaded through the runtime and met its gate. The
    checkpoint is not touched. What the readers of the texts decided is told.

    Raises UsageError, OutputError, DataError, ModelError, GateError,
    DependencyError.
    """
    target_name = resolve_target(config.target)
    _check(config, TARGETS[target_name])
    with new_folder(
        config.out,
        BUNDLE,
        force=config.force,
        inputs=[one for one in (config.data, config.test, config.scales) if one],
        models=[one for one in (config.checkpoint, config.original) if one],
    ) as folder:
        return _export(config, target_name, folder, progress, tell)


def _export(
    config: ExportConfig,
    target_name: str,
    folder: Path,
    progress: Progress,
    tell: Tell,
) -> ExportResult:
    target = TARGETS[target_name]
    for path in (config.data, config.test, config.scales):
        if path is not None and not path.exists():
            open_lines(path)  # which says so before a model is loaded, or fetched
    whole = open_checkpoint(config.checkpoint, config.task, pooling=config.pooling)
    checkpoint = _shortened(whole, config)
    usual = choose_kinds(config.variants, target, static=is_static(checkpoint))
    kinds = choose_kinds((*usual, *config.optional), target)
    if config.single_file:
        check_single_file(config.single_file, kinds, checkpoint)
    evidence = read_evidence(
        config.data,
        config.test,
        config.scales,
        task=checkpoint.task,
        columns=columns_named(vars(config)),
        seed=config.seed,
        tell=tell,
        on_bad="skip" if config.skip_bad else "error",
    )
    whole = _of_kind(whole, evidence)
    checkpoint = _shortened(whole, config)
    if told := pairs_told(checkpoint.head.pair_prompts):
        tell(told)
    checkpoint.task.check(config.wish, checkpoint.labels)
    if not isinstance(evidence.choose, Examples):
        hint = f"Name --{checkpoint.task.roles[-1]}-column."
        if config.original:
            raise UsageError("--original needs labelled --data.", hint=hint)
        if config.wish:
            raise UsageError("A threshold needs labelled --data.", hint=hint)
    original = _original(config, checkpoint, evidence) or (
        whole if checkpoint is not whole else None
    )
    seen = trained_on(checkpoint, evidence)
    chooser = make_reference(checkpoint, evidence.choose, original=original, progress=progress)
    reporter = chooser
    if evidence.report is not evidence.choose:
        reporter = make_reference(
            checkpoint, evidence.report, original=original, chooser=chooser, progress=progress
        )
    draft = Draft(folder, checkpoint, target)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        progress("exporting", 0, 1)
        graphs = export_graphs(
            checkpoint,
            Path(work),
            allow_unfused=config.allow_unfused,
            gathering=VECTORS in kinds,
        )
        progress("exporting", 1, 1)
        materials = Materials(
            graphs, target, _parts(checkpoint, evidence.scales or ()), fills(checkpoint)
        )
        factory = Factory(
            draft,
            materials,
            chooser,
            reporter,
            rules=Rules(frozenset(config.variants) - {ALL}, config.max_drop, config.wish),
            progress=progress,
        )
        for name in kinds:
            factory.produce(name)
    times = factory.compare_speed()
    single = make_single_file(config.single_file, draft, checkpoint, (chooser, reporter))
    manifest = draft.finish(
        provenance(
            checkpoint,
            evidence,
            target=target_name,
            variants=draft.variants,
            dropped=factory.dropped,
            notes=(
                *checkpoint.notes,
                *graphs.notes,
                *cut_shorter(checkpoint, whole),
                *counted_from(original if config.original else None),
                *cut_of_pairs(folder, checkpoint, evidence),
                *cautions(checkpoint, [one.head or PLAIN for one in draft.variants.values()]),
                *overlap_notes(evidence, seen, has_test=config.test is not None),
            ),
            trained_on=seen,
            single_file=single,
        )
    )
    result = ExportResult(
        out=config.out,
        manifest=manifest,
        layers=int(getattr(checkpoint.config, "num_hidden_layers", 0)),
        torch=reporter.scores,
        reports=factory.reports,
        times=times,
    )
    (folder / "README.md").write_text(
        model_card(config.out.absolute().name, result), encoding="utf-8"
    )
    hold_golden_again(
        folder,
        hint="Export without it, or run `edgeft doctor` to look at this machine.",
    )
    return result


def _check(config: ExportConfig, target: Target) -> None:
    """Raise UsageError where the request makes no sense, whatever the checkpoint."""
    kinds = choose_kinds(config.variants, target)
    if config.single_file:
        check_extensions()
        if config.single_file not in VARIANT_KINDS:
            raise not_made(config.single_file, kinds)
    if config.max_length is not None and config.max_length < LEAST_LENGTH:
        raise UsageError(
            f"--max-length {config.max_length} leaves no room for a text.",
            hint=f"Name at least {LEAST_LENGTH} tokens.",
        )
    if not 0 <= config.max_drop <= 100:
        raise UsageError(f"--max-drop {config.max_drop:g} is no number of points from 0 to 100.")
    if config.data is None:
        for given, what in (
            (config.label_column or config.answers_column, "A column was named"),
            (any(columns_named(vars(config)).values()) and not config.scales, "A column was named"),
            (config.test, "--test was given"),
            (config.original, "--original was given"),
            (config.wish, "A threshold was asked for"),
        ):
            if given:
                raise UsageError(f"{what}, but no --data.", hint="Add --data FILE.")
    scaled = [name for name in kinds if VARIANT_KINDS[name].takes_scales]
    if (
        scaled
        and config.variants
        and ALL not in config.variants
        and config.data is None
        and config.scales is None
    ):
        raise UsageError(
            f"{scaled[0]} takes its scales from texts of yours, and there are none.",
            hint="Add --scales FILE or --data FILE.",
        )


def _of_kind(checkpoint: Checkpoint, evidence: Evidence) -> Checkpoint:
    """A checkpoint that judges pairs, where the data are such and it does not say so itself.

    One that embeds reads them as their truths have it: see ``Task.sided``.
    """
    if not evidence.choose or not isinstance(inputs_in(evidence.choose)[0], Pair):
        return checkpoint
    if isinstance(evidence.choose, Examples):
        form = checkpoint.task.judging(evidence.choose.truths)
        checkpoint = replace(checkpoint, head=reading_pairs(checkpoint.head, form))
    task = task_named(checkpoint.task.name, PAIRS)
    return checkpoint if task is checkpoint.task else replace(checkpoint, task=task)


def _shortened(whole: Checkpoint, config: ExportConfig) -> Checkpoint:
    """The checkpoint as it reads no more tokens than were asked for."""
    if config.max_length is None or config.max_length == whole.max_length:
        return whole
    if config.max_length > whole.max_length:
        raise UsageError(
            f"--max-length {config.max_length:,} is more than the {whole.max_length:,} tokens that "
            f"{config.checkpoint} takes.",
            hint="Name fewer, or leave it out.",
        )
    return replace(whole, max_length=config.max_length)


def _original(
    config: ExportConfig, checkpoint: Checkpoint, evidence: Evidence
) -> Checkpoint | None:
    """The model that drops are counted from, where that is not the checkpoint itself."""
    if not config.original:
        return None
    task = checkpoint.task.name if checkpoint.task.embeds else None
    original = open_checkpoint(config.original, task, pooling=config.pooling)
    if (original.task.name, original.labels) != (checkpoint.task.name, checkpoint.labels):
        raise UsageError(
            f"{config.original} and {config.checkpoint} do not have the same labels.",
            hint="Name the model that the checkpoint was made from.",
        )
    return _of_kind(original, evidence)


def _parts(checkpoint: Checkpoint, inputs: Sequence[Input]) -> list[Part]:
    """What the model reads of the inputs, one after the other."""
    return [part for one in encode(checkpoint, inputs) for part in one.parts]
