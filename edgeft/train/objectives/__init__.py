"""What each task's training minimizes, and where it is found by the task's name."""

from edgeft.errors import FormatError
from edgeft.train.objectives.objective import Objective

__all__ = ["objective_named"]


def objective_named(name: str) -> Objective:
    """The objective of the task of that name."""
    match name:
        case "text-classification":
            from edgeft.train.objectives.classification import OBJECTIVE
        case "multi-label-classification":
            from edgeft.train.objectives.labels import OBJECTIVE
        case "token-classification":
            from edgeft.train.objectives.entities import OBJECTIVE
        case "question-answering":
            from edgeft.train.objectives.answers import OBJECTIVE
        case "text-regression":
            from edgeft.train.objectives.numbers import OBJECTIVE
        case "feature-extraction":
            from edgeft.train.objectives.embeddings import OBJECTIVE
        case _:
            raise FormatError(f"There is no training for the task {name!r}.")
    return OBJECTIVE
