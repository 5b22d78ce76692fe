"""Rows whose annotation is wrong: refused with one error, left out and counted, or read without."""

from dataclasses import dataclass, field
from typing import Literal

from edgeft.data.notes import Sightings, Tell
from edgeft.errors import DataError

__all__ = ["BadRowError", "BadRows", "OnBad"]

# "error": one for all of them; "skip": they are left out, which is told; "keep": of inputs whose
# annotation nobody asks for, all are wanted.
OnBad = Literal["error", "skip", "keep"]
MOST_KINDS = 5  # that a message counts


class BadRowError(DataError):
    """What is wrong with one row; ``kind`` is a word for it that others share: "a ragged line"."""

    def __init__(self, message: str, *, hint: str = "", kind: str = "a fault") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


@dataclass
class BadRows:
    """The bad rows of one source: how many of each kind, and what was wrong with the first.

    unit: what their numbers count.
    """

    on_bad: OnBad
    unit: str = "line"
    first: BadRowError | None = None
    line: int = 0  # of the first
    kinds: dict[str, Sightings] = field(default_factory=dict)

    def add(self, line: int, error: BadRowError) -> bool:
        """Count a row; whether its input stays all the same, with nothing true of it."""
        if self.on_bad == "keep":
            return True
        if self.first is None or line < self.line:
            self.first, self.line = error, line
        self.kinds.setdefault(error.kind, Sightings(self.unit)).add(line)
        return False

    def unread(self, line: int, error: BadRowError) -> None:
        """Count a row that has not even an input. Raises the error where all inputs are wanted."""
        if self.add(line, error):
            raise error

    def settle(self, source: str, kept: int, tell: Tell) -> dict[str, int]:
        """How many rows of each kind were left out, which is told; ``kept`` are left.

        Raises DataError where they are not to be left out, or where nothing would be left.
        """
        if self.first is None:
            return {}
        counts = {kind: found.count for kind, found in self.kinds.items()}
        bad = sum(counts.values())
        if self.on_bad != "skip":
            raise DataError(
                f"{self.first.message}{_more(bad - 1, counts)}",
                hint=f"{self.first.hint} --skip-bad drops {'them' if bad > 1 else 'it'}.".strip(),
            )
        if not kept:
            raise DataError(
                f"{source}: all {bad:,} rows are bad, so --skip-bad leaves none. The first: "
                f"{self.first.message}"
                if bad > 1
                else f"{source}: its only row is bad, so --skip-bad leaves none. "
                f"{self.first.message}",
                hint=self.first.hint,
            )
        for kind, found in self.kinds.items():
            rest = f"{kind}, and {'is' if found.count == 1 else 'are'} left out"
            found.tell(tell, source, "row has", "rows have", rest)
        return counts


def _more(others: int, counts: dict[str, int]) -> str:
    if not others:
        return ""
    told = f" {others:,} more {'row is' if others == 1 else 'rows are'} bad"
    if len(counts) == 1:
        return f"{told}."
    shown = [f"{count:,} with {kind}" for kind, count in list(counts.items())[:MOST_KINDS]]
    return f"{told}; in all {', '.join(shown)}{' …' if len(counts) > MOST_KINDS else ''}."
