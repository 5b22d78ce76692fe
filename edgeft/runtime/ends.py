"""Whether an opened graph takes and gives what the manifest records of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgeft.bundle import Variant
from edgeft.bundle.integrity import AGAIN
from edgeft.bundle.manifest import FOREIGN, KNOWN_INPUTS
from edgeft.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["check_ends"]

IDS = "tensor(int64)"
SCORES = ("tensor(float)", "tensor(float16)")


def check_ends(
    session: "onnxruntime.InferenceSession", variant: Variant, labels: int, path: Path
) -> None:
    """Raise BundleError where a graph's inputs and outputs are not those of a text classifier.

    It takes (B, T) int64 and gives (B, ``labels``) floats first, under the
    recorded names. ``path`` is what the message calls the graph. Of a foreign
    graph only the inputs matter.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    _check_names("inputs", [one.name for one in inputs], [one.name for one in variant.inputs], path)
    for one in inputs:
        dynamic = len(one.shape) == 2 and not any(isinstance(size, int) for size in one.shape)
        if one.name not in KNOWN_INPUTS:
            raise BundleError(f"{path} wants an input that is not known: {one.name!r}.")
        if variant.graph != FOREIGN and not (dynamic and one.type == IDS):
            raise _unfit(path, f"its input {one.name!r} is {one.type} of shape {one.shape}")
    if variant.graph == FOREIGN:
        return
    _check_names(
        "outputs", [one.name for one in outputs], [one.name for one in variant.outputs], path
    )
    first = outputs[0]
    width = first.shape[1] if len(first.shape) == 2 else 0
    if first.type not in SCORES or (isinstance(width, int) and width != labels):
        raise _unfit(
            path, f"its output {first.name!r} is {first.type} of shape {first.shape} "
            f"for {labels} labels"
        )  # fmt: skip


def _check_names(what: str, found: list[str], recorded: list[str], path: Path) -> None:
    if sorted(found) != sorted(recorded) or found[:1] != recorded[:1]:
        raise BundleError(
            f"{path} has the {what} {', '.join(found)}; recorded are {', '.join(recorded)}.",
            hint=AGAIN,
        )


def _unfit(path: Path, found: str) -> BundleError:
    return BundleError(
        f"{path} is no graph of a text classifier: {found}.",
        hint="Export the model again with: edgeft export",
    )
