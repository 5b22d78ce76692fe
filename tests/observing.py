"""An observer that keeps what it is told."""

from collections.abc import Sequence

from edgeft.tasks.encoded import Part


class Seen:
    """The parts of each run, and how often each step was told."""

    def __init__(self) -> None:
        self.runs: list[list[Part]] = []
        self.padded = self.encoded = self.decodings = self.waits = self.queues = 0
        self.stages: dict[str, int] = {}

    def tokenized(self, seconds: float, inputs: int) -> None:
        assert seconds >= 0
        self.encoded += inputs

    def waited(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits += 1

    def queued(self, seconds: float) -> None:
        assert seconds >= 0
        self.queues += 1

    def ran(self, seconds: float, parts: Sequence[Part], padded_tokens: int) -> None:
        assert seconds > 0
        self.runs.append(list(parts))
        self.padded += padded_tokens

    def decoded(self, seconds: float, inputs: int) -> None:
        assert seconds >= 0
        self.decodings += inputs

    def answered(self, stage: str, inputs: int) -> None:
        self.stages[stage] = self.stages.get(stage, 0) + inputs
