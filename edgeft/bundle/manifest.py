"""What a manifest says: its dataclasses, and for each field its type and range.

The manifest is ``edgeft.json``, the only file that edgeft adds to a model
folder; ``bundle`` reads and writes it. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeft.bundle.integrity import FileRecord, leaves
from edgeft.errors import FormatError
from edgeft.fields import (
    FieldError,
    choice,
    entries,
    flag,
    listed,
    mapped,
    number,
    optional,
    record,
    repeated,
    text,
    whole,
)
from edgeft.inputs import Input, columns_of, input_from
from edgeft.normalize import STEPS
from edgeft.tasks.task import FOREIGN_TASK, PLAIN, TASKS, Head

__all__ = [
    "FEATURES",
    "FOREIGN",
    "FORMAT",
    "KNOWN_INPUTS",
    "LONGEST_LABEL",
    "MANIFEST",
    "Golden",
    "Manifest",
    "ModelRecord",
    "PipelineStep",
    "TensorRecord",
    "Variant",
    "manifest_from",
    "requires_of",
]

MANIFEST = "edgeft.json"
FORMAT = 1
LONGEST_LABEL = 10_000  # characters
# What a reader must know beyond format 1, and the first version that does.
# "records": task, labels and head stand in each model's record, and goldens are outputs by name.
FEATURES: Mapping[str, str] = {
    "normalize": "0.1.0",
    "decision": "0.1.0",
    "records": "0.2.0",
    **TASKS,
}
FIRST_TASK = "text-classification"  # which every version reads, so nobody need require it
LOGITS = "logits"  # the output of that task
KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
FOREIGN = "foreign"  # the kind of a graph whose outputs may be anything: bench times such


@dataclass(frozen=True)
class TensorRecord:
    """A graph input or output; a str in ``shape`` names a dynamic axis."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Golden:
    """Outputs for the model's golden inputs, each run alone and unpadded.

    ``outputs[name][i]`` are the values of golden input i, flat, row by row. One that
    differs by more than ``tolerance`` means that this machine computes the
    variant differently from the one that checked it.
    """

    outputs: Mapping[str, tuple[tuple[float, ...], ...]]
    tolerance: float

    def __bool__(self) -> bool:
        return any(self.outputs.values())


@dataclass(frozen=True)
class Variant:
    """The model's function in one precision.

    files: role to path in the bundle; the role "model" is the graph.
    graph: "onnx" (plain operators), "ort-fused" (onnxruntime's own as well) or
        "foreign" (a graph that edgeft did not make, whose outputs may be no scores).
    wants: the CPU or GPU feature without which the variant is not worth
        running, "" for none: "int8-dot" (VNNI, AMX or Arm's dotprod), "cuda".
    batch_invariant: False where a text's logits depend on its batch neighbours.
    full_range: True where int8 weights use all 8 bits, so that x86 CPUs without
        VNNI overflow unless they compute in a slower way.
    head: how its outputs become answers, where that is not as the model says.
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
    head: Head | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRecord:
    """One task, tokenizer and config, and the variants that share them.

    ``path`` is the model's folder inside the bundle, ``tokenizer`` its
    tokenizer.json. Both are relative to the bundle, as are the variants' files.
    ``labels`` are in the order of their ids; some tasks have none.
    """

    path: str
    task: str
    labels: tuple[str, ...]
    tokenizer: str
    max_length: int
    pad_id: int
    pad_type_id: int
    normalize: tuple[str, ...]
    golden_inputs: tuple[Input, ...]
    variants: Mapping[str, Variant]
    head: Head = PLAIN

    def head_of(self, variant: str) -> Head:
        """How the outputs of a variant become answers."""
        own = self.variants[variant].head
        return self.head if own is None else own


@dataclass(frozen=True)
class PipelineStep:
    """A model in the order of asking; below ``threshold`` the next one is asked."""

    model: str
    threshold: float | None = None


@dataclass(frozen=True)
class Manifest:
    """The content of edgeft.json; ``digest`` is set by reading or writing it."""

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


# --- every field, by type and range --------------------------------------------------

MOST_TOKENS = 1 << 20
MOST_BYTES = 1 << 50
FLOAT32 = 3.4028234e38
INT32 = (1 << 31) - 1

_NAME = text(1, 200, controls=False)
_TEXT = text(0, 100_000)


def _features(found: Any) -> tuple[str, ...]:
    return tuple(
        mapped(text(), choice(*FEATURES))(found)
    )  # by name, with the version that reads it


def _path(found: Any) -> str:
    path = text(1, 1000, controls=False)(found)
    if leaves(path):
        raise FieldError(f"is {path!r}, which leaves the folder")
    return path


def _input(found: Any) -> Input:
    try:
        one = input_from(found)
    except ValueError:
        raise FieldError("is no text, pair of texts or question with its context") from None
    for column in columns_of(one):
        _TEXT(column)
    return one


def _axis(found: Any) -> int | str:
    return text(0, 200)(found) if isinstance(found, str) else whole(0, INT32)(found)


_TENSOR = record(
    TensorRecord,
    name=_NAME,
    dtype=text(1, 40, controls=False),
    shape=listed(_axis, 0, 16),
)
_GOLDEN = record(
    Golden,
    outputs=mapped(listed(listed(number(-FLOAT32, FLOAT32), 0, 1 << 16), 0, 1000), _NAME, 0, 16),
    tolerance=number(0, 1e6),
)
_HEAD = record(
    Head,
    temperature=number(1e-3, 1e3),
    label=text(),
    threshold=number(0, 1),
    abstain_below=number(0, 1),
    aggregation=choice("first", "average", "max"),
    min_score=number(0, 1),
    null_margin=optional(number(-FLOAT32, FLOAT32)),
    max_answer_tokens=whole(1, MOST_TOKENS),
    top_k=whole(1, 1000),
)
_VARIANT = record(
    Variant,
    files=mapped(_path, choice("model"), 1),
    precision=text(1, 40, controls=False),
    graph=choice("onnx", "ort-fused", FOREIGN),
    opset=whole(0, 1000),
    inputs=listed(_TENSOR, 0, 64),
    outputs=listed(_TENSOR, 0, 64),
    golden=_GOLDEN,
    wants=text(0, 40, controls=False),
    batch_invariant=flag,
    full_range=flag,
    head=optional(_HEAD),
    measured=entries,
)
_MODEL = record(
    ModelRecord,
    path=_path,
    task=choice(*TASKS, FOREIGN_TASK),
    labels=listed(text(most=LONGEST_LABEL)),
    tokenizer=_path,
    max_length=whole(1, MOST_TOKENS),
    pad_id=whole(0, INT32),
    pad_type_id=whole(0, INT32),
    normalize=listed(choice(*STEPS), 0, 100),
    golden_inputs=listed(_input, 0, 1000),
    variants=mapped(_VARIANT, _NAME, 1, 1000),
    head=_HEAD,
)
_STEP = record(PipelineStep, model=_NAME, threshold=optional(number(0, 1)))
_FILE = record(FileRecord, sha256=text(pattern="[0-9a-f]{64}"), bytes=whole(0, MOST_BYTES))
_MANIFEST = record(
    Manifest,
    format=whole(FORMAT, FORMAT),
    digest=text(),
    requires=_features,
    models=mapped(_MODEL, _NAME, 1),
    pipeline=listed(_STEP, 1),
    files=mapped(_FILE, _path),
    provenance=entries,
)


def manifest_from(content: Mapping[str, Any]) -> Manifest:
    """The manifest that a JSON document states.

    Raises FieldError where a field is missing, misstated or does not fit the
    others, FormatError where it asks for what this version cannot do.
    """
    manifest = _MANIFEST(_of_today(content))
    _check_pipeline(manifest)
    try:
        _check_model(manifest, manifest.model)
    except FieldError as error:
        raise error.inside(manifest.pipeline[0].model).inside("models") from None
    return manifest


def requires_of(manifest: Manifest) -> tuple[str, ...]:
    """The features that a reader of a manifest must know."""
    models = manifest.models.values()
    decided = any(one.head_of(name) != PLAIN for one in models for name in one.variants)
    return (
        *("normalize",) * any(one.normalize for one in models),
        *("decision",) * decided,
        "records",
        *sorted({one.task for one in models} & TASKS.keys() - {FIRST_TASK}),
    )


def _of_today(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What version 0.1 wrote, in today's form; anything else is given back.

    Then one model's task and labels stood on top, goldens were logits, and a head a decision.
    """
    models = content.get("models")
    if "labels" not in content or not isinstance(models, dict):
        return content
    shared = {name: content[name] for name in ("task", "labels") if name in content}
    return {
        **content,
        "models": {name: _model_of_today(one, shared) for name, one in models.items()},
    }


def _model_of_today(model: Any, shared: Mapping[str, Any]) -> Any:
    if not isinstance(model, dict):
        return model
    today = {**shared, **_renamed(model, "golden_texts", "golden_inputs")}
    variants = model.get("variants")
    if isinstance(variants, dict):
        today["variants"] = {name: _variant_of_today(one) for name, one in variants.items()}
    return today


def _variant_of_today(variant: Any) -> Any:
    if not isinstance(variant, dict):
        return variant
    today, golden = _renamed(variant, "decision", "head"), variant.get("golden")
    if isinstance(golden, dict) and LOGITS in golden:
        today["golden"] = {**golden, "outputs": {LOGITS: golden[LOGITS]}}
    return today


def _renamed(content: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in content.items()}


def _check_pipeline(manifest: Manifest) -> None:
    steps = manifest.pipeline
    if len(manifest.models) > 1 or len(steps) > 1 or steps[0].threshold is not None:
        raise FormatError(
            f"It holds {len(manifest.models)} models, asked in {len(steps)} steps; "
            "this version reads one model that answers alone.",
            hint="Update with: pip install --upgrade edgeft",
        )
    if steps[0].model not in manifest.models:
        raise FieldError(f"names no model of the bundle: {steps[0].model!r}", "pipeline", 0)


def _check_model(manifest: Manifest, model: ModelRecord) -> None:
    if model.task == FIRST_TASK and not model.labels:
        raise FieldError("is []; it must be a list of 1 label or more", "labels")
    twice = repeated(model.labels)
    if twice is not None:
        raise FieldError(f"name {twice!r} twice", "labels")
    if model.head.label and model.head.label not in model.labels:
        raise FieldError(f"{model.head.label!r} is no label", "head", "label")
    if model.tokenizer not in manifest.files:
        raise FieldError("is not among the files", "tokenizer")
    for name, variant in model.variants.items():
        try:
            _check_variant(manifest, model, variant)
        except FieldError as error:
            raise error.inside(name).inside("variants") from None


def _check_variant(manifest: Manifest, model: ModelRecord, variant: Variant) -> None:
    labels = model.labels
    for role, path in variant.files.items():
        if path not in manifest.files:
            raise FieldError("is not among the files", "files", role)
    if variant.head and variant.head.label and variant.head.label not in labels:
        raise FieldError(f"{variant.head.label!r} is no label", "head", "label")
    for name, golden in variant.golden.outputs.items():
        if golden and len(golden) != len(model.golden_inputs):
            found = f"has {len(golden)} rows for {len(model.golden_inputs)} golden inputs"
            raise FieldError(found, "golden", "outputs", name)
        for at, row in enumerate(golden):
            whole = (
                len(row) == len(labels)
                if model.task == FIRST_TASK
                else not labels or (len(row) % len(labels) == 0)
            )
            if name == LOGITS and not whole:
                found = f"has {len(row)} numbers for {len(labels)} labels"
                raise FieldError(found, "golden", "outputs", name, at)
    if variant.graph != FOREIGN:
        _check_ends(variant, model)


def _check_ends(variant: Variant, model: ModelRecord) -> None:
    """The graph's recorded inputs and outputs can be those of the model's task.

    A text classifier gives a row of scores a text; others give one a token, or one number.
    """
    names = [one.name for one in variant.inputs]
    if "input_ids" not in names or len(set(names)) != len(names) or not set(names) <= KNOWN_INPUTS:
        found = f"name {', '.join(names) or 'nothing'}; known are {', '.join(sorted(KNOWN_INPUTS))}"
        raise FieldError(found, "inputs")
    if not variant.outputs:
        raise FieldError("name nothing", "outputs")
    labels, shape = len(model.labels), variant.outputs[0].shape
    of_texts = model.task == FIRST_TASK
    scored = of_texts or len(shape) == 3  # each along its last axis
    if len(shape) not in ((2,) if of_texts else (2, 3)) or (
        scored and isinstance(shape[-1], int) and shape[-1] != labels
    ):
        rows = "texts" if of_texts else "texts, tokens"
        found = f"is {list(shape)}; scores of {labels} labels are [{rows}, {labels}]"
        raise FieldError(found, "outputs", 0, "shape")
