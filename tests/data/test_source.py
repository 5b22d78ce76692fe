"""What bytes are text, and where their lines end."""

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from pathlib import Path

import pytest

from edgeft.data import open_texts, read_texts, source
from edgeft.errors import DataError
from tests.data.files import read_examples, rows_of, texts_of, write


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marked_encodings_and_every_line_end(tmp_path: Path, encoding: str, end: str) -> None:
    mark = "" if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff"
    table = mark + end.join(["text,label", "café 长 🎉,x", '"b', 'c",y', ""])
    rows, notes = rows_of(write(tmp_path, "a.csv", table.encode(encoding)))
    assert rows == [("café 长 🎉", "x"), (f"b{end}c", "y")]
    assert notes == []
    plain = mark + end.join(["one", "", "两", ""])
    assert texts_of(write(tmp_path, "a.txt", plain.encode(encoding))) == (["one", "", "两"], [])


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"one\rtwo\rthree", ["one", "two", "three"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"one\r\r\r", ["one", "", ""]),
        (b"\r\r", ["", ""]),
        (b"one\r\r\ntwo\r\r\n", ["one", "two"]),  # a line end that was translated twice
        (b"one\x0b\xe2\x80\xa8two\n", ["one\x0b\u2028two"]),  # which end no line
        (b"", []),
    ],
)
def test_where_a_plain_line_ends(tmp_path: Path, content: bytes, texts: list[str]) -> None:
    assert texts_of(write(tmp_path, "a.txt", content)) == (texts, [])
    assert list(read_texts(io.BytesIO(content))) == texts


def test_line_ends_of_both_kinds_are_told(tmp_path: Path) -> None:
    texts, notes = texts_of(write(tmp_path, "a.txt", b"one\rtwo\nthree\r\nfour"))
    assert texts == ["one", "two", "three", "four"]
    assert notes == [
        "1 line ends in a bare carriage return, others in a line feed; each is one text (line 1)."
    ]


def test_many_carriage_returns_take_linear_time(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", b"\r" * 2_000_000)  # quadratic, it would take hours
    assert sum(1 for _ in open_texts(path)) == 2_000_000


def _zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "txt", "csv.gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"text,label\na,x\n"), "is compressed (gzip), not a text.\nUnpack it first"),
        (bz2.compress(b"text,label\na,x\n"), "is compressed (bzip2)"),
        (lzma.compress(b"text,label\na,x\n"), "is compressed (xz)"),
        (_zipped(), "is a ZIP archive or an Excel workbook"),
        (b"PAR1\x15\x04", "is a Parquet file"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"text,label\na\0b,x\n", "line 2: there is a NUL byte"),
        ("text,label\na,x\n".encode("utf-16-le"), "line 1: there is a NUL byte"),
        (b"\0" * 100, "line 1: there is a NUL byte"),
        (b"caf\xe9,x\n", "line 1: the text is not UTF-8"),
    ],
    ids=("gzip", "bzip2", "xz", "zip", "parquet", "pdf", "nul", "utf-16", "zeros", "latin-1"),
)
def test_what_is_no_text_is_told_for_what_it_is(
    tmp_path: Path, suffix: str, content: bytes, message: str
) -> None:
    path = write(tmp_path, f"a file.{suffix}", content)
    with pytest.raises(DataError) as caught:
        list(read_texts(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_a_stream_is_held_to_the_same(tmp_path: Path) -> None:
    for content, message in (
        (gzip.compress(b"x\n"), "stdin is compressed"),
        (b"a\nb\0\n", "stdin, line 2: there is a NUL byte"),
        ("x\n".encode("utf-16"), "stdin: the text is UTF-16"),
        (b"a\rb\r\xff\n", "stdin, line 3: the text is not UTF-8"),
    ):
        with pytest.raises(DataError, match=message):
            list(read_texts(io.BytesIO(content)))


def test_a_late_nul_names_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", b"some text\n" * 10_000 + b"\0\0\0\n")
    with pytest.raises(DataError, match="line 10001: there is a NUL byte"):
        list(read_texts(path))


def test_half_a_character_of_utf_16(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,x\n".encode("utf-16")[:-1])
    with pytest.raises(DataError, match="not whole UTF-16"):
        read_examples(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    with pytest.raises(DataError, match="is a folder"):
        open_texts(folder)
    with pytest.raises(DataError, match="does not exist"):
        open_texts(tmp_path / "no.txt")
    with pytest.raises(DataError, match="name too long"):
        open_texts(tmp_path / ("x" * 300 + ".csv"))
    with pytest.raises(DataError, match="is no name of a file"):
        open_texts(tmp_path / "a\0.csv")
    with pytest.raises(DataError, match=r"Not a directory|does not exist"):
        open_texts(write(tmp_path, "a.txt", "x") / "b.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_a_pipe_with_a_name_is_opened_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("text\na\nb\n",))
    writer.start()
    assert list(read_texts(path))[-2:] == ["a", "b"]
    writer.join()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_a_line_without_an_end_is_not_read_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, encoding: str
) -> None:
    monkeypatch.setattr(source, "LONGEST_FIELD", 1 << 20)
    head = '{"text": "a"}\n' if name == "a.jsonl" else "text\n"
    path = write(tmp_path, name, (head + "a" * (3 << 20)).encode(encoding))
    with pytest.raises(DataError, match=r"line [12]: it is longer than 1 MiB"):
        list(open_texts(path))
