"""From a JSON document to a manifest: every field by type and range, and against the others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgeft.bundle.integrity import FileRecord, leaves
from edgeft.bundle.manifest import (
    CLASS_LOGITS,
    FEATURES,
    FOREIGN,
    FORMAT,
    KNOWN_INPUTS,
    LONGEST_LABEL,
    MOST_TOKENS,
    Golden,
    Manifest,
    ModelRecord,
    PipelineStep,
    TensorRecord,
    Variant,
)
from edgeft.bundle.older import of_today
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
from edgeft.tasks.head import PLAIN, POOLINGS, Head
from edgeft.tasks.task import FIRST_TASK, FOREIGN_TASK, PAIRS, TASKS, TEXTS

__all__ = ["manifest_from"]

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
    thresholds=listed(number(0, 1)),
    low=optional(number(-FLOAT32, FLOAT32)),
    high=optional(number(-FLOAT32, FLOAT32)),
    pooling=choice("", *POOLINGS),
    unit_length=flag,
    dimensions=whole(0, MOST_TOKENS),
    prompts=mapped(text(), _NAME, 0, 1000),
    prompt=text(0, 200),
    pair_prompts=listed(text(0, 200), 0, 2),
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
    takes=choice("", TEXTS, PAIRS),
)
_STEP = record(
    PipelineStep,
    model=_NAME,
    variant=text(0, 200, controls=False),
    below=optional(number(0, 1)),
)
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
    manifest = _MANIFEST(of_today(content))
    _check_pipeline(manifest)
    for name in dict.fromkeys(step.model for step in manifest.pipeline):
        try:
            _check_model(manifest, manifest.models[name])
        except FieldError as error:
            raise error.inside(name).inside("models") from None
    if len(manifest.pipeline) > 1:
        _check_cascade(manifest)
    return manifest


# --- fields that must fit each other ---------------------------------------------------


def _check_pipeline(manifest: Manifest) -> None:
    """Each step is of a model that is there, and says what one of so many steps does."""
    last = len(manifest.pipeline) - 1
    for at, step in enumerate(manifest.pipeline):
        if step.model not in manifest.models:
            raise FieldError(f"names no model of the bundle: {step.model!r}", "pipeline", at)
        if at == last and step.below is not None:
            found = f"is {step.below:g}, and there is no step after it"
            raise FieldError(found, "pipeline", at, "below")
        if at < last and step.below is None:
            raise FieldError("is missing: it says when the next is asked", "pipeline", at, "below")
        known = manifest.models[step.model].variants
        if step.variant not in (known if last else ("",)):
            found = f"is {step.variant!r}; " + (
                f"the model has {', '.join(known)}" if last else "a model alone has no such choice"
            )
            raise FieldError(found, "pipeline", at, "variant")
    asked = [(step.model, step.variant) for step in manifest.pipeline]
    for at, one in enumerate(asked):
        if one in asked[:at]:
            raise FieldError(f"asks {' '.join(one)} once more", "pipeline", at)
    for name in manifest.models:
        if not any(name == model for model, _ in asked):
            raise FieldError("is asked in no step of the pipeline", "models", name)


def _check_cascade(manifest: Manifest) -> None:
    """Every stage gives what the last one gives, so that one head reads all."""
    last, full = manifest.pipeline[-1].model, manifest.model
    for at, step in enumerate(manifest.pipeline):
        model = manifest.models[step.model]
        for name, its, theirs in (
            ("task", model.task, full.task),
            ("labels", model.labels, full.labels),
        ):
            if its != theirs:
                found = f"are not those of {last!r}" if name == "labels" else (
                    f"is {its}, and that of {last!r} is {theirs}"
                )  # fmt: skip
                raise FieldError(found, "models", step.model, name)
        variant = model.variants[step.variant]
        if variant.graph == FOREIGN:
            raise FieldError("is of a graph that gives no scores", "pipeline", at, "variant")
        if replace(model.head_of(step.variant), temperature=1.0) != PLAIN:
            raise FormatError(
                f"Stage {manifest.stages[at]} has thresholds of its own, which this version knows "
                "of single models only.",
                hint="Make the cascade of bundles that were exported without thresholds.",
            )


def _check_model(manifest: Manifest, model: ModelRecord) -> None:
    if model.task == FIRST_TASK and not model.labels:
        raise FieldError("is []; it must be a list of 1 label or more", "labels")
    twice = repeated(model.labels)
    if twice is not None:
        raise FieldError(f"name {twice!r} twice", "labels")
    _check_head(model.head, model.labels)
    if model.tokenizer not in manifest.files:
        raise FieldError("is not among the files", "tokenizer")
    for name, variant in model.variants.items():
        try:
            _check_variant(manifest, model, variant)
        except FieldError as error:
            raise error.inside(name).inside("variants") from None


def _check_head(head: Head, labels: tuple[str, ...]) -> None:
    if head.label and head.label not in labels:
        raise FieldError(f"{head.label!r} is no label", "head", "label")
    if head.thresholds and len(head.thresholds) != len(labels):
        found = f"are {len(head.thresholds)} for {len(labels)} labels"
        raise FieldError(found, "head", "thresholds")


def _check_variant(manifest: Manifest, model: ModelRecord, variant: Variant) -> None:
    labels = model.labels
    for role, path in variant.files.items():
        if path not in manifest.files:
            raise FieldError("is not among the files", "files", role)
    if variant.head:
        _check_head(variant.head, labels)
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
            if name == CLASS_LOGITS and not whole:
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
