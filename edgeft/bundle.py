"""The bundle: a folder with a model, its variants and the manifest ``edgeft.json``.

The manifest is the only file that edgeft adds to an ordinary Hugging Face
model folder. This module describes, reads, checks and writes it; it needs the
standard library alone.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edgeft.errors import BundleError, FormatError, IntegrityError
from edgeft.integrity import AGAIN, FileRecord, confined, record_of
from edgeft.tasks import Task

__all__ = [
    "FEATURES",
    "FORMAT",
    "MANIFEST",
    "Decision",
    "Golden",
    "Manifest",
    "ModelRecord",
    "PipelineStep",
    "TensorRecord",
    "Variant",
    "record_files",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "edgeft.json"
FORMAT = 1
# What a reader must know beyond format 1, and the first version that does.
FEATURES: Mapping[str, str] = {"normalize": "0.1.0", "decision": "0.1.0"}
UNRECORDED = (MANIFEST, "README.md")  # the manifest itself, and the card that people edit


@dataclass(frozen=True)
class TensorRecord:
    """A graph input or output; a str in ``shape`` names a dynamic axis."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Golden:
    """Logits of the model's golden texts, each run alone and unpadded.

    ``logits[i][c]`` belongs to golden text i and label c. An answer that
    differs by more than ``tolerance`` means that this machine computes the
    variant differently from the one that checked it.
    """

    logits: tuple[tuple[float, ...], ...]
    tolerance: float


@dataclass(frozen=True)
class Decision:
    """How scores become an answer.

    Scores are the softmax of logits / ``temperature``. ``label``, unless "", is
    given where its score reaches ``threshold`` and nowhere else. An answer whose
    score is below ``abstain_below`` is withheld.
    """

    temperature: float = 1.0
    label: str = ""
    threshold: float = 0.0
    abstain_below: float = 0.0


@dataclass(frozen=True)
class Variant:
    """The model's function in one precision.

    files: role to path in the bundle; the role "model" is the graph.
    graph: "onnx" (plain operators) or "ort-fused" (onnxruntime's own as well).
    wants: the CPU or GPU feature without which the variant is not worth
        running, "" for none: "int8-dot" (VNNI, AMX or Arm's dotprod), "cuda".
    batch_invariant: False where a text's logits depend on its batch neighbours.
    full_range: True where int8 weights use all 8 bits, so that x86 CPUs without
        VNNI overflow unless they compute in a slower way.
    decision: how its scores become answers.
    measured: figures from when the variant was checked, as JSON values.
    """

    files: Mapping[str, str]
    precision: str
    graph: str
    opset: int
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]
    golden: Golden
    wants: str = ""
    batch_invariant: bool = True
    full_range: bool = False
    decision: Decision = Decision()
    measured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRecord:
    """One tokenizer, one config and the variants that share them.

    ``path`` is the model's folder inside the bundle, ``tokenizer`` its
    tokenizer.json. Both are relative to the bundle, as are the variants' files.
    """

    path: str
    tokenizer: str
    max_length: int
    pad_id: int
    pad_type_id: int
    normalize: tuple[str, ...]
    golden_texts: tuple[str, ...]
    variants: Mapping[str, Variant]


@dataclass(frozen=True)
class PipelineStep:
    """A model in the order of asking; below ``threshold`` the next one is asked."""

    model: str
    threshold: float | None = None


@dataclass(frozen=True)
class Manifest:
    """The content of edgeft.json; ``digest`` is set by reading or writing it."""

    task: Task
    labels: tuple[str, ...]
    models: Mapping[str, ModelRecord]
    pipeline: tuple[PipelineStep, ...]
    files: Mapping[str, FileRecord]
    provenance: Mapping[str, Any]
    requires: tuple[str, ...] = ()
    format: int = FORMAT
    digest: str = ""

    @property
    def model(self) -> ModelRecord:
        """The model that is asked first."""
        return self.models[self.pipeline[0].model]


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``folder``/edgeft.json.

    Raises BundleError for a folder that is no bundle, FormatError for an
    unknown format or feature, IntegrityError where the digest does not fit.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder.", hint="Name a folder that export wrote.")
    path = confined(folder, MANIFEST)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _no_bundle(folder) from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not a JSON document: {error}.", hint=AGAIN) from None
    if not isinstance(content, dict) or "format" not in content:
        raise BundleError(f"{path} is not an edgeft manifest.", hint=AGAIN)
    _check_format(content, path)
    if content.get("digest") != digest_of(content):
        raise IntegrityError(f"{path} was changed after it was written.", hint=AGAIN)
    try:
        manifest = _manifest_from(content)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} lacks or misstates a field: {error!r}.", hint=AGAIN) from error
    for name in _paths_in(manifest):
        confined(folder, name)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write ``folder``/edgeft.json; return the manifest with its digest."""
    content = _content_of(manifest)
    content["digest"] = digest_of(content)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return replace(manifest, digest=content["digest"])


def record_files(folder: Path) -> dict[str, FileRecord]:
    """Record every file below ``folder`` but the manifest and the model card."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: record_of(path)
        for name, path in names.items()
        if path.is_file() and name not in UNRECORDED
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """ "sha256:" and the hash of a manifest in canonical form without its digest.

    Canonical: JSON with sorted keys, no white space, UTF-8.
    """
    rest = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _no_bundle(folder: Path) -> BundleError:
    if (folder / "config.json").exists():
        return BundleError(
            f"{folder} is a Hugging Face model folder, not a bundle: it has no {MANIFEST}.",
            hint=f"Make one with: edgeft export {folder} -o BUNDLE",
        )
    return BundleError(
        f"{folder} is no bundle: it has no {MANIFEST}.",
        hint="Name a folder that edgeft export wrote.",
    )


def _check_format(content: Mapping[str, Any], path: Path) -> None:
    if content["format"] != FORMAT:
        raise FormatError(
            f"{path} has format {content['format']!r}; this version reads format {FORMAT}.",
            hint="Update with: pip install --upgrade edgeft",
        )
    requires = content.get("requires", {})
    if not isinstance(requires, dict):
        raise BundleError(f"{path} misstates what it requires.", hint=AGAIN)
    unknown = {name: since for name, since in requires.items() if name not in FEATURES}
    if unknown:
        name, since = next(iter(unknown.items()))
        raise FormatError(
            f"{path} needs the feature {name!r}, which this version does not know.",
            hint=f"Update with: pip install 'edgeft>={since}'",
        )


def _content_of(manifest: Manifest) -> dict[str, Any]:
    content = asdict(manifest)
    content["task"] = manifest.task.value
    content["requires"] = {name: FEATURES[name] for name in manifest.requires}
    order = ("format", "digest", "requires", "task", "labels", "models", "pipeline", "provenance")
    content = {key: content[key] for key in (*order, "files")}
    return dict(json.loads(json.dumps(content)))  # tuples become lists, as a reader sees them


def _manifest_from(content: Mapping[str, Any]) -> Manifest:
    manifest = Manifest(
        format=content["format"],
        requires=tuple(content["requires"]),
        task=Task(content["task"]),
        labels=tuple(content["labels"]),
        models={name: _model_from(model) for name, model in content["models"].items()},
        pipeline=tuple(PipelineStep(**_known(PipelineStep, step)) for step in content["pipeline"]),
        files={
            name: FileRecord(**_known(FileRecord, record))
            for name, record in content["files"].items()
        },
        provenance=content["provenance"],
        digest=content["digest"],
    )
    for variant in manifest.model.variants.values():  # a pipeline without a model is misstated
        decision = variant.decision
        if not 0 < decision.temperature < math.inf:
            raise ValueError(f"temperature {decision.temperature}")
        if decision.label and decision.label not in manifest.labels:
            raise ValueError(f"threshold for {decision.label!r}")
    return manifest


def _model_from(content: Mapping[str, Any]) -> ModelRecord:
    return ModelRecord(
        **{
            **_known(ModelRecord, content),
            "normalize": tuple(content["normalize"]),
            "golden_texts": tuple(content["golden_texts"]),
            "variants": {name: _variant_from(one) for name, one in content["variants"].items()},
        }
    )


def _variant_from(content: Mapping[str, Any]) -> Variant:
    golden = content["golden"]
    return Variant(
        **{
            **_known(Variant, content),
            "inputs": _tensors_from(content["inputs"]),
            "outputs": _tensors_from(content["outputs"]),
            "golden": Golden(tuple(map(tuple, golden["logits"])), golden["tolerance"]),
            "decision": Decision(**_known(Decision, content.get("decision", {}))),
        }
    )


def _known(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version has; what a reader must know stands in ``requires``."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in content.items() if name in names}


def _tensors_from(content: Sequence[Mapping[str, Any]]) -> tuple[TensorRecord, ...]:
    return tuple(TensorRecord(one["name"], one["dtype"], tuple(one["shape"])) for one in content)


def _paths_in(manifest: Manifest) -> Iterable[str]:
    yield from manifest.files
    for model in manifest.models.values():
        yield model.tokenizer
        for variant in model.variants.values():
            yield from variant.files.values()
