"""The score of every label of one text, put into a dict only once somebody asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgeft.tasks.task import LabelNames

__all__ = ["LazyScores"]


class LazyScores(Mapping[str, float]):
    """Label → score: to its user a dict that cannot be changed.

    Most programs read the answer alone, and dicts of many labels would take longer to make than a
    small model to run. What is kept of a text is its own: it holds no other one's scores in memory.
    """

    __slots__ = ("_labels", "_made", "_row")

    def __init__(self, labels: LabelNames, row: bytes) -> None:
        """``row``: the (C,) float32 scores in the order of the labels, in native byte order."""
        self._labels, self._row = labels, row
        self._made: dict[str, float] | None = None

    def _all(self) -> dict[str, float]:
        if self._made is None:
            scores = memoryview(self._row).cast("f").tolist()
            self._made = dict(zip(self._labels, scores, strict=True))
        return self._made

    def __getitem__(self, label: str) -> float:
        return self._all()[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyScores, (self._labels, self._row)

    def __deepcopy__(self, memo: object) -> dict[str, float]:
        """A dict, so that what ``dataclasses.asdict`` makes of a prediction is fit for JSON."""
        return dict(self._all())
