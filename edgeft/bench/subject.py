"""What is measured: a bundle, or any ONNX model folder that optimum exported."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

from edgeft.bundle import (
    MANIFEST,
    Golden,
    Manifest,
    ModelRecord,
    PipelineStep,
    TensorRecord,
    Variant,
    read_manifest,
    record_files,
    write_manifest,
)
from edgeft.bundle.integrity import check_files
from edgeft.bundle.manifest import FOREIGN
from edgeft.errors import BundleError, DependencyError, OutputError
from edgeft.runtime.graphfile import keeps_weights_elsewhere, read_ends
from edgeft.tasks import FOREIGN_TASK, TASKS, task_named

__all__ = ["Subject", "is_foreign", "open_subject"]

Tensors = tuple[TensorRecord, ...]
LONGEST = 512  # tokens, where a folder does not say what its model takes
LARGEST = (1 << 31) - 1  # bytes of a protobuf message
TOO_LONG = 1 << 20  # transformers writes some 10^30 for "not known"
# These number positions from pad_token_id + 1. Training and export see that from the model itself;
# a folder of graphs has only its name.
OFFSET_POSITIONS = (
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke",
    "markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip
# Words in a file's name, and the precision that they stand for.
PRECISIONS = {"fp16": "fp16", "float16": "fp16", "int8": "int8", "quant": "int8", "q8": "int8",
              "q4": "int4", "int4": "int4", "bnb4": "int4"}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A folder that the runtime can load, its manifest and its config.json.

    ``name`` is that of the folder that the user named.

    ``adopted`` is True where the folder was no bundle. ``unreadable`` says why variants
    cannot be opened.
    """

    folder: Path
    name: str
    manifest: Manifest
    config: Mapping[str, Any]
    adopted: bool
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether it gives answers, which can agree, and not only takes time."""
        return self.manifest.model.task != FOREIGN_TASK


@contextmanager
def open_subject(folder: Path) -> Iterator[Subject]:
    """A bundle as it is; another folder with ONNX files as a bundle in a temporary place.

    Such a folder needs config.json and tokenizer.json, as optimum writes them.
    A model that is of none of the tasks is timed alone. A file that is
    no graph is a variant that fails, unless there is no other. Raises
    BundleError, IntegrityError, FormatError, OutputError, and DependencyError where
    weights lie in other files and onnx is missing, which puts them into the graph.
    """
    name = folder.resolve().name
    if not is_foreign(folder):
        manifest = read_manifest(folder)
        check_files(folder, manifest.files, [manifest.model.tokenizer], verify="full")
        config = {}
        if "config.json" in manifest.files:
            check_files(folder, manifest.files, ["config.json"], verify="full")
            config = _json(folder / "config.json")
        yield Subject(folder, name, manifest, config, adopted=False)
        return
    with _scratch_folder() as work:
        config = _json(folder / "config.json")
        if not config or not (folder / "tokenizer.json").is_file():
            raise BundleError(
                f"{folder} has ONNX files, but not both config.json and tokenizer.json.",
                hint="Export it with: optimum-cli export onnx --model MODEL FOLDER",
            )
        try:
            manifest, unreadable = _adopt(folder, Path(work), config)
        except OSError as error:
            raise OutputError(
                f"{folder} could not be copied to {work}: {error.strerror}.",
                hint="Make room there, or name another place with TMPDIR.",
            ) from error
        told = {one: str(why).replace(str(folder), name) for one, why in unreadable.items()}
        yield Subject(Path(work), name, manifest, config, adopted=True, unreadable=told)


def is_foreign(folder: Path) -> bool:
    """Whether a folder holds ONNX graphs, but is no bundle."""
    return not (folder / MANIFEST).exists() and bool(_graphs(folder))


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="edgeft-bench-")
    except OSError as error:
        raise OutputError(
            f"A folder that is no bundle is copied before it is measured: {error.strerror}.",
            hint="Name a place for that with TMPDIR.",
        ) from error


def _adopt(
    folder: Path, into: Path, config: Mapping[str, Any]
) -> tuple[Manifest, dict[str, BundleError]]:
    """Write a bundle of the folder's graphs, without goldens; which cannot be opened, and why."""
    copyfile(folder / "tokenizer.json", into / "tokenizer.json")
    variants: dict[str, Variant] = {}
    task = FOREIGN_TASK
    labels: tuple[str, ...] = ()
    unreadable: dict[str, BundleError] = {}
    for path in _graphs(folder):
        precision = _precision(path.stem)
        name = path.stem.removeprefix("model").strip("_") or precision
        name = name if name not in variants else path.stem
        inputs: Tensors = ()
        outputs: Tensors = ()
        try:
            inputs, outputs = _take(path, into / path.name)
            if task == FOREIGN_TASK:
                task, labels = _task_of(outputs, config)
        except BundleError as error:  # it stays a variant, whose cells fail
            unreadable[name] = error
        variants[name] = Variant(
            files={"model": path.name},
            precision=precision,
            graph=FOREIGN,
            opset=0,
            inputs=inputs,
            outputs=outputs,
            golden=Golden({}, 0.0),
            batch_invariant=precision != "int8",
        )
    if len(unreadable) == len(variants):
        raise next(iter(unreadable.values()))
    record = ModelRecord(
        path=".",
        task=task,
        labels=labels,
        tokenizer="tokenizer.json",
        max_length=_max_length(folder, config),
        pad_id=_stated(config, "pad_token_id"),
        pad_type_id=0,
        normalize=(),
        golden_inputs=(),
        variants=variants,
    )
    manifest = Manifest(
        models={"main": record},
        pipeline=(PipelineStep("main"),),
        files=record_files(into),
        provenance={},
    )
    return write_manifest(into, manifest), unreadable


def _take(path: Path, into: Path) -> tuple[Tensors, Tensors]:
    """Copy a graph as one file; its inputs and outputs. Raises BundleError, DependencyError.

    No session is opened for that: the processes that measure open their own.
    """
    copyfile(path, into)  # even one that cannot be read is among the files, and has a size
    ends = read_ends(path)
    if keeps_weights_elsewhere(path):
        _gather_weights(path, into)
    return ends


def _gather_weights(path: Path, into: Path) -> None:
    """Write a graph with the weights inside that lie in other files."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{path} keeps weights in another file, and onnx, which can gather them, is missing.",
            hint="Install it with: pip install onnx",
        ) from error
    try:
        graph = onnx.load(path)
        size = graph.ByteSize()
    except Exception as error:  # of onnx, protobuf or the system
        raise BundleError(
            f"The weights that {path} keeps in another file cannot be gathered: {error}",
            hint="Export it anew.",
        ) from error
    if size > LARGEST:
        raise BundleError(f"{path} is larger than 2 GiB with its weights, too large to be loaded.")
    onnx.save(graph, into)


def _graphs(folder: Path) -> list[Path]:
    found = [*sorted(folder.glob("*.onnx")), *sorted(folder.glob("onnx/*.onnx"))]
    return list({path.name: path for path in reversed(found)}.values())[::-1]


def _task_of(outputs: Tensors, config: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The task whose head the config names and whose outputs are there, and its labels."""
    kinds = config.get("architectures")
    kind = str(kinds[0]) if isinstance(kinds, list) and kinds else ""
    given = {one.name: len(one.shape) for one in outputs}
    for task in map(task_named, TASKS):
        # Without a shape, the file does not state it.
        there = all(given.get(name) in (0, len(axes)) for name, axes in task.outputs.items())
        headed = kind.endswith(task.auto_class.removeprefix("AutoModel")) and task.is_of(config)
        if headed and there:
            labelled = any("labels" in axes for axes in task.outputs.values())
            labels = _labels_of(config) if labelled else ()
            if labels is not None:
                return task.name, labels
    return FOREIGN_TASK, ()


def _labels_of(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The labels that a config states; None where it does not state them as it should."""
    names = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers' default
    if not isinstance(names, dict) or not all(re.fullmatch("[0-9]{1,9}", one) for one in names):
        return None
    labels = tuple(str(names[at]) for at in sorted(names, key=int))
    return labels if len(set(labels)) == len(labels) else None


def _precision(stem: str) -> str:
    return next((kind for word, kind in PRECISIONS.items() if word in stem.lower()), "fp32")


def _max_length(folder: Path, config: Mapping[str, Any]) -> int:
    offset = 0
    if config.get("model_type") in OFFSET_POSITIONS:
        offset = _stated(config, "pad_token_id") + 1
    stated = [
        _stated(_json(folder / "tokenizer_config.json"), "model_max_length"),
        _stated(_json(folder / "sentence_bert_config.json"), "max_seq_length"),
        _stated(config, "max_position_embeddings") - offset,
        _stated(config, "n_positions"),
    ]
    return min((one for one in stated if 0 < one < TOO_LONG), default=LONGEST)


def _stated(content: Mapping[str, Any], name: str) -> int:
    """A size or id that a file states; 0 where it states none, or what is none."""
    found = content.get(name)
    return found if type(found) is int and 0 <= found < LARGEST else 0


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
