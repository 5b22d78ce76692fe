"""Files made by the tests, and what their readers tell."""

from pathlib import Path

from edgeft.data import Examples, Tell, read_texts, unheard
from edgeft.data.bad import OnBad
from edgeft.tasks import reading
from edgeft.tasks.classification import TASK


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_examples(
    path: Path,
    text_column: str | None = None,
    label_column: str | None = None,
    tell: Tell = unheard,
    on_bad: OnBad = "error",
) -> Examples:
    """The labelled texts of a file."""
    columns = {"text": text_column, "label": label_column}
    return reading.read_examples(path, TASK, columns, tell, on_bad)


def read_examples_or_texts(
    path: Path, label_column: str | None = None, tell: Tell = unheard
) -> Examples | list[str]:
    """The labelled texts of a file, or its texts alone."""
    found = reading.read_examples_or_inputs(path, TASK, {"label": label_column}, tell)
    return found if isinstance(found, Examples) else [str(one) for one in found]


def examples_of(
    path: Path, text_column: str | None = None, label_column: str | None = None
) -> tuple[Examples, list[str]]:
    """The examples, and the notes less the file's name."""
    notes: list[str] = []
    found = read_examples(path, text_column, label_column, notes.append)
    return found, [note.removeprefix(f"{path}: ") for note in notes]


def rows_of(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Every text with its label, and the notes."""
    found, notes = examples_of(path)
    return list(zip(found.texts, found.named(), strict=True)), notes


def texts_of(path: Path, text_column: str | None = None) -> tuple[list[str], list[str]]:
    """The texts alone, and the notes."""
    notes: list[str] = []
    found = list(read_texts(path, text_column=text_column, tell=notes.append))
    return found, [note.removeprefix(f"{path}: ") for note in notes]
