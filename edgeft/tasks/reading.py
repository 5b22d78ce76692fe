"""The user's labelled rows, brought to the labels that a model has."""

from edgeft.data import Examples
from edgeft.errors import DataError

__all__ = ["aligned"]

MOST_NAMED = 8  # labels of a model that a message names


def aligned(examples: Examples, labels: tuple[str, ...]) -> Examples:
    """The examples with label ids as in ``labels``, a model's.

    Raises DataError at the first row whose label the model does not know.
    """
    strange = set(examples.labels) - set(labels)
    if not strange:
        return examples.renumbered(labels)
    for truth, line in zip(examples.named(), examples.lines, strict=True):
        if truth in strange:
            some = ", ".join(map(repr, labels[:MOST_NAMED]))
            raise DataError(
                f"{examples.source}, line {line}: the model has no label {truth!r}.",
                hint=f"It has {len(labels)}: {some}{' …' if len(labels) > MOST_NAMED else ''}. "
                f"Labels were read from the column {examples.columns['label']!r}; "
                "name another with --label-column.",
            )
    return examples.renumbered(labels)
