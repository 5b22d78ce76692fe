"""What is measured: a bundle, or any ONNX model folder that optimum exported."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from edgeft.errors import BundleError, OutputError
from edgeft.pretrained import OFFSET_POSITIONS
from edgeft.runtime.providers import resolve_device
from edgeft.runtime.session import SessionOptions, open_session
from edgeft.tasks import Task

__all__ = ["Subject", "open_subject"]

LONGEST = 512  # tokens, where a folder does not say what its model takes
TOO_LONG = 1 << 20  # transformers writes some 10^30 for "not known"
# Words in a file's name, and the precision that they stand for.
PRECISIONS = {"fp16": "fp16", "float16": "fp16", "int8": "int8", "quant": "int8", "q8": "int8",
              "q4": "int4", "int4": "int4", "bnb4": "int4"}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A folder that the runtime can load, its manifest and its config.json.

    ``name`` is that of the folder that the user named.

    ``adopted`` is True where the folder was no bundle. ``labelled`` says whether its
    answers are labels, and so whether they can agree.
    """

    folder: Path
    name: str
    manifest: Manifest
    config: Mapping[str, Any]
    adopted: bool
    labelled: bool


@contextmanager
def open_subject(folder: Path) -> Iterator[Subject]:
    """A bundle as it is; another folder with ONNX files as a bundle in a temporary place.

    Such a folder needs config.json and tokenizer.json, as optimum writes them.
    Of a model that gives something else than one row of scores a text, the mean of
    its first output stands for the answer: right to time, not to use. Raises
    BundleError, IntegrityError, FormatError.
    """
    if (folder / MANIFEST).exists() or not _graphs(folder):
        manifest = read_manifest(folder)
        yield Subject(
            folder, folder.resolve().name, manifest, _json(folder / "config.json"), False, True
        )
        return
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        config = _json(folder / "config.json")
        if not config or not (folder / "tokenizer.json").is_file():
            raise BundleError(
                f"{folder} has ONNX files, but not both config.json and tokenizer.json.",
                hint="Export it with: optimum-cli export onnx --model MODEL FOLDER",
            )
        try:
            manifest = _adopt(folder, Path(work), config)
        except OSError as error:
            raise OutputError(
                f"{folder} could not be copied to {work}: {error.strerror}.",
                hint="Make room there, or name another place with TMPDIR.",
            ) from error
        labelled = manifest.labels == _labels_of(config)
        yield Subject(Path(work), folder.resolve().name, manifest, config, True, labelled)


def _adopt(folder: Path, into: Path, config: Mapping[str, Any]) -> Manifest:
    """Write a bundle of the folder's graphs, without goldens."""
    copyfile(folder / "tokenizer.json", into / "tokenizer.json")
    variants: dict[str, Variant] = {}
    labels: tuple[str, ...] = ()
    for path in _graphs(folder):
        copyfile(path, into / path.name)
        session = open_session(
            into / path.name, resolve_device("cpu"), SessionOptions(threads=1), name=str(path)
        )
        outputs = tuple(_tensor(one) for one in session.get_outputs())
        labels = labels or _columns(outputs[0], config)
        precision = _precision(path.stem)
        name = path.stem.removeprefix("model").strip("_") or precision
        variants[name if name not in variants else path.stem] = Variant(
            files={"model": path.name},
            precision=precision,
            graph="onnx",
            opset=0,
            inputs=tuple(_tensor(one) for one in session.get_inputs()),
            outputs=outputs,
            golden=Golden((), 0.0),
            batch_invariant=precision != "int8",
        )
    record = ModelRecord(
        path=".",
        tokenizer="tokenizer.json",
        max_length=_max_length(folder, config),
        pad_id=int(config.get("pad_token_id") or 0),
        pad_type_id=0,
        normalize=(),
        golden_texts=(),
        variants=variants,
    )
    manifest = Manifest(
        task=next(iter(Task)),
        labels=labels,
        models={"main": record},
        pipeline=(PipelineStep("main"),),
        files=record_files(into),
        provenance={},
    )
    return write_manifest(into, manifest)


def _graphs(folder: Path) -> list[Path]:
    found = [*sorted(folder.glob("*.onnx")), *sorted(folder.glob("onnx/*.onnx"))]
    return list({path.name: path for path in reversed(found)}.values())[::-1]


def _columns(output: TensorRecord, config: Mapping[str, Any]) -> tuple[str, ...]:
    """What the answer's values stand for: labels, or their numbers where it is no classifier."""
    labels = _labels_of(config)
    if labels is not None and output.name == "logits" and len(output.shape) == 2:
        return labels
    width = output.shape[-1] if len(output.shape) > 2 else 1
    return tuple(f"column {at}" for at in range(width if isinstance(width, int) else 1))


def _labels_of(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The labels that a text classifier's config states; None for another kind of model."""
    kinds = config.get("architectures") or [""]
    if not str(kinds[0]).endswith("ForSequenceClassification"):
        return None
    names = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers' default
    return tuple(str(names[at]) for at in sorted(names, key=int))


def _precision(stem: str) -> str:
    return next((kind for word, kind in PRECISIONS.items() if word in stem.lower()), "fp32")


def _max_length(folder: Path, config: Mapping[str, Any]) -> int:
    offset = 0
    if config.get("model_type") in OFFSET_POSITIONS:
        offset = int(config.get("pad_token_id") or 0) + 1
    stated = [
        _json(folder / "tokenizer_config.json").get("model_max_length"),
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        (config.get("max_position_embeddings") or 0) - offset,
        config.get("n_positions"),
    ]
    return int(min((one for one in stated if one and 0 < one < TOO_LONG), default=LONGEST))


def _tensor(one: Any) -> TensorRecord:
    shape = tuple(size if isinstance(size, int | str) else "" for size in one.shape)
    return TensorRecord(one.name, one.type, shape)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
