"""load: nothing but the recorded bundle is loaded, and it answers as recorded."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, load_model

import edgeft
from edgeft.bundle import MANIFEST, Golden, digest_of, read_manifest
from edgeft.errors import BundleError, DataError, IntegrityError, UsageError
from edgeft.runtime.variants import Measurement, save_measurements
from tests import tiny
from tests.bundles import with_file, with_variant

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


@pytest.mark.parametrize("shift", [5.0, float("nan")])
def test_other_answers_than_recorded_are_refused(
    tiny_bundle: Path, tmp_path: Path, shift: float
) -> None:
    golden = read_manifest(tiny_bundle).model.variants["fp32"].golden
    moved = tuple(tuple(one + shift for one in row) for row in golden.logits)
    copy = with_variant(tiny_bundle, tmp_path / "b", "fp32", golden=Golden(moved, 1e-3))
    for verify in ("full", "fast"):
        with pytest.raises(IntegrityError, match="'fp32' does not answer as recorded") as caught:
            load(copy, verify=verify)
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
    with pytest.raises(BundleError, match="pixel_values"):
        load(with_variant(tiny_bundle, tmp_path / "b", "fp32", inputs=odd))


def test_a_manifest_without_a_model_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    content = json.loads((copy / MANIFEST).read_text())
    content["pipeline"] = []
    content["digest"] = digest_of(content)
    (copy / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BundleError, match="lacks or misstates a field"):
        load(copy)


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
        found = {
            ("cpu", name, 1): Measurement("cpu", name, 1, time_ms)
            for name, time_ms in ((quicker, 1.0), (slower, 2.0))
        }
        path = save_measurements(digest, onnxruntime.__version__, found)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        with load(tiny_bundle, variant="auto") as model:
            assert model.variant == quicker
        with load(tiny_bundle, variant=slower) as model:
            assert model.variant == slower
    path.write_text("{broken")  # is passed over, and the rule holds again
    with load(tiny_bundle, variant="auto") as model:
        assert model.variant in ("fp32", "int8")


def test_one_measured_variant_decides_nothing(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    with load(tiny_bundle, variant="auto") as model:
        by_rule = model.variant
    other = "fp32" if by_rule == "int8" else "int8"
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    found = {("cpu", other, 1): Measurement("cpu", other, 1, 1.0)}
    save_measurements(read_manifest(tiny_bundle).digest, onnxruntime.__version__, found)
    with load(tiny_bundle, variant="auto") as model:
        assert model.variant == by_rule


# --- long texts ----------------------------------------------------------------------


def test_long_texts_are_refused_by_place_and_size(tiny_bundle: Path) -> None:
    with load(tiny_bundle, on_long="error") as model:
        assert not model.predict("the cat").truncated
        with pytest.raises(DataError, match=r"The text has 188 tokens; the model reads 64"):
            model.predict(LONG)
        with pytest.raises(DataError, match="Text 1030 has 188 tokens"):
            model.predict(["sun"] * 1030 + [LONG])


def test_windows_cover_a_long_text(tiny_bundle: Path) -> None:
    with load(tiny_bundle, on_long="window", overlap=10) as model, load(tiny_bundle) as plain:
        short, long = model.predict(["the cat", LONG])
        assert (short.windows, long.windows, long.truncated) == (1, 4, False)
        assert short == plain.predict("the cat")
        words = LONG.split()
        parts = [words[:62], words[52:114], words[104:166], words[156:]]
        logits = plain.logits([" ".join(part) for part in parts], alone=True)  # (4, C)
        expected = np.average(logits, axis=0, weights=[62, 52, 52, 20])
        np.testing.assert_allclose(model.logits([LONG])[0], expected, atol=1e-4)
        assert model.predict(LONG).score == pytest.approx(long.score, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_long": "guess"}, "on_long='guess'"),
        ({"overlap": 3}, "no windows"),
        ({"on_long": "window", "overlap": 62}, "cannot overlap by 62"),
        ({"on_long": "window", "overlap": -1}, "cannot overlap by -1"),
        ({"max_waiting": 0}, "max_waiting=0"),
        ({"cuda_graphs": True}, "no CUDA graphs on cpu"),
        ({"wait_ms": -1.0}, "wait_ms"),
    ],
)
def test_senseless_options_are_refused(
    tiny_bundle: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load(tiny_bundle, **options)


# --- neighbours ----------------------------------------------------------------------


def test_no_neighbour_touches_an_int8_answer_where_that_is_asked(tiny_bundle: Path) -> None:
    texts = [" ".join(tiny.WORDS[i : i + 4 + i % 5]) for i in range(25)]
    with load(tiny_bundle, variant="int8") as model:
        assert not model.manifest.model.variants["int8"].batch_invariant
        alone = model.logits(texts, alone=True)
        assert np.abs(model.logits(texts) - alone).max() > 0
    with load(tiny_bundle, variant="int8", batch_invariant=True) as model:
        np.testing.assert_array_equal(model.logits(texts), alone)


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
