"""Which student is wanted: "static", or "layers:N"."""

from dataclasses import dataclass

from edgeft.errors import UsageError

__all__ = ["STATIC", "Student", "student_named"]

STATIC = "static"
LAYERS = "layers:"


@dataclass(frozen=True)
class Student:
    """``layers``: how many of the teacher's it keeps; 0 of a static one, which has none."""

    layers: int = 0

    @property
    def static(self) -> bool:
        """Whether it only looks up and averages vectors of tokens."""
        return not self.layers

    def __str__(self) -> str:
        return STATIC if self.static else f"{LAYERS}{self.layers}"


def student_named(name: str) -> Student:
    """The student that ``--student`` names. Raises UsageError."""
    if name == STATIC:
        return Student()
    count = name.removeprefix(LAYERS)
    if name.startswith(LAYERS) and count.isascii() and count.isdigit() and 0 < int(count) < 1000:
        return Student(int(count))
    raise UsageError(
        f"There is no student {name!r}.",
        hint="Choose static, or layers:N with the number of layers to keep, such as layers:3.",
    )
