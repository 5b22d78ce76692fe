"""Every field of a manifest is of its type and range, fits the others, or is named in one error."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeft.bundle import MANIFEST, Head, Manifest, digest_of, read_manifest, write_manifest
from edgeft.errors import BundleError, IntegrityError

MAIN = ("models", "main")
FP32 = (*MAIN, "variants", "fp32")
GOLDEN = (*FP32, "golden", "outputs", "logits")


FIXTURE = Path(__file__).parents[1] / "fixtures" / "bundle-0.1" / MANIFEST
OLDER: dict[str, Any] = json.loads(FIXTURE.read_text(encoding="utf-8"))


def read(folder: Path, content: dict[str, Any]) -> Manifest:
    """What is read where a manifest says this, under a digest that fits."""
    try:
        content["digest"] = digest_of(content)
    except (RecursionError, TypeError):
        content["digest"] = ""
    (folder / MANIFEST).write_text(json.dumps(content))
    return read_manifest(folder)


def changed(content: dict[str, Any], place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A copy in which one place holds something else."""
    copy = json.loads(json.dumps(content))
    inner = copy
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return dict(copy)


@pytest.fixture(scope="module")
def content(tiny_bundle: Path) -> dict[str, Any]:
    return dict(json.loads((tiny_bundle / MANIFEST).read_text()))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ((*MAIN, "labels"), [], "labels is []; it must be a list of 1"),
        ((*MAIN, "labels"), ["a", 2, "c"], "labels[1] is 2; it must be text"),
        ((*MAIN, "labels"), ["a", "b", "a"], "labels name 'a' twice"),
        ((*MAIN, "labels"), ["a", "b", "c", "d"], ".logits[0] has 3 numbers for 4 labels"),
        ((*MAIN, "labels", 0), "half \ud800", "half a surrogate pair"),
        (("models", "main", "max_length"), -1, "max_length is -1; it must be a whole number"),
        (("models", "main", "max_length"), 64.0, "max_length is 64.0"),
        (("models", "main", "max_length"), True, "max_length is True"),
        (("models", "main", "max_length"), 10**400, "it must be a whole number"),
        (("models", "main", "pad_id"), -1, "pad_id is -1"),
        (("models", "main", "pad_id"), None, "pad_id is None"),
        (("models", "main", "normalize"), ["shout"], "normalize[0] is 'shout'; it must be one of"),
        (("models", "main", "tokenizer"), "nul\0.json", "tokenizer is 'nul\\x00.json'"),
        (("models", "main", "tokenizer"), "other.json", "tokenizer is not among the files"),
        (("models", "main", "golden_inputs"), "text", "golden_inputs is 'text'"),
        (("models", "main", "golden_inputs"), ["one"], "has 8 rows for 1 golden inputs"),
        (("models", "main", "variants"), {}, "variants is {}"),
        (("models", "main", "variants"), [], "variants is []"),
        (("models",), {}, "models is {}"),
        ((*FP32, "files"), {"model": "../x.onnx"}, "leaves the folder"),
        ((*FP32, "files"), {"decoder": "onnx/model.onnx"}, "files.decoder is 'decoder'"),
        ((*FP32, "files"), {}, "files is {}"),
        ((*FP32, "files"), {"model": "onnx/none.onnx"}, "files.model is not among the files"),
        ((*FP32, "graph"), "tflite", "graph is 'tflite'"),
        ((*FP32, "opset"), "18", "opset is '18'"),
        ((*FP32, "batch_invariant"), 1, "batch_invariant is 1; it must be true or false"),
        ((*FP32, "measured"), [], "measured is []"),
        ((*FP32, "inputs"), [], "inputs name nothing"),
        ((*FP32, "inputs", 0, "name"), "pixel_values", "inputs name pixel_values"),
        ((*FP32, "inputs", 0, "shape"), [-1, 2], "inputs[0].shape[0] is -1"),
        ((*FP32, "outputs"), [], "outputs name nothing"),
        ((*FP32, "outputs", 0, "shape"), ["batch", 7], "scores of 3 labels are [texts, 3]"),
        ((*FP32, "outputs", 0, "shape"), ["batch", "tokens", 3], "outputs[0].shape is"),
        ((*GOLDEN, 1), [0.5], ".logits[1] has 1 numbers for 3 labels"),
        ((*GOLDEN, 1, 0), "0.5", ".logits[1][0] is '0.5'"),
        ((*GOLDEN, 1, 0), 1e300, ".logits[1][0] is 1e+300"),
        ((*MAIN, "golden_inputs", 0), ["one", 2], "golden_inputs[0] is no text, pair of texts"),
        ((*MAIN, "head"), {"label": "nobody"}, "models.main.head.label 'nobody' is no label"),
        ((*FP32, "head"), {"aggregation": "last"}, "head.aggregation is 'last'"),
        ((*FP32, "golden", "tolerance"), -0.1, "tolerance is -0.1"),
        ((*FP32, "head"), {"temperature": 1e-300}, "temperature is 1e-300"),
        ((*FP32, "head"), {"temperature": 0}, "temperature is 0"),
        ((*FP32, "head"), {"threshold": 1.5}, "threshold is 1.5"),
        ((*FP32, "head"), {"label": "none of them"}, "head.label 'none of them' is no label"),
        (("pipeline",), [], "pipeline is []"),
        (("pipeline", 0, "model"), "other", "pipeline[0] names no model of the bundle: 'other'"),
        (("files", "tokenizer.json", "bytes"), None, "files.tokenizer.json.bytes is None"),
        (("files", "tokenizer.json", "sha256"), "A" * 64, "must be text that matches"),
        (("files",), None, "files is None"),
        ((*MAIN, "task"), "translation", "task is 'translation'"),
        ((*MAIN, "task"), [], "task is []"),
        (("provenance",), 3, "provenance is 3"),
        (("format",), True, "format is True"),
    ],
)  # fmt: skip
def test_what_a_field_cannot_be_is_named(
    content: dict[str, Any],
    tmp_path: Path,
    place: tuple[str | int, ...],
    value: object,
    message: str,
) -> None:
    with pytest.raises(BundleError) as caught:
        read(tmp_path, changed(content, place, value))
    assert str(caught.value).startswith(f"{tmp_path / MANIFEST}: ")
    assert message in str(caught.value)
    assert "Copy the bundle again" in caught.value.hint


def places(value: object, *at: str | int) -> Iterator[tuple[str | int, ...]]:
    """Every place of a document."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()  # fmt: skip
    for key, inner in items:
        yield from places(inner, *at, key)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_anything_anywhere_is_read_or_refused(
    content: dict[str, Any], tmp_path: Path, data: st.DataObject
) -> None:
    some = data.draw(st.sampled_from([content, OLDER]))
    place = data.draw(st.sampled_from(list(places(some))))
    with contextlib.suppress(BundleError):
        assert read(tmp_path, changed(some, place, data.draw(JSON))).model.labels


@pytest.mark.parametrize("field", ["models", "pipeline", "files", "provenance"])
def test_a_missing_field_is_named(content: dict[str, Any], tmp_path: Path, field: str) -> None:
    rest = {key: value for key, value in content.items() if key != field}
    with pytest.raises(BundleError, match=f"{field} is missing"):
        read(tmp_path, rest)


@pytest.mark.parametrize("field", ["labels", "task", "golden_inputs", "variants"])
def test_a_missing_field_of_a_model_is_named(
    content: dict[str, Any], tmp_path: Path, field: str
) -> None:
    model = {key: value for key, value in content["models"]["main"].items() if key != field}
    with pytest.raises(BundleError, match=rf"models\.main\.{field} is missing"):
        read(tmp_path, changed(content, MAIN, model))


def test_what_0_1_wrote_is_read_as_today(tmp_path: Path) -> None:
    found = read(tmp_path, dict(OLDER))
    record = found.model
    assert (record.task, record.labels) == ("text-classification", ("calm", "glad", "sad"))
    assert len(record.golden_inputs) == len(OLDER["models"]["main"]["golden_texts"])
    for name, old in OLDER["models"]["main"]["variants"].items():
        golden = record.variants[name].golden
        assert [list(row) for row in golden.outputs["logits"]] == old["golden"]["logits"]
        assert golden.tolerance == old["golden"]["tolerance"]
        head = record.head_of(name)
        assert {field: getattr(head, field) for field in old["decision"]} == old["decision"]
    # Written anew it has today's form, which version 0.1 refuses by what it requires.
    again = write_manifest(tmp_path, found)
    assert again.requires == ("normalize", "decision", "records")
    assert "labels" not in json.loads((tmp_path / MANIFEST).read_text())
    assert read_manifest(tmp_path) == again


def test_fields_that_an_older_file_lacks_have_defaults(
    content: dict[str, Any], tmp_path: Path
) -> None:
    variant = {"wants", "batch_invariant", "full_range", "head", "measured"}
    copy = json.loads(json.dumps(content))
    for one in copy["models"]["main"]["variants"].values():
        for name in variant:
            one.pop(name, None)
    del copy["models"]["main"]["head"]
    del copy["requires"]
    record = read(tmp_path, copy).model
    found = record.variants["fp32"]
    assert (found.wants, found.batch_invariant, record.head_of("fp32")) == ("", True, Head())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": "twice"}, "models.second is asked in no step"),
        ({"below": 0.5}, "pipeline[0].below is 0.5, and there is no step after it"),
        ({"threshold": 0.5}, "pipeline[0].below is 0.5"),
        ({"variant": "fp32"}, "pipeline[0].variant is 'fp32'; a model alone has no such choice"),
    ],
)
def test_what_a_model_alone_cannot_honour_is_refused(
    content: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    more = json.loads(json.dumps(content))
    if "models" in change:
        more["models"]["second"] = more["models"]["main"]
    else:
        more["pipeline"][0] |= change
    with pytest.raises(BundleError) as caught:
        read(tmp_path, more)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": 1, "format": 1}', "it states 'format' twice"),
        ('{"format": 1, "provenance": {"a": NaN}}', "it holds NaN, which is no JSON"),
        ('{"format": 1, "provenance": {"a": -Infinity}}', "it holds -Infinity"),
        ('{"format": 1, "provenance": {"a": 1e999}}', "it holds a number that is out of range"),
        ('{"format": 1, "provenance": ["\\ud800"]}', "half a surrogate pair"),
        ('{"format": 1, "a": ' + "[" * 100 + "]" * 100 + "}", "nests more than 64 deep"),
        ('{"format": 1, "a": ' + "[" * 10**6 + "]" * 10**6 + "}", "not a JSON document"),
        ('{"format": ' + "9" * 10_000 + "}", "not a JSON document"),
        ("\ufeff{}", "not a JSON document"),
    ],
)
def test_odd_documents(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BundleError) as caught:
        read_manifest(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / MANIFEST) in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b'{"format": "\xff"}')
    with pytest.raises(IntegrityError, match="not a JSON document"):
        read_manifest(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("kind", ["pipe", "folder", "circle", "device"])
def test_a_manifest_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / MANIFEST
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "circle":
            path.symlink_to(path)
        case "device":
            path.symlink_to("/dev/zero")
    with pytest.raises(BundleError, match=r"is not a file|leads nowhere|leaves the folder"):
        read_manifest(tmp_path)


def test_a_folder_that_no_system_could_have(tmp_path: Path) -> None:
    for name in ("nul\0inside", "x" * 5000):
        with pytest.raises(BundleError):
            read_manifest(tmp_path / name)


@pytest.mark.parametrize("kind", ["keys", "labels"])
def test_one_repetition_among_many_names_is_found_at_once(
    content: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    names = [f"name {at}" for at in range(200_000)]
    if kind == "labels":  # counting each of them would take twenty minutes
        with pytest.raises(BundleError, match="labels name 'name 199999' twice"):
            read(tmp_path, changed(content, (*MAIN, "labels"), [*names, names[-1]]))
        return
    pairs = ",".join(f'"{name}": 1' for name in [*names, names[-1]])
    (tmp_path / MANIFEST).write_text(f"{{{pairs}}}", encoding="utf-8")
    with pytest.raises(BundleError, match="it states 'name 199999' twice"):
        read_manifest(tmp_path)
