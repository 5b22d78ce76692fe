"""Who wants to see what a runner does: bench, a server's metrics, tests."""

from collections.abc import Sequence
from typing import Protocol

from edgeft.tasks.encoded import Part

__all__ = ["Observer"]


class Observer(Protocol):
    """Told after each step, in the thread that made it; it must be quick and raise nothing.

    A runner without one looks at no clock.
    """

    def tokenized(self, seconds: float, inputs: int) -> None:
        """Inputs became parts."""
        ...

    def waited(self, seconds: float) -> None:
        """The caller waited for inputs that another thread tokenized."""
        ...

    def queued(self, seconds: float) -> None:
        """An input of ``apredict`` went into a batch, so long after it came.

        What goes on to a further stage of a cascade is told again, from when it came there.
        """
        ...

    def ran(self, seconds: float, parts: Sequence[Part], padded_tokens: int) -> None:
        """A batch was run, padding included; ``padded_tokens`` is what was computed."""
        ...

    def decoded(self, seconds: float, inputs: int) -> None:
        """Outputs became predictions."""
        ...

    def answered(self, stage: str, inputs: int) -> None:
        """So many inputs were left to the outputs of one stage of a cascade.

        Equal inputs that were run once count once. No other model tells this.
        """
        ...
