"""How scores are shown: a table of classes and where the mistakes are."""

from typing import TYPE_CHECKING

from edgeft.cli import console

if TYPE_CHECKING:
    from edgeft.proof.battery import Evaluation
    from edgeft.tasks.metrics import ClassificationScores

MOST_CLASSES = 20  # a longer table shows only its worst rows
MOST_CONFUSED = 10  # a larger confusion matrix is shown as its most frequent mistakes


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


def print_scores(scores: "ClassificationScores", *, title: str) -> None:
    """Print the per-class table and the confusion matrix, or what matters most of them."""
    _print_classes(scores, title)
    withheld = any(scores.withheld)
    present = [i for i, one in enumerate(scores.per_class) if one.support]
    if len(scores.labels) <= MOST_CONFUSED:
        console.print_table(
            f"{title}: confusion matrix (rows are true labels)",
            ["", *scores.labels] + ["(withheld)"] * withheld,
            [
                [scores.labels[i], *scores.confusion[i], *scores.withheld[i : i + 1] * withheld]
                for i in present
            ],
        )
    elif mistakes := scores.confusions(10):
        console.print_table(
            f"{title}: the most frequent mistakes",
            ["true label", "predicted as", "times"],
            mistakes,
        )


def _print_classes(scores: "ClassificationScores", title: str) -> None:
    classes = [one for one in scores.per_class if one.support]
    heading = f"{title}: per class"
    if len(classes) > MOST_CLASSES:
        heading = f"{title}: the 10 classes with the lowest F1, of {len(classes)}"
        classes = sorted(classes, key=lambda one: one.f1)[:10]
    console.print_table(
        heading,
        ["label", "precision", "recall", "F1", "rows"],
        [
            [one.label, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", one.support]
            for one in classes
        ],
    )
