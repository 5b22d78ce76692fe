"""How vectors are scored: whether the cosines of pairs are in the order of their numbers. numpy."""

from dataclasses import dataclass
from typing import Any

from edgeft.tasks.number_metrics import beside, by_size, once_each
from edgeft.tasks.task import Rows
from edgeft.tasks.usual import no_outcome, none_withheld

__all__ = ["SimilarityScores", "score_similarities"]

DIGITS = 6

Grid = tuple[str, list[str], list[list[object]]]  # title, columns, rows


@dataclass(frozen=True)
class SimilarityScores:
    """``spearman`` and ``pearson``, -1 to 1, of cosines and numbers, whose units may be others.

    ``parts`` are (lowest number, highest, rows, mean cosine) of quarters of the rows.
    """

    rows: int
    spearman: float
    pearson: float
    parts: tuple[tuple[float, float, int, float], ...]

    @property
    def support(self) -> dict[str, int]:
        """Empty: there are no labels."""
        return {}

    def figure(self, metric: str) -> float:
        """Spearman's or Pearson's correlation."""
        return {"spearman": self.spearman, "pearson": self.pearson}[metric]

    def headline(self) -> dict[str, float]:
        """The few figures that head a table."""
        return {"spearman": self.spearman, "pearson": self.pearson, "rows": self.rows}

    def summary(self) -> dict[str, str]:
        """Both correlations."""
        return {"Spearman": f"{self.spearman:.4f}", "Pearson": f"{self.pearson:.4f}"}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary of everything."""
        names = ("lowest", "highest", "rows", "mean_cosine")
        parts = [dict(zip(names, part, strict=True)) for part in self.parts]
        return {**self.headline(), "parts": parts}

    outcome = no_outcome
    selective = none_withheld

    def tables(self, title: str) -> list[Grid]:
        """The mean cosine from the least alike pairs to the most."""
        rows: list[list[object]] = [
            [f"{low:g} to {high:g}", f"{mean:.4f}", count] for low, high, count, mean in self.parts
        ]
        return [(f"{title}: by size of the numbers", ["numbers", "mean cosine", "rows"], rows)]


def score_similarities(truths: Rows, answers: Rows) -> SimilarityScores:
    """Score the cosines of N pairs against their N numbers.

    Raises ValueError where the lists are empty or differ in length.
    """
    truth, answer = beside(truths, answers)
    parts = tuple(
        (low, high, rows, round(mean, DIGITS))
        for low, high, rows, (mean,) in by_size(truth, answer)
    )
    return SimilarityScores(len(truth), **once_each(truth, answer), parts=parts)
