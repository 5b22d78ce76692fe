"""What a tagger finds in one text. Standard library only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

__all__ = ["Entities", "Entity"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: ``text`` is what stands from ``start`` to before ``end``, in characters.

    ``score`` is the mean probability of its words' labels.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Entities(Sequence[Entity]):
    """One text's entities, in order; ``len``, ``for`` and ``[…]`` are those of ``entities``.

    ``truncated``, ``unknown_share``, ``windows`` and ``stage`` are as in a ``Classification``.
    """

    entities: tuple[Entity, ...]
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    stage: str = ""

    def __len__(self) -> int:
        return len(self.entities)

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)

    @overload
    def __getitem__(self, at: int) -> Entity: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Entity, ...]: ...
    def __getitem__(self, at: int | slice) -> Entity | tuple[Entity, ...]:
        return self.entities[at]
