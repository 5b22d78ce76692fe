"""Whether an opened graph takes and gives what its task wants and the manifest records of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgeft.bundle import Variant
from edgeft.bundle.integrity import AGAIN
from edgeft.bundle.manifest import FOREIGN, KNOWN_INPUTS
from edgeft.errors import BundleError
from edgeft.tasks.task import Task

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["check_ends"]

IDS = "tensor(int64)"
FLOATS = ("tensor(float)", "tensor(float16)")


def check_ends(
    session: "onnxruntime.InferenceSession", variant: Variant, task: Task, labels: int, path: Path
) -> None:
    """Raise BundleError where a graph's inputs and outputs are not those of its task.

    It takes (B, T) int64 and gives floats, under the recorded names: each of the task's outputs
    with as many axes as the task says, that of the labels ``labels`` wide. ``path`` is what the
    message calls the graph. Of a foreign graph, types and shapes of the inputs do not matter.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    _check_names("inputs", [one.name for one in inputs], [one.name for one in variant.inputs], path)
    for one in inputs:
        dynamic = len(one.shape) == 2 and not any(isinstance(size, int) for size in one.shape)
        if one.name not in KNOWN_INPUTS:
            raise BundleError(f"{path} wants an input that is not known: {one.name!r}.")
        if variant.graph != FOREIGN and not (dynamic and one.type == IDS):
            raise _unfit(path, task, f"its input {one.name!r} is {one.type} of shape {one.shape}")
    if variant.graph != FOREIGN:
        recorded = [one.name for one in variant.outputs]
        _check_names("outputs", [one.name for one in outputs], recorded, path)
    given = {one.name: one for one in outputs}
    for name, axes in task.outputs.items():
        if name not in given:
            raise _unfit(path, task, f"it has no output {name!r}, but {', '.join(given)}")
        one = given[name]
        fits = len(one.shape) == len(axes) or (variant.graph == FOREIGN and not one.shape)
        sizes = zip(axes, one.shape, strict=False)
        wanted = {"labels": labels, "one": 1}
        other = any(isinstance(size, int) and size != wanted.get(axis, size)
                    for axis, size in sizes)  # fmt: skip
        if one.type not in FLOATS or not fits or other:
            found = f"its output {name!r} is {one.type} of shape {one.shape} for {labels} labels"
            raise _unfit(path, task, found)


def _check_names(what: str, found: list[str], recorded: list[str], path: Path) -> None:
    if sorted(found) != sorted(recorded) or found[:1] != recorded[:1]:
        raise BundleError(
            f"{path} has the {what} {', '.join(found)}; recorded are {', '.join(recorded)}.",
            hint=AGAIN,
        )


def _unfit(path: Path, task: Task, found: str) -> BundleError:
    return BundleError(
        f"{path} is no graph for {task.name}: {found}.",
        hint="Export the model again with: edgeft export",
    )
