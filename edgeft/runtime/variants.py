"""Which variant of a model suits a machine."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from edgeft.bundle import Variant
from edgeft.errors import UsageError
from edgeft.runtime.cpu import has_int8_dot

__all__ = ["choose_variant"]


def choose_variant(
    variants: Mapping[str, Variant], wanted: str, device: str, features: AbstractSet[str]
) -> str:
    """The name of the variant to run; raises UsageError where ``wanted`` does not exist.

    ``wanted`` is a name or "auto". The rule for "auto": fp16 on a GPU; on a CPU
    int8 where the CPU has int8 dot products, which is where it is faster; else
    fp32, which is always there and always right.
    """
    if wanted != "auto":
        if wanted in variants:
            return wanted
        raise UsageError(
            f"The bundle has no variant {wanted!r}.", hint=f"It has: {', '.join(variants)}."
        )
    if device == "cuda":
        order = ["fp16", "fp32"]
    elif has_int8_dot(features):
        order = ["int8", "fp32"]
    else:
        order = ["fp32"]
    return next((name for name in order if name in variants), next(iter(variants)))
