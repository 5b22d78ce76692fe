"""One export, from a checkpoint's name to a checked bundle."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import edgeft
from edgeft.bundle import (
    Golden,
    Manifest,
    ModelRecord,
    PipelineStep,
    Variant,
    record_files,
    write_manifest,
)
from edgeft.data import Examples, read_examples_or_texts
from edgeft.errors import ModelError, UsageError
from edgeft.export.card import model_card
from edgeft.export.checkpoint import Checkpoint, open_checkpoint
from edgeft.export.golden import GOLDEN_TEXTS
from edgeft.export.graph import describe_graph, export_graph
from edgeft.export.provenance import provenance
from edgeft.export.quantize import TARGETS, quantize, reduces_range
from edgeft.export.result import ExportResult
from edgeft.export.verify import Reference, VariantReport, check_variant, make_reference
from edgeft.folders import check_destination, new_folder
from edgeft.pretrained import quiet, write_tokenizer
from edgeft.progress import Progress, silent
from edgeft.runtime.check import verify
from edgeft.tasks import Task

__all__ = ["VARIANTS", "ExportConfig", "export"]

VARIANTS = ("fp32", "int8")
FILES = {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}
MODEL = "main"


@dataclass(frozen=True)
class ExportConfig:
    """What to export and how to check it.

    checkpoint: a local folder or a Hub id.
    data: texts to check on, in any form that ``edgeft predict`` reads; with a
        label column, variants are also scored. Without it, built-in texts.
    variants: of "fp32" and "int8"; fp32 is always there.
    target: the CPU that int8 is made for, one of quantize.TARGETS.
    max_drop: percentage points that int8 may lose against torch.
    """

    checkpoint: str
    out: Path
    data: Path | None = None
    text_column: str | None = None
    label_column: str | None = None
    variants: tuple[str, ...] = VARIANTS
    target: str = "avx2"
    max_drop: float = 0.5
    force: bool = False


def export(config: ExportConfig, progress: Progress = silent) -> ExportResult:
    """Export a checkpoint to the bundle ``config.out``.

    The bundle appears, or with ``force`` replaces an older one, only after
    every variant was loaded through the runtime and met its gate. The
    checkpoint is not touched.

    Raises UsageError, OutputError, DataError, ModelError, GateError,
    DependencyError.
    """
    _check(config)
    check_destination(config.out, force=config.force)
    data = None
    if config.data is not None:
        data = read_examples_or_texts(
            config.data, text_column=config.text_column, label_column=config.label_column
        )
    checkpoint = open_checkpoint(config.checkpoint)
    reference = make_reference(checkpoint, data, progress=progress)
    with new_folder(config.out, force=config.force) as folder:
        graphs = _write_model(checkpoint, config, folder, progress)
        manifest = _manifest(checkpoint, config, data, graphs, folder)
        manifest, reports = _measured(manifest, folder, reference, config.max_drop, progress)
        manifest = write_manifest(folder, manifest)
        result = ExportResult(
            out=config.out,
            manifest=manifest,
            layers=int(getattr(checkpoint.config, "num_hidden_layers", 0)),
            torch=reference.scores,
            reports=reports,
        )
        (folder / "README.md").write_text(
            model_card(config.out.absolute().name, result), encoding="utf-8"
        )
        for name, one in verify(folder, device="cpu").items():  # the very files that are shipped
            if not one.golden.passed:
                raise ModelError(
                    f"{name} answers its golden texts differently each time it is loaded "
                    f"(by {one.golden.max_abs_difference:.2g}).",
                    hint="Export without it, or run `edgeft doctor` to look at this machine.",
                )
    return result


def _check(config: ExportConfig) -> None:
    unknown = sorted(set(config.variants) - set(VARIANTS))
    if unknown:
        raise UsageError(
            f"There is no variant {unknown[0]!r}.", hint=f"Choose from: {', '.join(VARIANTS)}."
        )
    if config.target not in TARGETS:
        raise UsageError(
            f"There is no target {config.target!r}.", hint=f"Choose from: {', '.join(TARGETS)}."
        )
    if not 0 <= config.max_drop <= 100:
        raise UsageError(f"--max-drop {config.max_drop:g} is no number of points from 0 to 100.")
    if config.data is None and (config.text_column or config.label_column):
        raise UsageError("A column was named, but no --data.", hint="Add --data FILE.")


# --- the files ---------------------------------------------------------------------


def _write_model(
    checkpoint: Checkpoint, config: ExportConfig, folder: Path, progress: Progress
) -> list[str]:
    """Write config, tokenizer and graphs; return the variants' names, fp32 first."""
    names = [name for name in VARIANTS if name == "fp32" or name in config.variants]
    write_tokenizer(checkpoint.tokenizer, folder, max_length=checkpoint.max_length)
    with quiet():
        checkpoint.config.save_pretrained(folder)
    (folder / "onnx").mkdir()
    progress("exporting", 0, len(names))
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        export_graph(checkpoint, folder / FILES["fp32"], Path(work))
        progress("exporting", 1, len(names))
        if "int8" in names:
            reduce_range = reduces_range(config.target)
            quantize(folder / FILES["fp32"], folder / FILES["int8"], reduce_range=reduce_range)
            progress("exporting", 2, len(names))
    return names


# --- the manifest ------------------------------------------------------------------


def _manifest(
    checkpoint: Checkpoint,
    config: ExportConfig,
    data: Examples | list[str] | None,
    names: Sequence[str],
    folder: Path,
) -> Manifest:
    """The manifest before anything was measured: without golden logits and figures."""
    tokenizer = checkpoint.tokenizer
    record = ModelRecord(
        path=".",
        tokenizer="tokenizer.json",
        max_length=checkpoint.max_length,
        pad_id=int(tokenizer.pad_token_id),
        pad_type_id=int(tokenizer.pad_token_type_id),
        normalize=checkpoint.normalize,
        golden_texts=GOLDEN_TEXTS,
        variants={name: _variant(name, folder, config.target) for name in names},
    )
    return Manifest(
        task=Task.TEXT_CLASSIFICATION,
        labels=checkpoint.labels,
        models={MODEL: record},
        pipeline=(PipelineStep(MODEL),),
        files=record_files(folder),
        provenance=provenance(checkpoint, data, target=config.target if "int8" in names else None),
        requires=("normalize",) if checkpoint.normalize else (),
    )


def _variant(name: str, folder: Path, target: str) -> Variant:
    graph = describe_graph(folder / FILES[name])
    return Variant(
        files={"model": FILES[name]},
        precision=name,
        graph=graph.kind,
        opset=graph.opset,
        inputs=graph.inputs,
        outputs=graph.outputs,
        golden=Golden((), 0.0),
        wants="int8-dot" if name == "int8" else "",
        batch_invariant=name != "int8",
        full_range=name == "int8" and not reduces_range(target),
        measured={"fused_attention": graph.fused_attention},
    )


# --- what is measured --------------------------------------------------------------


def _measured(
    manifest: Manifest,
    folder: Path,
    reference: Reference,
    max_drop: float,
    progress: Progress,
) -> tuple[Manifest, dict[str, VariantReport]]:
    """Check every variant through the runtime; return the manifest with its figures."""
    write_manifest(folder, manifest)
    reports, variants, golden = {}, {}, {}
    for name, variant in manifest.model.variants.items():  # fp32 first
        with edgeft.load(folder, device="cpu", variant=name, verify="off") as model:
            report = check_variant(model, reference, max_drop=max_drop, progress=progress)
            logits = model.logits(GOLDEN_TEXTS, alone=True)  # (G, C) float32
        golden[name] = logits.astype(np.float64).round(6)
        reports[name] = report
        lost = float(np.abs(golden[name] - golden["fp32"]).max())
        variants[name] = replace(
            variant,
            golden=Golden(
                logits=tuple(map(tuple, golden[name].tolist())),
                tolerance=_tolerance(name, lost, report),
            ),
            measured={**variant.measured, **report.to_dict()},
        )
    record = replace(manifest.model, variants=variants)
    return replace(manifest, models={MODEL: record}), reports


def _tolerance(name: str, lost: float, report: VariantReport) -> float:
    """How far another machine's golden logits may lie from these.

    fp32: float32 sums in another order. int8: a float32 difference of one part
    in ten million moves some activation by a step, which moves others, until
    the rounding is another one altogether. So two right machines differ by
    about what rounding costs: ``lost``, the largest golden difference from
    fp32, or the largest difference that neighbours in a batch made.
    """
    if name == "fp32":
        return 1e-3
    return round(max(lost, report.batch_max_abs_logit_diff, 0.01), 4)
