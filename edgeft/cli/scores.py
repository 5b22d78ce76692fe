"""How scores are shown: a table of classes and where the mistakes are."""

from typing import TYPE_CHECKING

from edgeft.cli import console

if TYPE_CHECKING:
    from edgeft.proof.battery import Evaluation
    from edgeft.tasks.metrics import ClassificationScores
    from edgeft.tasks.task import Scores


def scores_row(scores: "ClassificationScores") -> list[str]:
    """Accuracy, its interval, macro and weighted F1."""
    return [
        f"{scores.accuracy:.4f}",
        f"{scores.accuracy_low:.4f} to {scores.accuracy_high:.4f}",
        f"{scores.macro_f1:.4f}",
        f"{scores.weighted_f1:.4f}",
    ]


def thresholds_row(found: "Evaluation") -> list[str]:
    """What is answered and withheld, how much of it is right, and the scores without thresholds."""
    answers, likeliest = found.answers, found.likeliest
    right = answers.accuracy_of_answered
    return [
        f"{answers.coverage:.2%}",
        f"{sum(answers.withheld):,}",
        "-" if right is None else f"{right:.4f}",
        f"{likeliest.accuracy:.4f}",
        f"{likeliest.macro_f1:.4f}",
    ]


def print_scores(scores: "Scores", *, title: str) -> None:
    """Print the tables of what a person wants to see of them."""
    for heading, columns, rows in scores.tables(title):
        console.print_table(heading, columns, rows)
