from pathlib import Path

import numpy as np
import onnx
import pytest

from edgeft.checkpoint.open import open_checkpoint
from edgeft.errors import ModelError
from edgeft.export.graph import export_graphs
from edgeft.export.quantize import (
    convert_fp16,
    quantize_dynamic,
    quantize_int4,
    quantize_static,
    weight_nodes,
)
from edgeft.runtime.engine import Ends, PlainEngine
from edgeft.runtime.providers import DeviceName
from edgeft.runtime.session import SessionOptions, open_session
from tests.encoded import parts
from tests.export import architectures
from tests.train.conftest import rows

NAMES = ("input_ids", "attention_mask", "token_type_ids")
ENDS = Ends(NAMES, {}, {"logits": ("inputs", "labels")})


@pytest.fixture(scope="module")
def fused(tiny_bundle: Path) -> Path:
    return tiny_bundle / "onnx" / "model.onnx"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    return export_graphs(open_checkpoint(str(tiny_checkpoint)), tmp_path_factory.mktemp("g")).plain


@pytest.fixture(scope="module")
def ids(tiny_bundle: Path) -> list[list[int]]:
    """90 texts as the model reads them."""
    from edgeft.runtime.tokenize import TextEncoder

    encoder = TextEncoder((tiny_bundle / "tokenizer.json").read_bytes(), 64)
    return [one.ids for one in encoder.encode([text for text, _ in rows(90)])]


def arrays(path: Path) -> dict[str, np.ndarray]:
    model = onnx.load(path)
    return {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}


def logits(path: Path, ids: list[list[int]]) -> np.ndarray:
    session = open_session(path, DeviceName("cpu"), SessionOptions(1))
    engine = PlainEngine(session, ENDS)
    return np.concatenate([engine.run([one])["logits"] for one in parts(*ids)])


@pytest.mark.parametrize(("reduce_range", "largest"), [(True, 64), (False, 127)])
def test_weights_are_int8_within_the_range(
    fused: Path, tmp_path: Path, reduce_range: bool, largest: int
) -> None:
    path = tmp_path / "int8.onnx"
    quantize_dynamic(fused, path, reduce_range=reduce_range)
    found = arrays(path)
    weights = [one for one in found.values() if one.dtype == np.int8 and one.ndim == 2]
    assert len(weights) == 10  # four products a layer, the pooler and the head
    assert max(int(np.abs(one.astype(int)).max()) for one in weights) == largest
    # Nothing large is left in float32, embeddings included.
    assert max(one.size for one in found.values() if one.dtype == np.float32) < 3 * 64


def test_layers_are_left_in_float(fused: Path, tmp_path: Path) -> None:
    layers = weight_nodes(fused)
    assert len(layers) >= 11  # the embeddings too
    quantize_dynamic(fused, tmp_path / "a.onnx", reduce_range=True, leave=layers)
    assert not any(one.dtype == np.int8 for one in arrays(tmp_path / "a.onnx").values())
    quantize_dynamic(fused, tmp_path / "b.onnx", reduce_range=True, leave=layers[1:])
    assert (tmp_path / "b.onnx").stat().st_size < (tmp_path / "a.onnx").stat().st_size


@pytest.mark.parametrize("symmetric", [False, True])
def test_static_scales_are_fixed_beforehand(
    plain: Path, tmp_path: Path, ids: list[list[int]], symmetric: bool
) -> None:
    path = tmp_path / "static.onnx"
    quantize_static(plain, path, parts(*ids), ENDS, reduce_range=True, symmetric=symmetric)
    model = onnx.load(path)
    kinds = {node.op_type for node in model.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert "DynamicQuantizeLinear" not in kinds
    zeros = [one for name, one in arrays(path).items() if name.endswith("zero_point")]
    assert all((one == 0).all() for one in zeros) is symmetric
    expected, found = logits(plain, ids), logits(path, ids)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9


def test_static_int8_knows_no_neighbours(plain: Path, tmp_path: Path, ids: list[list[int]]) -> None:
    path = tmp_path / "static.onnx"
    quantize_static(plain, path, parts(*ids), ENDS, reduce_range=True, symmetric=False)
    session = open_session(path, DeviceName("cpu"), SessionOptions(1))
    together = PlainEngine(session, ENDS).run(parts(*ids))["logits"]
    # Padding is masked, so what is left is rounding: far below a step of the scales.
    np.testing.assert_allclose(together, logits(path, ids), atol=0.02)


def test_a_graph_without_weights_is_not_called_quantized(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["input_ids"], ["logits"])],
        "g",
        [value("input_ids", onnx.TensorProto.INT64, ["b", "t"])],
        [value("logits", onnx.TensorProto.INT64, ["b", "t"])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="left every activation as it was"):
        quantize_static(
            tmp_path / "m.onnx", tmp_path / "q.onnx", parts([1, 2]), Ends(("input_ids",), {}, {}),
            reduce_range=True, symmetric=False,
        )  # fmt: skip


def test_fp16_keeps_its_ends_and_its_answers(
    fused: Path, tmp_path: Path, ids: list[list[int]]
) -> None:
    convert_fp16(fused, tmp_path / "half.onnx")
    model = onnx.load(tmp_path / "half.onnx")
    assert {one.type.tensor_type.elem_type for one in model.graph.input} == {onnx.TensorProto.INT64}
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    large = [one for one in arrays(tmp_path / "half.onnx").values() if one.size > 1000]
    assert {one.dtype for one in large} == {np.dtype(np.float16)}
    np.testing.assert_allclose(logits(tmp_path / "half.onnx", ids), logits(fused, ids), atol=0.02)


def test_positions_are_counted_in_float32(tmp_path: Path) -> None:
    # MPNet takes the logarithm of a distance and cuts it to a whole number.
    from edgeft.export.run import ExportConfig, export

    checkpoint = architectures.mpnet(tmp_path / "c")
    result = export(ExportConfig(str(checkpoint), tmp_path / "b", variants=("fp16",)))
    assert result.reports["fp16"].agreement.max_abs_logit_diff < 0.02


def test_int4_is_smallest_and_knows_no_neighbours(
    plain: Path, tmp_path: Path, ids: list[list[int]]
) -> None:
    path = tmp_path / "q4.onnx"
    quantize_int4(plain, path)
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert {"MatMulNBits", "GatherBlockQuantized"} <= kinds
    assert path.stat().st_size < plain.stat().st_size / 2
    session = open_session(path, DeviceName("cpu"), SessionOptions(1))
    together = PlainEngine(session, ENDS).run(parts(*ids))["logits"]
    np.testing.assert_allclose(together, logits(path, ids), atol=1e-4)
