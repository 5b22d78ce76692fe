"""Calls of the room export for tests of other rooms, which are skipped where its packages lack."""

from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["CAN_EXPORT", "ExportConfig", "export", "open_checkpoint", "torch_logits"]

# Not beside transformers 5, which training takes.
CAN_EXPORT = find_spec("optimum") is not None


def open_checkpoint(*arguments: Any, **named: Any) -> Any:
    """That of the room."""
    _needed()
    from edgeft.checkpoint.open import open_checkpoint as opened

    return opened(*arguments, **named)


def torch_logits(*arguments: Any, **named: Any) -> Any:
    """The (N, C) logits of the torch original."""
    _needed()
    from edgeft.checkpoint.reference import torch_told

    return torch_told(*arguments, **named).outputs["logits"]


def export(*arguments: Any, **named: Any) -> Any:
    """That of the room."""
    _needed()
    from edgeft.export.run import export as exported

    return exported(*arguments, **named)


def ExportConfig(*arguments: Any, **named: Any) -> Any:  # noqa: N802 (it makes one)
    """That of the room."""
    _needed()
    from edgeft.export.run import ExportConfig as Made

    return Made(*arguments, **named)


def _needed() -> None:
    if not CAN_EXPORT:
        pytest.skip("the extra [export] is not installed")
