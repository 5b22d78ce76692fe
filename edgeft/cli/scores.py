"""How scores are shown: a row for each variant, and tables of where the mistakes are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeft.cli import console

if TYPE_CHECKING:
    from edgeft.proof.finding import Finding
    from edgeft.tasks.task import Scores, Task

Grid = tuple[list[str], list[list[str]]]  # columns, rows


def scores_table(results: "Mapping[str, Finding]") -> Grid:
    """The scores of what each variant answers in a row, as train shows those of a split."""
    figures = {name: one.given.summary() for name, one in results.items() if one.given is not None}
    columns = ["variant", *next(iter(figures.values()), {})]
    return columns, [[name, *row.values()] for name, row in figures.items()]


def thresholds_table(task: "Task", results: "Mapping[str, Finding]") -> Grid:
    """What is answered and withheld, how much of it is right, and the scores without thresholds."""
    first, *others = task.metrics.values()
    withheld = any(one.given and one.given.selective() for one in results.values())
    columns = ["variant", *["answered", "withheld", "right of those"] * withheld]
    columns += [f"{first} without", *others]
    rows = []
    for name, one in results.items():
        if one.scores is None or one.given is None:
            continue
        row = [name]
        if told := one.given.selective():
            right = told["accuracy_of_answered"]
            row += [f"{told['coverage']:.2%}", f"{told['withheld']:,}"]
            row.append("-" if right is None else f"{right:.4f}")
        rows.append([*row, *(f"{one.scores.figure(metric):.4f}" for metric in task.metrics)])
    return columns, rows


def print_scores(
    scores: "Scores", *, title: str, thresholds: "Mapping[str, float] | None" = None
) -> None:
    """Print the tables of what a person wants to see of them.

    Where labels have ``thresholds``, each stands at the end of its label's row.
    """
    for heading, columns, rows in scores.tables(title):
        if thresholds and columns[:1] == ["label"]:
            columns = [*columns, "given from"]
            rows = [[*row, f"{thresholds[str(row[0])]:.4f}"] for row in rows]
        console.print_table(heading, columns, rows)
