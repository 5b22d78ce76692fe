"""The variants that an export can make, and which of them suit which target."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeft.errors import UsageError
from edgeft.runtime.cpu import cpu_features, has_int8_dot

__all__ = [
    "ALL",
    "KINDS",
    "TARGETS",
    "Kind",
    "Target",
    "choose_kinds",
    "resolve_target",
]


@dataclass(frozen=True)
class Kind:
    """One way to write the model down.

    fused: made from the graph with onnxruntime's own operators, where there is one.
    wants: the CPU or GPU feature that it is made for.
    takes_scales: activations get their scales from texts of the user's.
    """

    file: str
    precision: str
    fused: bool = True
    wants: str = ""
    batch_invariant: bool = True
    takes_scales: bool = False


# File names follow those that transformers.js looks for, where it has one.
KINDS = {
    "fp32": Kind("onnx/model.onnx", "fp32"),
    "portable": Kind("onnx/model_portable.onnx", "fp32", fused=False),
    "int8": Kind("onnx/model_int8.onnx", "int8", wants="int8-dot", batch_invariant=False),
    "int8-static": Kind(
        "onnx/model_int8_static.onnx", "int8", fused=False, wants="int8-dot", takes_scales=True
    ),
    "fp16": Kind("onnx/model_fp16.onnx", "fp16", wants="cuda"),
    "int4": Kind("onnx/model_q4.onnx", "int4", fused=False),
}
ALL = "all"  # of the kinds, each of which may be left out


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


def choose_kinds(named: Sequence[str], target: Target) -> list[str]:
    """The variants to make, fp32 first: those that were named, or ALL, else the target's.

    Raises UsageError where one does not exist.
    """
    unknown = sorted(set(named) - {*KINDS, ALL})
    if unknown:
        raise UsageError(
            f"There is no variant {unknown[0]!r}.", hint=f"Choose from: {', '.join(KINDS)}, {ALL}."
        )
    if ALL in named:
        return list(KINDS)
    wanted = {"fp32", *(named or target.variants)}
    return [name for name in KINDS if name in wanted]
