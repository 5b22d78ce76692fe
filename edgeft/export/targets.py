"""Where models are to run, and which variants suit there."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeft.errors import UsageError
from edgeft.runtime.cpu import cpu_features, has_int8_dot

__all__ = ["TARGETS", "Target", "resolve_target"]


@dataclass(frozen=True)
class Target:
    """A kind of machine: what it gets, and how int8 must be written for it.

    reduce_range: weights keep to 7 bits, since pairs of products are added in 16
        bits, which 8-bit weights overflow ("saturation"; ONNX Runtime
        documentation, "Quantize ONNX models"): x86 CPUs without VNNI.
    symmetric: activations are int8 around zero, as TensorRT wants them.
    plain: it cannot take onnxruntime's own operators, so fp16 does without them.
    """

    variants: tuple[str, ...]
    reduce_range: bool = False
    symmetric: bool = False
    plain: bool = False


TARGETS = {
    "avx2": Target(("fp32", "int8"), reduce_range=True),
    "avx512": Target(("fp32", "int8"), reduce_range=True),
    "vnni": Target(("fp32", "int8", "int8-static")),
    "amx": Target(("fp32", "int8", "int8-static")),
    "arm64": Target(("fp32", "int8", "int8-static")),
    "cuda": Target(("fp32", "fp16"), reduce_range=True),
    "tensorrt": Target(("fp32", "portable", "int8-static", "fp16"), symmetric=True, plain=True),
    "coreml": Target(("fp32", "portable"), plain=True),
    "web": Target(("fp32", "portable", "int8", "int4"), reduce_range=True),
}


def resolve_target(name: str, features: AbstractSet[str] | None = None) -> str:
    """The name of a target in TARGETS; "this" is what ``features`` (by default this CPU's) fit.

    Raises UsageError.
    """
    if name == "this":
        found = cpu_features() if features is None else features
        if not has_int8_dot(found):
            return "avx2"
        return "arm64" if "neon" in found or "dotprod" in found else "vnni"
    if name not in TARGETS:
        raise UsageError(
            f"There is no target {name!r}.", hint=f"Choose from: {', '.join(TARGETS)}, this."
        )
    return name
