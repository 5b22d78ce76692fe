"""Calls of the room export for tests of other rooms, which are skipped where its packages lack."""

from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["CAN_EXPORT", "ExportConfig", "export"]

# Not beside transformers 5, which training takes.
CAN_EXPORT = find_spec("optimum") is not None


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
