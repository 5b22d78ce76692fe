"""Where a model's time goes: an observer that adds up what it is told."""

import threading
from collections.abc import Callable, Sequence

from edgeft.tasks.encoded import Part

__all__ = ["Trace"]


def _nothing() -> None:
    pass


class Trace:
    """Seconds and batches since ``clear``; an ``Observer``.

    tokenize_s: of the thread that cleared, which is kept waiting by it; what another
    thread tokenizes meanwhile costs it nothing. wait_s: of waiting for that other
    thread. run_s: in the engine, padding included. decode_s: from outputs to
    predictions. batches: the true lengths of the parts of each run.
    padded_tokens: what those runs computed. stages: how many inputs each stage of a cascade
    answered. ``on_run`` is called after each run.
    """

    def __init__(self, on_run: Callable[[], None] = _nothing) -> None:
        self._on_run = on_run
        self.clear()

    def clear(self) -> None:
        """Forget all, and count from here."""
        self.tokenize_s = self.wait_s = self.run_s = self.decode_s = 0.0
        self.batches: list[list[int]] = []
        self.padded_tokens = 0
        self.stages: dict[str, int] = {}
        self._own = threading.get_ident()

    def tokenized(self, seconds: float, inputs: int) -> None:
        """Count a call of the tokenizer."""
        if threading.get_ident() == self._own:
            self.tokenize_s += seconds

    def waited(self, seconds: float) -> None:
        """Count a wait for inputs that another thread tokenizes."""
        self.wait_s += seconds

    def queued(self, seconds: float) -> None:
        """Nothing is asked that way here."""

    def ran(self, seconds: float, parts: Sequence[Part], padded_tokens: int) -> None:
        """Count a run."""
        self.run_s += seconds
        self.batches.append([len(part.ids) for part in parts])
        self.padded_tokens += padded_tokens
        self._on_run()

    def decoded(self, seconds: float, inputs: int) -> None:
        """Count what it took to make predictions."""
        self.decode_s += seconds

    def answered(self, stage: str, inputs: int) -> None:
        """Count what one stage answered."""
        self.stages[stage] = self.stages.get(stage, 0) + inputs
