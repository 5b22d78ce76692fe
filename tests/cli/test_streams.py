"""Streams that are closed, full, of other encodings, without blocking, or without a reader."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgeft.cli import console
from tests.cli.processes import ROOT, edgeft

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX shells")

TEXT = "é 上 😀 … \udcff\ud800"
CLOSED = "Error: Standard output is closed.\nSend it to a file, or to /dev/null.\n"


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, *show: object) -> bytes:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    console.print_json({"text": TEXT})
    console.print_table(TEXT, ["name", "wide"], [[TEXT, "x"], ["yyyy", "z"]])
    console.print_lines([TEXT])
    stream.flush()
    return raw.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252", "cp850", "gbk"])
def test_json_is_whole_and_tables_are_readable_in_every_encoding(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    document, brace, rest = printed(monkeypatch, encoding).partition(b"\n}\n")
    # JSON is UTF-8 whatever the stream is (RFC 8259); ASCII is both.
    assert json.loads((document + brace).decode("utf-8")) == {"text": TEXT}
    lines = rest.decode(encoding).splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].endswith(r"\xff\ud800")
    if encoding == "ascii":
        assert lines[0] == r"\xe9 \u4e0a \U0001f600 ... \xff\ud800"
        # What is spelt out takes its room, so that columns stand under each other.
        rows = [line for line in lines if line.strip(" |").endswith(("x", "z"))]
        assert len({line.rstrip(" |").rindex(" ") for line in rows}) == 1


def test_stdout_that_is_closed_is_told_before_the_work() -> None:
    for arguments in (("--version",), ("doctor",), ("predict", "nowhere", "-")):
        done = edgeft(*arguments, before=lambda: os.close(1), stdout=None)
        assert (done.returncode, done.stderr) == (1, CLOSED)


def test_stdin_that_is_closed_is_told(tiny_bundle: Path) -> None:
    done = edgeft("predict", tiny_bundle, "-", before=lambda: os.close(0))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Standard input is closed.\n")


def test_with_stderr_closed_the_answers_are_answers_alone(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat\nrain\n")
    done = edgeft("predict", tiny_bundle, texts, before=lambda: os.close(2), stderr=None)
    assert done.returncode == 0
    assert [set(json.loads(line)) > {"label"} for line in done.stdout.splitlines()] == [True] * 2
    assert edgeft("predict", "nowhere", before=lambda: os.close(2), stderr=None).returncode == 1


def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from edgeft.cli.streams import open_streams\n"
        "open_streams()\n"
        "data = open(sys.argv[1], 'w')\n"
        "print('a note', file=sys.stderr, flush=True)\n"
        "os.write(2, b'of a native library')\n"
        "sys.exit(data.fileno() < 3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: os.closerange(0, 3),
    )
    assert done.returncode == 0
    assert (tmp_path / "data").read_text() == ""


def test_standard_input_that_does_not_block_is_read_to_its_end(tiny_bundle: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)

    def slowly() -> None:
        for text in (b"the cat\n", b"rain\nsun", b""):
            time.sleep(1)
            os.write(write, text)
        os.close(write)

    thread = threading.Thread(target=slowly)
    thread.start()
    done = edgeft("predict", tiny_bundle, "-", stdin=read)
    thread.join()
    os.close(read)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3


def test_standard_output_that_does_not_block_gets_all() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    code = (
        "from edgeft.cli.streams import open_streams\n"
        "open_streams()\n"
        "for number in range(100_000):\n"
        "    print(number)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=write, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    os.close(write)
    time.sleep(1)  # for the pipe to fill
    with os.fdopen(read, "rb") as stream:
        assert [int(line) for line in stream] == list(range(100_000))
    assert process.wait() == 0


@pytest.mark.parametrize(
    "arguments", [["-h"], ["predict", "-h"], ["--version"], ["doctor"], ["inspect", "{}", "--json"]]
)
def test_a_reader_that_went_away_is_141_without_a_word(
    tiny_bundle: Path, arguments: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = edgeft(*[one.replace("{}", str(tiny_bundle)) for one in arguments], stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_notes_that_nobody_can_take_stop_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat\n")
    with Path("/dev/full").open("w") as full:
        done = edgeft("predict", tiny_bundle, texts, stderr=full)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
        assert edgeft("predict", "nowhere", stderr=full).returncode == 1
        assert edgeft("nosuch", stderr=full).returncode == 2
        assert edgeft("predict", tiny_bundle, texts, stdout=full).returncode == 1


def test_a_path_that_is_not_utf_8_is_spelt_out(tiny_bundle: Path, tmp_path: Path) -> None:
    texts = os.fsencode(tmp_path) + b"/t\xff.txt"
    try:
        Path(os.fsdecode(texts)).write_text("the cat\n")
    except OSError:
        pytest.skip("this file system has no such names")
    assert edgeft("predict", tiny_bundle, os.fsdecode(texts)).returncode == 0
    done = edgeft("predict", os.fsdecode(b"none\xff"))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: none\\xff is not a folder.")


def test_a_user_without_a_name_or_a_home_can_predict(tiny_bundle: Path, tmp_path: Path) -> None:
    # As in a container that runs under any number: no entry in the list of users, no variables.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pwd\n"
        "def unknown(number):\n"
        "    raise KeyError(number)\n"
        "pwd.getpwuid = unknown\n"
        "for name in ('HOME', 'XDG_CACHE_HOME', 'EDGEFT_CACHE', 'USER', 'LOGNAME'):\n"
        "    os.environ.pop(name, None)\n"
    )
    variables = {"PYTHONPATH": str(tmp_path)}
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat\n")
    done = edgeft("predict", tiny_bundle, texts, variables=variables)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr
    bench = ("bench", tiny_bundle, "--device", "cpu", "--save")
    refused = edgeft(*bench, variables=variables)
    assert refused.returncode == 1
    assert "There is no place for a cache" in refused.stderr
    assert "benchmark" not in refused.stderr  # before anything is measured
