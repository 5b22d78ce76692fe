"""What a checkpoint answers in torch, which an export is held to."""

from typing import Any

__all__ = ["torch_logits"]


def torch_logits(*arguments: Any, **named: Any) -> Any:
    """The (N, C) logits of the torch original; takes what ``torch_told`` takes."""
    from edgeft.checkpoint.reference import torch_told

    return torch_told(*arguments, **named).outputs["logits"]
