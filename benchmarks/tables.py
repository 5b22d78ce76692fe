"""Tables in README.md that a script writes, between two marks."""

from pathlib import Path

__all__ = ["replace_table"]


def replace_table(readme: Path, name: str, table: str) -> None:
    """Put ``table`` between the marks NAME and /NAME; SystemExit where they are missing."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    text = readme.read_text(encoding="utf-8")
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{readme.name} has no marks for the table {name!r}.")
    readme.write_text(f"{head}{begin}{table}\n{end}{tail}", encoding="utf-8")
