"""Small folders that look as if edgeft had written them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["a_bundle", "a_checkpoint", "names_in", "small_files"]


def names_in(folder: Path) -> list[str]:
    """The names right below a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def a_bundle(folder: Path, text: str = "") -> Path:
    """A manifest and the files that it lists."""
    (folder / "onnx").mkdir(parents=True)
    for name in ("config.json", "onnx/model.onnx", "README.md"):
        (folder / name).write_text(text)
    files = {"config.json": {}, "onnx/model.onnx": {}}
    (folder / "edgeft.json").write_text(json.dumps({"format": 1, "files": files}))
    return folder


def a_checkpoint(folder: Path, text: str = "") -> Path:
    """What train leaves."""
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "rows.json"):
        (folder / name).write_text(text)
    (folder / "training.json").write_text(json.dumps({"format": 1, "recipe": {}}))
    return folder


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """No file may grow beyond ``most_bytes``: writing more fails as on a full disk."""
    resource = pytest.importorskip("resource")  # Windows has none
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
