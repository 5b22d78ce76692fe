"""Files made by the tests, and what their readers tell."""

from pathlib import Path

from edgeft.data import Examples, read_examples, read_texts


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def examples_of(
    path: Path, text_column: str | None = None, label_column: str | None = None
) -> tuple[Examples, list[str]]:
    """The examples, and the notes less the file's name."""
    notes: list[str] = []
    found = read_examples(
        path, text_column=text_column, label_column=label_column, tell=notes.append
    )
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
