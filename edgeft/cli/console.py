"""Everything the commands print: results on stdout, progress and notes on stderr."""

import codecs
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

__all__ = ["json_text", "note", "print_json", "print_lines", "print_table", "printable",
           "show_progress"]  # fmt: skip

# C0, DEL and C1, which steer a terminal; line breaks and directions, which show a text as
# another; and halves of pairs, which no stream takes.
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What this program prints of its own where an encoding lacks it.
PLAIN = str.maketrans({"…": "...", "×": "x", "–": "-", "“": '"', "”": '"', "’": "'"})
LOG_EVERY_S = 15.0  # between two plain lines where stderr is no terminal


def printable(text: str) -> str:
    """The text with its control characters, line breaks too, spelt out: \\x1b.

    A byte of a path that is not UTF-8 is spelt \\xff.
    """
    return CONTROLS.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # how Python keeps such a byte (PEP 383)
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _fitting(text: str) -> str:
    """The printable text in characters that stdout has, so that columns stay aligned."""
    encoding = _encoding()
    try:
        printable(text).encode(encoding)
    except UnicodeEncodeError:
        plain = printable(text).translate(PLAIN)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return printable(text)


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def json_text(document: Any, *, indent: int | None = None) -> str:
    """JSON for stdout: in UTF-8, or with escapes where stdout has another encoding.

    What is no character, half of a pair, is escaped in any case.
    """
    ascii_only = codecs.lookup(_encoding()).name != "utf-8"
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def note(text: str) -> None:
    """Print a line for the person on stderr; the text is never taken as markup."""
    print(printable(text), file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout; control characters in them are spelt out."""
    for line in lines:
        print(_fitting(line))


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    print(json_text(document, indent=2))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; cells are never taken as markup or as terminal controls.

    A column is aligned to the right where all its cells are numbers, which may
    be formatted already and carry a unit behind a space.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    class Tables(Console):
        def on_broken_pipe(self) -> None:
            raise  # rich would end the process, with status 1 and without a word

    cells = [[_fitting(str(cell)) for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(map(_fitting, columns)):
        numeric = all(_is_number(row[at]) for row in cells)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console = Tables(highlight=False)
    if not console.is_terminal:  # a pipe or a file has no width of its own
        console.width = 120
    print(_fitting(title))
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
