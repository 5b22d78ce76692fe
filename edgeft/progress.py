"""How long steps tell what they have done, without knowing who watches."""

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called now and then from a long step: ``done`` of ``total`` units of ``step``."""

    def __call__(self, step: str, done: int, total: int) -> None: ...


def silent(step: str, done: int, total: int) -> None:
    """The progress that nobody watches."""
