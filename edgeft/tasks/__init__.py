"""What is asked and answered: a file for each task, and here where each is found by name.

``task.Task`` says what a task consists of. Importing this needs the standard library alone.
"""

from edgeft.errors import FormatError
from edgeft.tasks.task import FOREIGN_TASK, TASKS, Task

__all__ = ["FOREIGN_TASK", "TASKS", "task_named"]


def task_named(name: str, takes: str = "") -> Task:
    """The task of that name; what it needs is imported now. Raises FormatError.

    ``takes``: that of a model which was made for "pairs" of texts alone, or for single "texts".
    """
    if not takes:
        return _task_named(name)
    from edgeft.tasks.narrowed import narrowed

    return narrowed(_task_named(name), takes)


def _task_named(name: str) -> Task:
    match name:
        case "text-classification":
            from edgeft.tasks.classification import TASK
        case "multi-label-classification":
            from edgeft.tasks.labels import TASK
        case "token-classification":
            from edgeft.tasks.entities import TASK
        case "question-answering":
            from edgeft.tasks.answers import TASK
        case "text-regression":
            from edgeft.tasks.numbers import TASK
        case "feature-extraction":
            from edgeft.tasks.embeddings import TASK
        case "foreign":
            from edgeft.tasks.foreign import TASK
        case _:
            raise FormatError(
                f"This version knows no task {name!r}; it knows {', '.join(TASKS)}.",
                hint="Update with: pip install --upgrade edgeft",
            )
    return TASK
