"""edgeft: fine-tune a compact text model, export it to ONNX, run it without torch.

model = edgeft.load("bundle")
model.predict("Shares fell after the report").label
"""

# Nothing is imported here, typing neither: the command listens to signals after this alone.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from edgeft.errors import EdgeftError
    from edgeft.inputs import Pair, Question
    from edgeft.runtime.load import load
    from edgeft.runtime.model import Model
    from edgeft.runtime.providers import Device
    from edgeft.runtime.vectors import Vectors, vectors_of
    from edgeft.tasks.answers import Answer
    from edgeft.tasks.classification import Classification
    from edgeft.tasks.embeddings import Embedding, Similarity
    from edgeft.tasks.entities import Entities, Entity
    from edgeft.tasks.labels import Labels
    from edgeft.tasks.numbers import Number
    from edgeft.tasks.ranked import Ranked

__version__ = "0.2.0"
__all__ = [
    "Answer",
    "Classification",
    "Device",
    "EdgeftError",
    "Embedding",
    "Entities",
    "Entity",
    "Labels",
    "Model",
    "Number",
    "Pair",
    "Question",
    "Ranked",
    "Similarity",
    "Vectors",
    "__version__",
    "load",
    "vectors_of",
]

_LAZY = {
    "Answer": "edgeft.tasks.answers",
    "Classification": "edgeft.tasks.classification",
    "Device": "edgeft.runtime.providers",
    "EdgeftError": "edgeft.errors",
    "Embedding": "edgeft.tasks.embeddings",
    "Entities": "edgeft.tasks.entities",
    "Entity": "edgeft.tasks.entities",
    "Labels": "edgeft.tasks.labels",
    "Model": "edgeft.runtime.model",
    "Number": "edgeft.tasks.numbers",
    "Pair": "edgeft.inputs",
    "Question": "edgeft.inputs",
    "Ranked": "edgeft.tasks.ranked",
    "Similarity": "edgeft.tasks.embeddings",
    "Vectors": "edgeft.runtime.vectors",
    "load": "edgeft.runtime.load",
    "vectors_of": "edgeft.runtime.vectors",
}


def __getattr__(name: str) -> "Any":
    # Heavy names are resolved when they are first used: `edgeft --help` needs no numpy.
    if name not in _LAZY:
        raise AttributeError(f"module 'edgeft' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
