"""Dynamic int8 quantization."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from edgeft.pretrained import quiet
from edgeft.runtime.cpu import cpu_features, has_int8_dot

__all__ = ["TARGETS", "quantize", "reduces_range"]

TARGETS = ("avx2", "vnni", "arm64", "this")


def reduces_range(target: str, features: AbstractSet[str] | None = None) -> bool:
    """Whether weights must keep to 7 bits on the target CPU.

    x86 without VNNI adds pairs of int8 products in 16 bits, which 8-bit weights
    overflow ("saturation"; ONNX Runtime documentation, "Quantize ONNX models").
    ``target`` is one of TARGETS; "this" looks at ``features``, by default this
    machine's.
    """
    if target == "this":
        return not has_int8_dot(cpu_features() if features is None else features)
    return target == "avx2"


def quantize(source: Path, path: Path, *, reduce_range: bool) -> None:
    """Quantize the fp32 graph ``source`` to ``path``.

    Weights of matrix products and embeddings become int8, the products' with a
    scale for each output channel; activations are quantized as they arrive,
    with one scale for the whole batch.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet():
        quantize_dynamic(
            source,
            path,
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
            # Shape inference stops at onnxruntime's own operators; all tensors there are floats.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
