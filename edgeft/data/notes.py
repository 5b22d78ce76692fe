"""How a reader says what it had to decide, without knowing who listens."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Sightings", "Tell", "unheard"]

Tell = Callable[[str], None]  # takes one sentence or two for the person, the file named first


def unheard(note: str) -> None:
    """The Tell that nobody listens to."""


@dataclass
class Sightings:
    """How often something was seen, and the line where it was first, or what ``unit`` says."""

    unit: str = "line"
    count: int = 0
    first: int = 0

    def add(self, line: int) -> None:
        """Count one more, in that line."""
        self.first = self.first if self.count else line
        self.count += 1

    def tell(self, tell: Tell, source: str, one: str, many: str, rest: str) -> None:
        """Tell it, where there was any: "a.csv: 3 rows are …rest (the first in line 7)."."""
        if self.count == 1:
            tell(f"{source}: 1 {one} {rest} ({self.unit} {self.first}).")
        elif self.count:
            first = f"the first in {self.unit} {self.first}"
            tell(f"{source}: {self.count:,} {many} {rest} ({first}).")
