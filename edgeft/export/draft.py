"""A bundle in the making: variants are added, tried through the runtime, and kept or dropped."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

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
from edgeft.bundle.integrity import FileRecord
from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.pretrained import quiet, write_tokenizer
from edgeft.checkpoint.sentences import Sentences, write_sentences
from edgeft.export.graph import describe_graph
from edgeft.export.javascript import tell_javascript
from edgeft.export.kinds import VARIANT_KINDS
from edgeft.export.targets import TARGETS, Target
from edgeft.runtime.model import Model
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.narrowed import takes_of

__all__ = ["Draft"]

MODEL = "main"
UNCHECKED = FileRecord("0" * 64, 0)  # while the bundle is made, its files change


class Draft:
    """A bundle's folder, with tokenizer and config, and its variants so far."""

    def __init__(self, folder: Path, checkpoint: Checkpoint, target: Target) -> None:
        self.folder = folder
        self.labels = checkpoint.labels
        self.variants: dict[str, Variant] = {}
        self._checkpoint = checkpoint
        self._target = target
        write_tokenizer(checkpoint.tokenizer, folder, max_length=checkpoint.max_length)
        with quiet():
            checkpoint.config.save_pretrained(folder)
        if checkpoint.task.embeds:
            head = checkpoint.head
            write_sentences(
                Sentences(head.pooling, head.unit_length, None, head.prompts, head.prompt),
                folder,
                dimensions=head.dimensions,
                max_length=checkpoint.max_length,
            )
        (folder / "onnx").mkdir()

    def path(self, name: str) -> Path:
        """Where the variant's graph lies, or is to be written."""
        return self.folder / VARIANT_KINDS[name].file

    def add(self, name: str) -> None:
        """Take in a variant whose graph was written."""
        kind, graph = VARIANT_KINDS[name], describe_graph(self.path(name))
        self.variants[name] = Variant(
            files={"model": kind.file},
            precision=kind.precision,
            graph=graph.kind,
            opset=graph.opset,
            inputs=graph.inputs,
            outputs=graph.outputs,
            golden=Golden({}, 0.0),
            wants=kind.wants,
            batch_invariant=kind.batch_invariant,
            full_range=kind.full_range and not self._target.reduce_range,
            measured={"fused_attention": graph.fused_attention},
        )

    def change(self, name: str, **changes: object) -> None:
        """Record more of a variant."""
        self.variants[name] = replace(self.variants[name], **changes)  # type: ignore[arg-type]

    def decide(self, name: str, fitted: Head) -> None:
        """Record what rows set of a variant's head; the rest stays as the checkpoint has it."""
        fitted_fields = {
            one.name: getattr(fitted, one.name)
            for one in fields(Head)
            if getattr(fitted, one.name) != getattr(PLAIN, one.name)
        }
        self.change(name, head=replace(self._checkpoint.head, **fitted_fields))

    def drop(self, name: str) -> None:
        """Leave a variant out, its file too."""
        self.variants.pop(name, None)
        self.path(name).unlink(missing_ok=True)

    def open(self, name: str) -> Model:
        """Load a variant as a user would, but for the sums of files that still change."""
        graphs = [path for one in self.variants.values() for path in one.files.values()]
        files = dict.fromkeys(("tokenizer.json", *graphs), UNCHECKED)
        write_manifest(self.folder, self._manifest(files, {}))
        return edgeft.load(self.folder, device="cpu", variant=name, verify="off")

    def finish(self, provenance: Mapping[str, object]) -> Manifest:
        """Write the manifest, with every file's sum."""
        (self.folder / "edgeft.json").unlink(missing_ok=True)
        small = self._target is TARGETS["web"] and "int8" in self.variants
        tell_javascript(self.folder / "config.json", "int8" if small else "fp32")
        files = record_files(self.folder)
        return write_manifest(self.folder, self._manifest(files, provenance))

    def _manifest(
        self, files: Mapping[str, FileRecord], provenance: Mapping[str, object]
    ) -> Manifest:
        checkpoint = self._checkpoint
        record = ModelRecord(
            path=".",
            task=checkpoint.task.name,
            labels=checkpoint.labels,
            tokenizer="tokenizer.json",
            max_length=checkpoint.max_length,
            pad_id=checkpoint.pad_id,
            pad_type_id=int(checkpoint.tokenizer.pad_token_type_id),
            normalize=checkpoint.normalize,
            golden_inputs=checkpoint.task.golden,
            variants=self.variants,
            takes=takes_of(checkpoint.task),
            head=checkpoint.head,
        )
        return Manifest(
            models={MODEL: record},
            pipeline=(PipelineStep(MODEL),),
            files=files,
            provenance=provenance,
        )
