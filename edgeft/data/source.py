"""From a file or a stream of bytes to lines of text, and what is no text."""

import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from edgeft.data.table import LONGEST_FIELD, Lines
from edgeft.errors import DataError

__all__ = ["check_opens", "lines_of", "open_lines", "too_long"]

# How a text begins that is not in UTF-8. The longer marks first: one begins like a shorter one.
MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
# How files begin that are no text, what they are, and what to do with them.
UNPACK = "Unpack it first: "
KINDS = (
    (b"\x1f\x8b", "compressed (gzip)", UNPACK + "gzip -dc {} > FILE"),
    (b"BZh", "compressed (bzip2)", UNPACK + "bzip2 -dc {} > FILE"),
    (b"\xfd7zXZ\0", "compressed (xz)", UNPACK + "xz -dc {} > FILE"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)", UNPACK + "zstd -dc {} > FILE"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook",
     "Unpack it, or save the sheet as CSV in UTF-8."),
    (b"\xd0\xcf\x11\xe0", "an Office document", "Save the sheet as CSV in UTF-8."),
    (b"PAR1", "a Parquet file", "Give it the suffix .parquet; edgeft train reads it."),
    (b"%PDF-", "a PDF document", "Take the text out of it first."),
    (b"SQLite format 3\0", "an SQLite database", "Write the table to a CSV file first."),
)  # fmt: skip
START = 4096  # bytes that are looked at before a file is read
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def open_lines(path: Path) -> Lines:
    """Open a file of text and give its lines with their ends, a byte-order mark left out.

    The text is UTF-8, or UTF-16 or UTF-32 with a byte-order mark. Lines end in
    a line feed, a carriage return, or both. Raises DataError: at once where the
    file cannot be opened or is no text from its beginning, later with the line.
    """
    stream = _open(path)
    try:
        start = stream.peek(START)[:START]
        encoding = next((name for mark, name in MARKS if start.startswith(mark)), None)
        if encoding is None:
            _check_start(start, str(path))
            return lines_of(stream, str(path))
        return _marked_lines(stream, str(path), encoding)
    except OSError as error:
        stream.close()
        raise _unreadable(str(path), error) from error
    except DataError:
        stream.close()
        raise


def check_opens(path: Path) -> None:
    """Raise DataError where there is no file that can be opened."""
    _open(path).close()


def lines_of(stream: IO[bytes], source: str) -> Lines:
    """The lines of a stream of UTF-8, as they arrive; see ``open_lines``. It is closed at the end.

    Raises DataError, where ``source`` is the name of the stream, at a line that is no text.
    """
    number = 0
    with stream:
        for raw in _guarded(stream, source):
            if number == 0:
                _check_start(raw, source)
            for piece in _pieces(raw):
                number += 1
                try:
                    text = piece.decode("utf-8")
                except UnicodeDecodeError:
                    raise _not_utf8(source, number) from None
                if "\0" in text:
                    raise _nul(source, number)
                yield text.lstrip("\ufeff") if number == 1 else text


def _marked_lines(stream: io.BufferedReader, source: str, encoding: str) -> Lines:
    with io.TextIOWrapper(stream, encoding=encoding, newline="") as lines:
        number = 0
        try:
            while line := lines.readline(LONGEST_FIELD + 1):
                number += 1
                if len(line) > LONGEST_FIELD:
                    raise too_long(source, number, LONGEST_FIELD)
                if "\0" in line:
                    raise _nul(source, number)
                yield line
        except UnicodeError:
            raise DataError(
                f"{source}, after line {number}: the text is not whole {encoding}, "
                "as which it begins.",
                hint="Save it again, in UTF-8.",
            ) from None
        except OSError as error:
            raise _unreadable(source, error) from error


def _pieces(raw: bytes) -> list[bytes]:
    """What ends in a line feed, parted where bare carriage returns end lines as well."""
    if b"\r" not in raw or (raw.endswith(b"\n") and b"\r" not in raw.rstrip(b"\r\n")):
        return [raw]
    return LINE.findall(raw)


class _Bounded(io.BufferedReader):
    """A file whose lines are no longer than LONGEST_FIELD, so that none fills the memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.path = path

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        while line := self.readline(LONGEST_FIELD + 1):
            number += 1
            if len(line) > LONGEST_FIELD:
                raise too_long(str(self.path), number, LONGEST_FIELD)
            yield line


def too_long(source: str, line: int, most: int) -> DataError:
    """The error of a line of more than ``most`` bytes."""
    return DataError(
        f"{source}, line {line}: it is longer than {most >> 20} MiB.",
        hint="Each text stands in a line of its own.",
    )


def _open(path: Path) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder, not a file.", hint="Name a file in it.")
        return _Bounded(path)
    except FileNotFoundError:
        raise DataError(
            f"{path} does not exist.",
            hint="Check the path."
            + " Texts themselves come by standard input, as in: edgeft predict BUNDLE -"
            * (not path.suffix),
        ) from None
    except OSError as error:
        raise _unreadable(str(path), error) from error
    except ValueError:  # a NUL in the name
        raise DataError(f"{str(path)!r} is no name of a file.", hint="Check the path.") from None


def _guarded(stream: IO[bytes], source: str) -> Iterator[bytes]:
    try:
        yield from stream
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: str, error: OSError) -> DataError:
    return DataError(f"{source} cannot be read: {error.strerror or error}.")


def _check_start(start: bytes, source: str) -> None:
    """Raise DataError where the first bytes are not those of a text in UTF-8."""
    for mark, name in MARKS:
        if start.startswith(mark):
            raise DataError(
                f"{source}: the text is {name}, not UTF-8.",
                hint=f"Convert it: iconv -f {name} -t UTF-8 FILE > UTF-8-FILE",
            )
    for mark, kind, way in KINDS:
        if start.startswith(mark):
            raise DataError(
                f"{source} is {kind}, not a text.", hint=way.format(shlex.quote(source))
            )
    if b"\0" in start:
        raise _nul(source, 1 + start[: start.index(b"\0")].count(b"\n"))


def _nul(source: str, line: int) -> DataError:
    return DataError(
        f"{source}, line {line}: there is a NUL byte, which no text in UTF-8 holds.",
        hint="Is it UTF-16? Convert it: iconv -f UTF-16LE -t UTF-8 FILE > UTF-8-FILE",
    )


def _not_utf8(source: str, line: int) -> DataError:
    return DataError(
        f"{source}, line {line}: the text is not UTF-8.",
        hint="Convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 "
        f"{shlex.quote(source)} > FILE",
    )
