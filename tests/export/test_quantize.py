from pathlib import Path

import numpy as np
import onnx
import pytest

from edgeft.export.quantize import quantize, reduces_range


@pytest.mark.parametrize(
    ("target", "features", "reduces"),
    [
        ("avx2", {"vnni"}, True),
        ("vnni", {"avx2"}, False),
        ("arm64", set(), False),
        ("this", {"avx2", "fma"}, True),
        ("this", {"avx2", "vnni"}, False),
        ("this", {"dotprod"}, False),
    ],
)
def test_the_range_is_reduced_where_products_saturate(
    target: str, features: set[str], reduces: bool
) -> None:
    assert reduces_range(target, features) is reduces


@pytest.mark.parametrize(("reduce_range", "largest"), [(True, 64), (False, 127)])
def test_weights_are_int8_within_the_range(
    tiny_bundle: Path, tmp_path: Path, reduce_range: bool, largest: int
) -> None:
    path = tmp_path / "int8.onnx"
    quantize(tiny_bundle / "onnx" / "model.onnx", path, reduce_range=reduce_range)
    model = onnx.load(path)
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    weights = [one for one in arrays.values() if one.dtype == np.int8 and one.ndim == 2]
    assert len(weights) == 10  # four products a layer, the pooler and the head
    assert max(int(np.abs(one.astype(int)).max()) for one in weights) == largest
    # Nothing large is left in float32, embeddings included.
    assert max(one.size for one in arrays.values() if one.dtype == np.float32) < 3 * 64
