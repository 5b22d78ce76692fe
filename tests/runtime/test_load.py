"""load: nothing but the recorded bundle is loaded, and it answers as recorded."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, load_model

import edgeft
from edgeft.bundle import (
    MANIFEST,
    Golden,
    Manifest,
    TensorRecord,
    read_manifest,
    write_manifest,
)
from edgeft.data import labelled
from edgeft.errors import (
    BundleError,
    DataError,
    GateError,
    IntegrityError,
    RunError,
    UsageError,
)
from edgeft.proof.battery import evaluate, hold, verify
from edgeft.runtime.variants import Measurement, save_measurements
from tests import tiny
from tests.bundles import with_file, with_variant
from tests.encoded import logits_for

COLUMNS = {"text": "text", "label": "label"}

LONG = " ".join(tiny.WORDS * 6)  # 186 words; the tiny model reads 62 at a time


def load(bundle: Path, **options: object) -> edgeft.Model:
    return edgeft.load(bundle, **{"device": "cpu", "variant": "fp32", "threads": 1, **options})  # type: ignore[arg-type]


# --- trust ---------------------------------------------------------------------------


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_changed_byte_of_any_file_is_noticed(
    tiny_bundle: Path, tmp_path: Path, data: st.DataObject
) -> None:
    manifest = read_manifest(tiny_bundle)
    name = data.draw(st.sampled_from([MANIFEST, *manifest.files]))
    content = bytearray((tiny_bundle / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(tiny_bundle, copy)
    (copy / name).write_bytes(content)
    if name == MANIFEST and _same_document(tiny_bundle / name, copy / name):
        return  # white space between two fields
    with pytest.raises(BundleError) as caught:
        load(copy)
    assert name in str(caught.value) or MANIFEST in str(caught.value)


def _same_document(one: Path, other: Path) -> bool:
    try:
        return bool(json.loads(one.read_bytes()) == json.loads(other.read_bytes()))
    except ValueError:
        return False


def test_a_swapped_tokenizer_is_caught_by_the_golden_texts(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    content = json.loads((tiny_bundle / "tokenizer.json").read_text())
    words = content["model"]["vocab"]
    words["the"], words["a"] = words["a"], words["the"]
    forged = with_file(tiny_bundle, tmp_path / "b", "tokenizer.json", json.dumps(content).encode())
    with pytest.raises(IntegrityError, match="does not answer as recorded"):
        load(forged)


def test_other_answers_than_recorded_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    golden = read_manifest(tiny_bundle).model.variants["fp32"].golden
    moved = tuple(tuple(one + 5.0 for one in row) for row in golden.outputs["logits"])
    copy = with_variant(tiny_bundle, tmp_path / "b", "fp32", golden=Golden({"logits": moved}, 1e-3))
    for how in ("full", "fast"):
        with pytest.raises(IntegrityError, match="'fp32' does not answer as recorded") as caught:
            load(copy, verify=how)
        assert "'int8'" in caught.value.hint
    with load(copy, verify="off") as model:
        assert model.predict("the cat").label in tiny.LABELS
    with load(copy, variant="int8") as model:
        assert model.variant == "int8"


def test_the_expected_digest(tiny_bundle: Path) -> None:
    digest = read_manifest(tiny_bundle).digest
    with load(tiny_bundle, expect=digest) as model:
        assert model.manifest.digest == digest
    with pytest.raises(IntegrityError, match=f"has the digest {digest}, not sha256:00"):
        load(tiny_bundle, expect="sha256:00")


def test_a_link_out_of_the_bundle_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    (copy / "tokenizer.json").rename(tmp_path / "elsewhere.json")
    (copy / "tokenizer.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match="leaves the folder"):
        load(copy)


def test_a_graph_with_a_foreign_operator_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    graph = load_model(tiny_bundle / "onnx" / "model.onnx")
    graph.graph.node[0].domain = "com.example"
    graph.opset_import.append(helper.make_opsetid("com.example", 1))
    name = "onnx/model.onnx"
    forged = with_file(tiny_bundle, tmp_path / "b", name, graph.SerializeToString())
    with pytest.raises(BundleError, match=r"'com\.example', which is not built into"):
        load(forged)


def test_nothing_is_parsed_before_every_hash_is_checked(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    (copy / "tokenizer.json").write_bytes(b"{" * (copy / "tokenizer.json").stat().st_size)
    with pytest.raises(IntegrityError, match="sha256"):  # and no word of broken JSON
        load(copy)
    with pytest.raises(BundleError, match="cannot be loaded"):
        load(copy, verify="fast")


def test_unknown_inputs_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    inputs = read_manifest(tiny_bundle).model.variants["fp32"].inputs
    odd = (*inputs, replace(inputs[0], name="pixel_values"))
    with pytest.raises(BundleError, match=r"inputs name .*pixel_values; known are"):
        load(with_variant(tiny_bundle, tmp_path / "b", "fp32", inputs=odd))


def test_golden_answers_that_were_removed_are_missed(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = with_variant(tiny_bundle, tmp_path / "b", "fp32", golden=Golden({}, 1e-3))
    with pytest.raises(IntegrityError, match="no golden answers for 'fp32'") as caught:
        load(copy)
    assert 'verify="off"' in caught.value.hint
    assert not verify(copy, device="cpu")["fp32"].golden.passed
    with load(copy, verify="off") as model:
        assert model.predict("the cat").label in tiny.LABELS


def _edited(bundle: Path, to: Path, edit: Callable[[Any], object]) -> Path:
    """A copy whose fp32 graph was edited, recorded as if it belonged there."""
    graph = load_model(bundle / "onnx" / "model.onnx")
    edit(graph.graph)
    return with_file(bundle, to, "onnx/model.onnx", graph.SerializeToString())


def _moved(graph: Any) -> None:
    """Let the scores go by another name, so that something else can be the output."""
    for node in graph.node:
        node.output[:] = ["scores" if one == "logits" else one for one in node.output]


def _more_scores(graph: Any) -> None:
    """Append each text's scores once more."""
    _moved(graph)
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6
    graph.node.append(helper.make_node("Concat", ["scores", "scores"], ["logits"], axis=1))


def _renamed(graph: Any) -> None:
    graph.output[0].name = "other"
    graph.node.append(helper.make_node("Identity", ["logits"], ["other"]))


def _reshaped(graph: Any) -> None:
    """Give one long row, in an output whose size nobody states."""
    _moved(graph)
    del graph.output[0].type.tensor_type.shape.dim[:]
    for name in ("one", "many"):
        graph.output[0].type.tensor_type.shape.dim.add().dim_param = name
    graph.initializer.append(helper.make_tensor("shape", 7, [2], [1, -1]))
    graph.node.append(helper.make_node("Reshape", ["scores", "shape"], ["logits"]))


def _no_numbers(graph: Any) -> None:
    _moved(graph)
    graph.initializer.append(helper.make_tensor("zero", 1, [1], [0.0]))
    graph.node.append(helper.make_node("Sub", ["scores", "scores"], ["none"]))
    graph.node.append(helper.make_node("Div", ["none", "zero"], ["logits"]))


def test_a_graph_that_gives_something_else_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    renamed = _edited(tiny_bundle, tmp_path / "other", _renamed)
    for how in ("full", "off"):
        with pytest.raises(BundleError, match="has the outputs other; recorded are logits"):
            load(renamed, verify=how)
    output = TensorRecord("other", "float32", ("batch_size", 3))
    recorded = with_variant(renamed, tmp_path / "other2", "fp32", outputs=(output,))
    with pytest.raises(
        BundleError, match=r"for text-classification: it has no output 'logits', but ot"
    ):
        load(recorded)
    wide = _edited(tiny_bundle, tmp_path / "wide", _more_scores)
    with pytest.raises(BundleError, match=r"'logits' is tensor\(float\) of shape .* for 3 labels"):
        load(wide)


def test_an_output_of_unknown_size_is_held_to_the_labels(tiny_bundle: Path, tmp_path: Path) -> None:
    with load(_edited(tiny_bundle, tmp_path / "b", _reshaped), variant="fp32") as model:
        assert model.predict("the cat").label in tiny.LABELS
        with pytest.raises(RunError, match=r"shape \(1, 6\) for 2 texts and 3 labels"):
            model.predict(["the cat", "the dog"])


def test_scores_that_are_no_numbers_are_an_error(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = _edited(tiny_bundle, tmp_path / "b", _no_numbers)
    with pytest.raises(IntegrityError, match="does not answer as recorded"):
        load(bundle)
    told = "no numbers for 1 of 1 texts"
    with load(bundle, verify="off") as model:
        for ask in (
            lambda: model.predict("the cat"),
            lambda: model.predict(["the cat"]),
            lambda: asyncio.run(model.apredict("the cat")),
            lambda: evaluate(
                model,
                labelled("f.csv", ["the cat"], ["sad"], [2], COLUMNS),
            ),
        ):
            with pytest.raises(RunError, match=told):
                ask()
    found = verify(bundle, device="cpu")["fp32"].checked()["golden"]
    assert found == {"passed": False, "max_abs_difference": None, "tolerance": 0.001}
    checked = verify(bundle, ["the cat", "the dog"], device="cpu")
    assert (checked["fp32"].no_numbers, checked["fp32"].agreement) == (2, None)
    assert checked["int8"].agreement is None  # there is nothing to compare it with
    with pytest.raises(GateError, match="2 texts with values that are no numbers"):
        hold(checked, 100)


# --- tokenizers ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["panics", "fails"])
def test_a_tokenizer_that_fails_is_one_error(tiny_bundle: Path, tmp_path: Path, kind: str) -> None:
    content = json.loads((tiny_bundle / "tokenizer.json").read_text())
    if kind == "panics":
        content["pre_tokenizer"] = {"type": "FixedLength", "length": 0}
    else:
        del content["model"]["vocab"]["[UNK]"]
    bundle = with_file(tiny_bundle, tmp_path / "b", "tokenizer.json", json.dumps(content).encode())
    with pytest.raises(IntegrityError, match="cannot answer its golden texts: The tokenizer fail"):
        load(bundle)
    with load(bundle, verify="off") as model:
        for ask in (
            lambda: model.predict("中"),
            lambda: model.predict(["中", "the cat"]),
            lambda: model.predict("中" * 5000),
            lambda: list(model.stream(["中"] * 3000)),
            lambda: asyncio.run(model.apredict("中")),
        ):
            with pytest.raises(RunError, match="The tokenizer failed") as caught:
                ask()
            assert "copy the bundle again" in caught.value.hint


def test_a_tokenizer_that_panics_when_read_is_one_error(tiny_bundle: Path, tmp_path: Path) -> None:
    content = json.loads((tiny_bundle / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": ""}
    bundle = with_file(tiny_bundle, tmp_path / "b", "tokenizer.json", json.dumps(content).encode())
    with pytest.raises(BundleError, match=r"tokenizer\.json cannot be loaded: Precompiled"):
        load(bundle)


def test_a_length_without_room_for_a_word_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    manifest = read_manifest(copy)
    record = replace(manifest.model, max_length=2)
    write_manifest(copy, replace(manifest, models={"main": record}))
    with pytest.raises(BundleError, match="2 tokens has no room beside the tokenizer's 2 special"):
        load(copy)


# --- while it is replaced ----------------------------------------------------------------


def test_a_bundle_that_is_replaced_meanwhile_is_read_once_more(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path(shutil.copytree(tiny_bundle, tmp_path / "here"))
    content = json.loads((tiny_bundle / "tokenizer.json").read_text())
    other = with_file(
        tiny_bundle, tmp_path / "other", "tokenizer.json", json.dumps(content, indent=1).encode()
    )
    expected, reads = read_manifest(other).digest, []

    def swapped(folder: Path) -> Manifest:
        manifest = read_manifest(folder)
        if not reads:  # between the manifest and the files
            here.rename(tmp_path / "old")
            other.rename(here)
        reads.append(manifest.digest)
        return manifest

    monkeypatch.setattr("edgeft.runtime.assemble.read_manifest", swapped)
    with load(here) as model:
        assert model.manifest.digest == expected
    assert len(reads) == 2
    (here / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="tokenizer"):  # damage is not tried again
        load(here)
    assert len(reads) == 3


def test_a_bundle_that_comes_back_at_once_is_found(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"

    def late(folder: Path) -> Manifest:
        try:
            return read_manifest(folder)
        finally:
            if not here.exists():
                shutil.copytree(tiny_bundle, here)

    monkeypatch.setattr("edgeft.runtime.assemble.read_manifest", late)
    with load(here) as model:
        assert model.predict("the cat").label in tiny.LABELS


# --- what runs -----------------------------------------------------------------------


def test_the_device_tells_its_provider_and_nodes(tiny_bundle: Path) -> None:
    with load(tiny_bundle) as model:
        assert str(model.device) == model.device.name == "cpu"
        assert model.device.provider == "CPUExecutionProvider"
        assert set(model.device.nodes) == {"CPUExecutionProvider"}
        assert model.device.nodes["CPUExecutionProvider"] > 10


def test_a_saved_measurement_overrides_the_rule(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    digest = read_manifest(tiny_bundle).digest
    for quicker, slower in (("fp32", "int8"), ("int8", "fp32")):
        found = [
            Measurement("cpu", name, 1, time_ms)
            for name, time_ms in ((quicker, 1.0), (slower, 2.0))
        ]
        path = save_measurements(digest, onnxruntime.__version__, found)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        with load(tiny_bundle, variant="auto") as model:
            assert model.variant == quicker
        with load(tiny_bundle, variant=slower) as model:
            assert model.variant == slower
    path.write_text("{broken")  # is passed over, and the rule holds again
    with load(tiny_bundle, variant="auto") as model:
        assert model.variant in ("fp32", "int8")


# --- long texts ----------------------------------------------------------------------


def test_long_texts_are_refused_by_place_and_size(tiny_bundle: Path) -> None:
    with load(tiny_bundle, on_long="error") as model:
        assert not model.predict("the cat").truncated
        with pytest.raises(DataError, match=r"The text has 188 tokens; the model reads 64"):
            model.predict(LONG)
        with pytest.raises(DataError, match="Text 1030 has 188 tokens"):
            model.predict(["sun"] * 1030 + [LONG])
        with pytest.raises(DataError, match=r"has more than [1-9]\d+ tokens; the model reads 64"):
            model.predict(LONG * 100)


def test_windows_cover_a_long_text(tiny_bundle: Path) -> None:
    with load(tiny_bundle, on_long="window") as model:
        with pytest.raises(DataError, match="Text 1 has more than 1,048,576 characters"):
            model.predict(["the cat", "sun " * 262_200])
        with pytest.raises(DataError, match="too long for windows"):
            asyncio.run(model.apredict("sun " * 262_200))
    with load(tiny_bundle, on_long="window", overlap=10) as model, load(tiny_bundle) as plain:
        short, long = model.predict(["the cat", LONG])
        assert (short.windows, long.windows, long.truncated) == (1, 4, False)
        assert short == plain.predict("the cat")
        words = LONG.split()
        parts = [words[:62], words[52:114], words[104:166], words[156:]]
        logits = logits_for(plain, [" ".join(part) for part in parts], alone=True)  # (4, C)
        expected = np.average(logits, axis=0, weights=[62, 52, 52, 20])
        np.testing.assert_allclose(logits_for(model, [LONG])[0], expected, atol=1e-4)
        assert model.predict(LONG).score == pytest.approx(long.score, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_long": "guess"}, "on_long is 'guess'; it must be one of"),
        ({"overlap": 3}, "no windows"),
        ({"on_long": "window", "overlap": 62}, "cannot overlap by 62"),
        ({"on_long": "window", "overlap": -1}, "overlap is -1"),
        ({"on_long": "window", "overlap": "3"}, "overlap is '3'"),
        ({"max_waiting": 0}, "max_waiting is 0"),
        ({"cuda_graphs": True}, "no CUDA graphs on cpu"),
        ({"cuda_graphs": "no"}, "cuda_graphs is 'no'"),
        ({"wait_ms": -1.0}, r"wait_ms is -1\.0"),
        ({"wait_ms": float("inf")}, "wait_ms is inf"),
        ({"wait_ms": "1"}, "wait_ms is '1'"),
        ({"threads": "2"}, "threads is '2'; it must be a whole number from 1 to"),
        ({"threads": 2.5}, r"threads is 2\.5"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 100_000}, "threads is 100000"),
        ({"batch_tokens": float("nan")}, "batch_tokens is nan"),
        ({"device": None}, "device is None"),
        ({"device": 0}, "device is 0"),
        ({"device": "cuda:" + "9" * 90}, "no device 'cuda:9"),
        ({"variant": ["int8"]}, r"variant is \['int8'\]"),
        ({"verify": True}, "verify is True"),
        ({"verify": "maybe"}, "verify is 'maybe'"),
        ({"expect": b"sha256:"}, "expect is b'sha256:'"),
        ({"spin": "no"}, "spin is 'no'"),
        ({"batch_invariant": 1}, "batch_invariant is 1"),
    ],
)
def test_senseless_options_are_refused(
    tiny_bundle: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load(tiny_bundle, **options)


def test_numpys_numbers_are_numbers(tiny_bundle: Path) -> None:
    given = {"threads": np.int64(1), "wait_ms": np.float32(2), "batch_invariant": np.bool_(True)}
    with load(tiny_bundle, **given) as model:
        assert model.predict("the cat").label in tiny.LABELS


# --- neighbours ----------------------------------------------------------------------


def test_no_neighbour_touches_an_int8_answer_where_that_is_asked(tiny_bundle: Path) -> None:
    texts = [" ".join(tiny.WORDS[i : i + 4 + i % 5]) for i in range(25)]
    with load(tiny_bundle, variant="int8") as model:
        assert not model.manifest.model.variants["int8"].batch_invariant
        alone = logits_for(model, texts, alone=True)
        assert np.abs(logits_for(model, texts) - alone).max() > 0
    with load(tiny_bundle, variant="int8", batch_invariant=True) as model:
        np.testing.assert_array_equal(logits_for(model, texts), alone)


# --- processes -----------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_told_to_load_its_own(tiny_bundle: Path) -> None:
    model = load(tiny_bundle)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # ends by os._exit, as the children of multiprocessing do
        try:
            model.predict("the cat")
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        model.close()
        model = load(tiny_bundle)  # takes the place of the one that was inherited
        os.write(writer, model.predict("the cat").label.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        told = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    assert told.startswith("ClosedError: The model was loaded by process")
    assert "edgeft.load after the fork" in told
    assert told.endswith(tiny.LABELS)
    assert model.predict("the cat").label in tiny.LABELS
    model.close()
