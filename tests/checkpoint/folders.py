"""Copies of model folders with other weights, configs or tokenizer settings."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

Tensors = dict[str, Any]


def rewritten(folder: Path, to: Path, change: Callable[[Tensors], Tensors]) -> Path:
    """A copy whose tensors are those that ``change`` gives."""
    shutil.copytree(folder, to)
    tensors = change(load_file(to / "model.safetensors"))
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    return to


def with_json(folder: Path, to: Path, file: str, **content: Any) -> Path:
    """A copy with other fields in one of its JSON files; None takes a field out."""
    if folder != to:
        shutil.copytree(folder, to)
    fields = {**json.loads((to / file).read_text(encoding="utf-8")), **content}
    kept = {name: value for name, value in fields.items() if value is not None}
    (to / file).write_text(json.dumps(kept), encoding="utf-8")
    return to
