"""One export, from a checkpoint's name to a checked bundle."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.reference import encode, fills
from edgeft.data import Examples, Tell, unheard
from edgeft.data.source import open_lines
from edgeft.errors import GateError, UsageError
from edgeft.export.card import model_card
from edgeft.export.draft import Draft
from edgeft.export.factory import Factory, Rules
from edgeft.export.graph import export_graphs
from edgeft.export.kinds import ALL, VARIANT_KINDS, VECTORS, Materials, choose_kinds
from edgeft.export.overlap import overlap_notes, trained_on
from edgeft.export.provenance import provenance
from edgeft.export.references import make_reference
from edgeft.export.result import ExportResult
from edgeft.export.single_file import (
    SINGLE_FILE,
    SingleFile,
    check_extensions,
    prove,
    write_single_file,
)
from edgeft.export.static import is_static
from edgeft.export.targets import TARGETS, Target, resolve_target
from edgeft.folders import BUNDLE, new_folder
from edgeft.inputs import Input, Pair
from edgeft.progress import Progress, silent
from edgeft.proof.battery import hold_golden_again
from edgeft.proof.evidence import Evidence, read_evidence
from edgeft.proof.gates import Reference
from edgeft.proof.limits import MAX_DROP
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import task_named
from edgeft.tasks.builtin import ENGLISH
from edgeft.tasks.classification import TASK
from edgeft.tasks.encoded import Part, cut_sides
from edgeft.tasks.reading import columns_named
from edgeft.tasks.task import NO_WISH, PAIRS, PLAIN, Wish

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
    kinds = choose_kinds(config.variants, target, static=is_static(checkpoint))
    if config.single_file:
        _check_single_file(config.single_file, kinds, checkpoint)
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
    checkpoint = _of_kind(checkpoint, evidence)
    checkpoint.task.check(config.wish, checkpoint.labels)
    if not isinstance(evidence.choose, Examples):
        hint = f"Name --{checkpoint.task.roles[-1]}-column."
        if config.original:
            raise UsageError("--original needs labelled --data.", hint=hint)
        if config.wish:
            raise UsageError("A threshold needs labelled --data.", hint=hint)
    original = _original(config, checkpoint) or (whole if checkpoint is not whole else None)
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
    single = _single_file(config, draft, checkpoint, (chooser, reporter))
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
                *_cut_shorter(checkpoint, whole),
                *_counted_from(original if config.original else None),
                *_cut_of_pairs(folder, checkpoint, evidence),
                *checkpoint.task.cautions(
                    [one.head or PLAIN for one in draft.variants.values()], _bare(checkpoint)
                ),
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
            raise _not_made(config.single_file, kinds)
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


def _not_made(variant: str, kinds: Sequence[str]) -> UsageError:
    return UsageError(
        f"--single-file {variant}: no such variant is made.",
        hint=f"These are: {', '.join(kinds)}.",
    )


def _check_single_file(variant: str, kinds: Sequence[str], checkpoint: Checkpoint) -> None:
    """Raise UsageError where no single file can stand for the model, or for that variant."""
    if variant not in kinds:
        raise _not_made(variant, kinds)
    if checkpoint.task.name == TASK.name and str not in checkpoint.task.takes:
        raise UsageError(
            "A single file is asked one text at a time, and this model was made for pairs.",
            hint="Export without --single-file; the folder runs wherever onnxruntime does.",
        )
    if checkpoint.task.name != TASK.name:
        raise UsageError(
            "A single file answers with one label a text; it cannot tell where in a text something "
            f"stands, as a model of the task {checkpoint.task.name} does."
            if checkpoint.task.by_token
            else "A single file answers with one label a text, which a model of the task "
            f"{checkpoint.task.name} does not.",
            hint="Export without --single-file; the folder runs wherever onnxruntime does.",
        )
    if checkpoint.normalize:
        raise UsageError(
            f"The model's texts are normalized first ({', '.join(checkpoint.normalize)}), which a "
            "single file cannot do.",
            hint="Export without --single-file, or a checkpoint whose texts are taken as they are.",
        )


def _single_file(
    config: ExportConfig, draft: Draft, checkpoint: Checkpoint, references: Sequence[Reference]
) -> SingleFile | None:
    """Write the variant that was asked for with its tokenizer inside, and prove it."""
    name = config.single_file
    if not name:
        return None
    if name not in draft.variants:
        raise GateError(
            f"{name} was left out, so there is no single file of it.",
            hint="Nothing was written. Choose another variant: --single-file fp32",
        )
    tokenizer = (draft.folder / "tokenizer.json").read_bytes()
    pad_id = checkpoint.pad_id
    encoder = TextEncoder(tokenizer, checkpoint.max_length, empty=pad_id)
    to_ids = write_single_file(
        draft.path(name),
        draft.folder / SINGLE_FILE,
        json.loads(tokenizer),
        labels=checkpoint.labels,
        temperature=(draft.variants[name].head or PLAIN).temperature,
        encoder=encoder,
        pad_id=pad_id,
        max_length=checkpoint.max_length,
    )
    inputs = dict.fromkeys(one for reference in references for one in reference.texts)
    texts = [one for one in inputs if isinstance(one, str)]
    # Of the built-in texts, which are in many scripts, only the English ones must be read alike.
    held = texts if references[0].source == "data" else texts[:ENGLISH]
    with draft.open(name) as model:
        return prove(model, draft.folder / SINGLE_FILE, to_ids, encoder, texts, held=held)


def _of_kind(checkpoint: Checkpoint, evidence: Evidence) -> Checkpoint:
    """A checkpoint that judges pairs, where the data are such and it does not say so itself."""
    if not evidence.choose or not isinstance(_inputs(evidence.choose)[0], Pair):
        return checkpoint
    task = task_named(checkpoint.task.name, PAIRS)
    return checkpoint if task is checkpoint.task else replace(checkpoint, task=task)


def _inputs(rows: Examples | Sequence[Input]) -> Sequence[Input]:
    return rows.inputs if isinstance(rows, Examples) else rows


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


def _cut_shorter(checkpoint: Checkpoint, whole: Checkpoint) -> list[str]:
    if checkpoint.max_length == whole.max_length:
        return []
    return [
        f"It reads {checkpoint.max_length:,} tokens at a time, and the checkpoint "
        f"{whole.max_length:,}: points lost are counted from that."
    ]


def _cut_of_pairs(folder: Path, checkpoint: Checkpoint, evidence: Evidence) -> list[str]:
    """Which texts of the pairs that the data hold are cut, as a note."""
    rows = (evidence.choose, evidence.report)
    pairs = [one for one in dict.fromkeys(one for some in rows for one in _inputs(some or ()))
             if isinstance(one, Pair)]  # fmt: skip
    if not pairs:
        return []
    tokenizer = (folder / "tokenizer.json").read_bytes()
    encoder = TextEncoder(
        tokenizer, checkpoint.max_length, checkpoint.normalize, apart=checkpoint.task.embeds
    )
    cuts = (one.cuts for one in encoder.encode(pairs))
    found = cut_sides(cuts, checkpoint.task.asks, checkpoint.max_length)
    return [f"The data hold {checkpoint.task.asks.of(len(pairs))}. {found}"] if found else []


def _original(config: ExportConfig, checkpoint: Checkpoint) -> Checkpoint | None:
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
    return original


def _parts(checkpoint: Checkpoint, inputs: Sequence[Input]) -> list[Part]:
    """What the model reads of the inputs, one after the other."""
    return [part for one in encode(checkpoint, inputs) for part in one.parts]


def _counted_from(original: Checkpoint | None) -> list[str]:
    if original is None:
        return []
    return [
        "Points lost, and the scores of the original beside them, are those of the model that this "
        f"one was made from (sha256 of its weights {original.weights_sha256[:16]}…)."
    ]


def _bare(checkpoint: Checkpoint) -> int:
    """How many of the inputs that it learned from were without any marks, as far as is recorded."""
    report = checkpoint.training.get("data", {}).get("report")
    bare = report.get("bare") if isinstance(report, Mapping) else None
    return max(bare, 0) if isinstance(bare, int) else 0
