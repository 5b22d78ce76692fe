"""The manifest: read back as written, and every change to a bundle noticed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.bundle import MANIFEST, digest_of, read_manifest, write_manifest
from edgeft.bundle.integrity import check_files
from edgeft.errors import BundleError, FormatError, IntegrityError


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def _rewrite(bundle: Path, change: dict[str, Any]) -> None:
    content = json.loads((bundle / MANIFEST).read_text())
    content.update(change)
    content["digest"] = digest_of(content)
    (bundle / MANIFEST).write_text(json.dumps(content))


def test_manifest_round_trip(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    before = (bundle / MANIFEST).read_bytes()
    assert write_manifest(bundle, manifest) == manifest
    assert (bundle / MANIFEST).read_bytes() == before
    check_files(bundle, manifest.files, manifest.files, verify="full")


def test_manifest_lists_every_file_but_itself_and_the_card(bundle: Path) -> None:
    there = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert there - set(read_manifest(bundle).files) == {MANIFEST, "README.md"}


def test_changed_manifest_is_noticed(bundle: Path) -> None:
    text = (bundle / MANIFEST).read_text()
    (bundle / MANIFEST).write_text(text.replace('"max_length": 64', '"max_length": 63'))
    with pytest.raises(IntegrityError, match="was changed"):
        edgeft.load(bundle)


@pytest.mark.parametrize("name", ["onnx/model.onnx", "tokenizer.json"])
def test_changed_byte_is_noticed(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256") as caught:
        edgeft.load(bundle, variant="fp32", device="cpu")
    assert name in str(caught.value)


def test_cut_and_missing_files_are_noticed(bundle: Path) -> None:
    graph = bundle / "onnx" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match="bytes where"):
        edgeft.load(bundle, variant="fp32", verify="fast", device="cpu")
    graph.unlink()
    with pytest.raises(IntegrityError, match="No such file"):
        edgeft.load(bundle, variant="fp32", verify="off", device="cpu")


def test_unknown_format_and_feature_name_the_cure(bundle: Path) -> None:
    _rewrite(bundle, {"format": 2})
    with pytest.raises(FormatError, match="reads format 1"):
        read_manifest(bundle)
    _rewrite(bundle, {"format": 1, "requires": {"tomorrow": "0.9.0"}})
    with pytest.raises(FormatError, match="'tomorrow'") as caught:
        read_manifest(bundle)
    assert "edgeft>=0.9.0" in caught.value.hint
    for odd in (None, "0' ; sh '", ["0.9.0"]):  # which nobody should paste into a shell
        _rewrite(bundle, {"format": 1, "requires": {"tomorrow": odd}})
        with pytest.raises(FormatError, match="'tomorrow'") as caught:
            read_manifest(bundle)
        assert caught.value.hint == "Update with: pip install --upgrade edgeft"


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../b", "C:\\x", "a\\..\\b"])
def test_paths_cannot_leave_the_folder(bundle: Path, path: str) -> None:
    models = json.loads((bundle / MANIFEST).read_text())["models"]
    next(iter(models.values()))["tokenizer"] = path
    _rewrite(bundle, {"models": models})
    with pytest.raises(BundleError, match="leaves the folder"):
        read_manifest(bundle)


def test_later_optional_fields_are_passed_over(bundle: Path) -> None:
    models = json.loads((bundle / MANIFEST).read_text())["models"]
    next(iter(models.values()))["mascot"] = "owl"
    _rewrite(bundle, {"models": models})
    assert read_manifest(bundle).model.max_length == 64


def test_folders_that_are_no_bundle(tmp_path: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(BundleError, match="is not a folder"):
        edgeft.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="no bundle"):
        edgeft.load(tmp_path)
    with pytest.raises(BundleError, match="Hugging Face model folder") as caught:
        edgeft.load(tiny_checkpoint)
    assert "edgeft export" in caught.value.hint
    (tmp_path / MANIFEST).write_text("{half")
    with pytest.raises(IntegrityError, match="not a JSON document"):
        edgeft.load(tmp_path)
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(BundleError, match="not an edgeft manifest"):
        edgeft.load(tmp_path)
