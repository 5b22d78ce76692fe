"""What is carried to a GPU machine: one architecture's code, parts of a folder, joined again."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.gpu import fatbin, parts


def _entry(architecture: int, code: bytes, *, kind: int = 2) -> bytes:
    header = bytearray(64)
    struct.pack_into("<HHIQ", header, 0, kind, 0x101, len(header), len(code))
    struct.pack_into("<I", header, 28, architecture)
    return bytes(header) + code


def _container(*entries: bytes) -> bytes:
    content = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(content)) + content


def test_the_code_of_other_architectures_becomes_zeros() -> None:
    before, between, behind = b"ELF...", b"\x50\xed\x55\xba by chance, no container", b"end"
    library = bytearray(
        before + _container(_entry(75, b"old" * 9), _entry(90, b"mine" * 9)) + between
        + _container(_entry(90, b"more"), _entry(120, b"new"), _entry(75, b"ptx", kind=1)) + behind
    )  # fmt: skip
    size = len(library)
    assert fatbin.keep_architecture(library, 90) == {75: 30, 90: 40, 120: 3}
    assert len(library) == size
    assert b"old" not in library
    assert b"new" not in library
    assert b"ptx" not in library
    assert b"mine" * 9 in library
    assert b"more" in library
    assert library.startswith(before)
    assert between in library
    assert library.endswith(behind)
    assert library.count(struct.pack("<I", 0xBA55ED50)) == 3  # headers stay, the driver reads them
    assert fatbin.keep_architecture(library, 90) == {75: 30, 90: 40, 120: 3}


@pytest.mark.parametrize(
    ("library", "message"),
    [
        (b"no container at all", "there is: none"),
        (_container(_entry(75, b"old")), "architecture 90; there is: 75"),
        (_container(_entry(90, b"mine"))[:-1], "beyond the library's end"),
        (_container(_entry(90, b"mine"), b"cut"), "is cut short"),
        (_container(_entry(90, b"mine", kind=7)), "does not add up"),
    ],
)
def test_a_library_that_is_not_understood_is_left_as_it_is(library: bytes, message: str) -> None:
    content = bytearray(library)
    with pytest.raises(fatbin.FatbinError, match=message):
        fatbin.keep_architecture(content, 90)
    assert content == library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "noise").write_bytes(os.urandom(25_000))
    (folder / "inner" / "text.txt").write_text("the cat\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


def test_a_folder_is_cut_and_joined(folder: Path, tmp_path: Path) -> None:
    made = parts.cut(folder, tmp_path / "parts", most_bytes=10_000)
    assert [one.name for one in made] == ["part-1", "part-2", "part-3"]
    assert all(one.bytes <= 10_000 for one in made)
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert names == ["part-1", "part-2", "part-3", "parts.json"]
    assert parts.faults(tmp_path / "parts") == []
    parts.join(tmp_path / "parts", tmp_path / "joined")
    for path in folder.rglob("*"):
        joined = tmp_path / "joined" / path.relative_to(folder)
        assert joined.stat().st_mode == path.stat().st_mode
        assert path.is_dir() or joined.read_bytes() == path.read_bytes()
    assert not list((tmp_path / "joined").glob("packed*"))
    again = parts.cut(folder, tmp_path / "again", most_bytes=10_000)
    assert again == made  # whenever and by whomever they are made
    assert len(parts.cut(folder, tmp_path / "parts", most_bytes=100_000)) == 1
    assert not (tmp_path / "parts" / "part-2").exists()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "part-2 is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "part-2 has 9,999 of 10,000 bytes"),
        (lambda path: path.write_bytes(bytes(10_000)), "part-2 is damaged"),
    ],
)
def test_a_part_that_is_not_whole_is_named_and_nothing_is_unpacked(
    folder: Path, tmp_path: Path, harm: Callable[[Path], object], message: str
) -> None:
    made = tmp_path / "parts"
    parts.cut(folder, made, most_bytes=10_000)
    harm(made / "part-2")
    with pytest.raises(parts.PartsError, match=f"^{message}.*Carry what is named once more"):
        parts.join(made, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
    assert parts.faults(made, ["part-1", "part-3"]) == []
    (made / parts.LIST).write_text("[{")
    with pytest.raises(parts.PartsError, match=r"parts\.json cannot be read"):
        parts.join(made, tmp_path / "joined")
