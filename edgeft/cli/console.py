"""Everything the commands print: results on stdout, progress and notes on stderr."""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edgeft.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["note", "print_json", "print_lines", "print_table", "printable", "show_progress"]

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # C0, DEL and C1: what steers a terminal
LOG_EVERY_S = 15.0  # between two plain lines where stderr is no terminal


def printable(text: str) -> str:
    """The text with its control characters, line breaks too, spelt out: \\x1b."""
    return CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def note(text: str) -> None:
    """Print a line for the person on stderr; the text is never taken as markup."""
    print(printable(text), file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout; control characters in them are spelt out."""
    for line in lines:
        print(printable(line))


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; cells are never taken as markup or as terminal controls.

    A column is aligned to the right where all its cells are numbers, which may
    be formatted already and carry a unit behind a space.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[printable(str(cell)) for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(map(printable, columns)):
        numeric = all(_is_number(row[at]) for row in cells)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe or a file has no width of its own
        console.width = 120
    print(printable(title))
    console.print(table)


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Give a Progress: bars with the time left on a terminal, else a line now and then."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with _bars(console) as progress:
            yield progress
    else:
        yield _Log()


@contextmanager
def _bars(console: "Console") -> Iterator[Progress]:
    from rich import progress as bars

    with bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("left"),
        bars.TimeRemainingColumn(),
        console=console,
        redirect_stdout=sys.stdout.isatty(),  # results on a pipe stay there
    ) as display:
        tasks: dict[str, bars.TaskID] = {}

        def update(step: str, done: int, total: int) -> None:
            if step not in tasks or display.tasks[tasks[step]].completed > done:
                tasks[step] = display.add_task(step, total=total)
            display.update(tasks[step], completed=done, total=total)

        yield update


class _Log:
    def __init__(self) -> None:
        self.step = ""
        self.began = self.last = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self.step:
            self.step, self.began, self.last = step, now, now
        # A last line is worth printing too, unless the step was a matter of a second.
        elif now - self.last < (LOG_EVERY_S if done < total else 1.0):
            return
        self.last = now
        elapsed = now - self.began
        left = f", about {elapsed / done * (total - done):.0f} s left" if 0 < done < total else ""
        note(f"{step}: {done}/{total}, {elapsed:.0f} s{left}")


def _is_number(cell: str) -> bool:
    head = cell.split(" ")[0].rstrip("%×").replace(",", "")
    try:
        float(head)
    except ValueError:
        return cell in ("", "-")
    return True
