"""What a graph would load is known before onnxruntime sees it."""

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeft.errors import BundleError
from edgeft.runtime.graphfile import check_graph, read_ends


def check(path: Path) -> None:
    with path.open("rb") as stream:
        check_graph(stream, path)


def graph_of(*nodes: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.GraphProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    return helper.make_graph(list(nodes), "g", ends[:1], ends[1:], initializer=list(weights))


def save(path: Path, graph: onnx.GraphProto) -> Path:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    return path


def external(name: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


IDENTITY = helper.make_node("Identity", ["x"], ["y"])
FOREIGN = helper.make_node("Steal", ["x"], ["y"], domain="com.example")


def test_exported_graphs_pass(tiny_bundle: Path) -> None:
    check(tiny_bundle / "onnx" / "model.onnx")
    check(tiny_bundle / "onnx" / "model_int8.onnx")


def test_an_unknown_domain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"'Steal' of 'com\.example'"):
        check(save(tmp_path / "m.onnx", graph_of(FOREIGN)))


def test_one_in_a_branch_of_a_branch_is_refused(tmp_path: Path) -> None:
    condition = numpy_helper.from_array(np.array(True), "c")
    inner = graph_of(FOREIGN)
    for _ in range(2):
        branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        inner = graph_of(branch, weights=(condition,))
    with pytest.raises(BundleError, match="Steal"):
        check(save(tmp_path / "m.onnx", inner))


def test_weights_elsewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="weights in another file"):
        check(save(tmp_path / "a.onnx", graph_of(IDENTITY, weights=(external("w"),))))
    constant = helper.make_node("Constant", [], ["y"], value=external("w"))
    with pytest.raises(BundleError, match="weights in another file"):
        check(save(tmp_path / "b.onnx", graph_of(constant)))


def test_an_engine_that_nobody_can_look_into_is_refused(tmp_path: Path) -> None:
    engine = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")
    with pytest.raises(BundleError, match="compiled engine"):
        check(save(tmp_path / "m.onnx", graph_of(engine)))


def test_a_tag_that_two_parsers_read_differently_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", graph_of(FOREIGN))
    plain = path.read_bytes()
    path.write_bytes(plain.replace(b"\x3a", b"\xba\x80\x80\x80\x10", 1))
    with pytest.raises(BundleError, match="is damaged"):
        check(path)


def test_functions_of_the_models_own_pass(tmp_path: Path) -> None:
    function = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    graph = graph_of(helper.make_node("Twice", ["x"], ["y"], domain="own"))
    model = helper.make_model(graph, functions=[function])
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    check(tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08", b"\x3a\xff\xff\x7f"])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(BundleError, match="is not an ONNX graph"):
        check(tmp_path / "m.onnx")


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_anywhere_is_at_most_an_error(
    tiny_bundle: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray((tiny_bundle / "onnx" / "model.onnx").read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    (tmp_path / "m.onnx").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    with contextlib.suppress(BundleError):  # and no other error
        check(tmp_path / "m.onnx")


# --- what a graph takes and gives -----------------------------------------------------


def test_the_ends_of_a_graph_are_those_that_a_session_tells(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    import onnxruntime

    weight = numpy_helper.from_array(np.zeros(1, np.float32), "w")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"]), helper.make_node("Identity", ["ids"], ["z"])],
        "g",
        [info("x", TensorProto.FLOAT, ["batch", None, 3]), info("w", TensorProto.FLOAT, [1]),
         info("ids", TensorProto.INT64, [])],
        [info("y", TensorProto.FLOAT, ["batch", None, 3]), info("z", TensorProto.INT64, [])],
        initializer=[weight],  # which older exporters list among the inputs, too
    )  # fmt: skip
    paths = [save(tmp_path / "graph.onnx", graph), *sorted((tiny_bundle / "onnx").glob("*.onnx"))]
    for path in paths:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        told = [
            [(one.name, one.type, [axis or "" for axis in one.shape]) for one in ends]
            for ends in (session.get_inputs(), session.get_outputs())
        ]
        found = [[(one.name, one.dtype, list(one.shape)) for one in ends]
                 for ends in read_ends(path)]  # fmt: skip
        assert found == told


@pytest.mark.parametrize("content", [b"", b"no model", b"\x3a\x00", b"\x3a\xff\x01"])
def test_the_ends_of_what_is_no_graph(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"graph\.onnx is not an ONNX graph"):
        read_ends(path)


class Shortened(io.BufferedReader):
    """A file that somebody else shortens while it is read."""

    def seek(self, place: int, whence: int = 0, /) -> int:
        os.truncate(self.raw.name, 100)  # type: ignore[attr-defined]
        return super().seek(place, whence)


def test_a_file_that_is_shortened_meanwhile_is_told(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.zeros(100_000, np.float32), "w")
    path = save(tmp_path / "m.onnx", graph_of(IDENTITY, weights=(weights,)))
    check(path)
    with Shortened(io.FileIO(path)) as stream, \
            pytest.raises(BundleError, match="is not an ONNX graph"):  # fmt: skip
        check_graph(stream, path)


SIZES = (b"\xff\xff\x7f", b"\xff" * 8 + b"\x7f", b"\xff" * 9 + b"\x01")  # up to 2^64 - 1


@pytest.mark.parametrize("field", [b"\x3a", b"\xca\x01"])  # the graph, a function
@pytest.mark.parametrize("size", SIZES)
def test_a_length_beyond_the_end_is_told(tmp_path: Path, field: bytes, size: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(field + size + b"\x52" + size + b"text")
    with pytest.raises(BundleError, match="is not an ONNX graph"):
        check(tmp_path / "m.onnx")
