"""Small folders that look as if edgeft had written them."""

import json
from pathlib import Path

__all__ = ["a_bundle", "a_checkpoint", "names_in"]


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
