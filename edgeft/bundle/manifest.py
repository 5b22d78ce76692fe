"""What a manifest says: its dataclasses.

The manifest is ``edgeft.json``, the only file that edgeft adds to a model
folder; ``folder`` reads and writes it. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgeft.bundle.integrity import FileRecord
from edgeft.inputs import Input
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.task import FIRST_TASK, TASKS

__all__ = [
    "CASCADE",
    "FEATURES",
    "FOREIGN",
    "FORMAT",
    "KNOWN_INPUTS",
    "LONGEST_LABEL",
    "CLASS_LOGITS",
    "MANIFEST",
    "MOST_TOKENS",
    "Golden",
    "Manifest",
    "ModelRecord",
    "PipelineStep",
    "TensorRecord",
    "Variant",
    "requires_of",
]

MANIFEST = "edgeft.json"
FORMAT = 1
LONGEST_LABEL = 10_000  # characters
MOST_TOKENS = 1 << 20  # of a text
# What a reader must know beyond format 1, and the first version that does.
# "records": task, labels and head stand in each model's record, and goldens are outputs by name.
FEATURES: Mapping[str, str] = {
    "normalize": "0.1.0",
    "decision": "0.1.0",
    "records": "0.2.0",
    "cascade": "0.2.0",
    **TASKS,
}
CASCADE = "cascade"  # in the place of a variant's name: all stages together
CLASS_LOGITS = "logits"  # the output of that task
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
    ``labels`` are in the order of their ids; some tasks have none. ``takes`` says of a model of a
    task that is asked both whether it was made for "pairs" or for "texts"; "" where nobody knows.
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
    takes: str = ""

    def head_of(self, variant: str) -> Head:
        """How the outputs of a variant become answers."""
        own = self.variants[variant].head
        return self.head if own is None else own


@dataclass(frozen=True)
class PipelineStep:
    """A model in the order of asking, alone or as one stage of a cascade.

    A cascade names the variant of each. Where the sureness of an answer is less than ``below`` the
    next stage is asked, always where that is 1, and never after the last, which has none.
    """

    model: str
    variant: str = ""
    below: float | None = None


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
        """The full model: the one that answers alone, or that a cascade asks last."""
        return self.models[self.pipeline[-1].model]

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of a cascade's stages in the order of asking; () where one model is alone.

        A stage is called as its model, with its variant behind that where another has the same.
        """
        if len(self.pipeline) == 1:
            return ()
        models = [step.model for step in self.pipeline]
        return tuple(
            step.model if models.count(step.model) == 1 else f"{step.model} {step.variant}"
            for step in self.pipeline
        )

    @property
    def answerers(self) -> tuple[str, ...]:
        """What ``steps_of`` knows: the full model's variants, the cascade, then its stages."""
        stages = [name for name in self.stages if name not in self.model.variants]
        return (*self.model.variants, *((CASCADE, *stages) if self.stages else ()))

    def steps_of(self, name: str) -> tuple[PipelineStep, ...]:
        """The steps that answer under a name: all of a cascade, or one model in a variant.

        () where nothing has that name.
        """
        if name in self.model.variants:
            return (PipelineStep(self.pipeline[-1].model, name),)
        if name == CASCADE and self.stages:
            return self.pipeline
        if name in self.stages:
            return (self.pipeline[self.stages.index(name)],)
        return ()

    def variants_of(self, name: str) -> tuple[Variant, ...]:
        """The variants in which the models of these steps run."""
        steps = self.steps_of(name)
        return tuple(self.models[step.model].variants[step.variant] for step in steps)

    def alone(self, model: str) -> "Manifest":
        """The same bundle as if that model were the one to answer."""
        return replace(self, pipeline=(PipelineStep(model),))


def requires_of(manifest: Manifest) -> tuple[str, ...]:
    """The features that a reader of a manifest must know."""
    models = manifest.models.values()
    decided = any(one.head_of(name) != PLAIN for one in models for name in one.variants)
    return (
        *("normalize",) * any(one.normalize for one in models),
        *("decision",) * decided,
        "records",
        *("cascade",) * (len(manifest.pipeline) > 1),
        *sorted({one.task for one in models} & TASKS.keys() - {FIRST_TASK}),
    )
