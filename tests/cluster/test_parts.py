"""Files are found wherever they lie, and cut into parts that hold each row once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from fsspec.registry import known_implementations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeft.cluster.parts import RowsPart, cut_in_parts, look_into, rows_between
from edgeft.cluster.places import Folder, parquet_files
from edgeft.errors import DataError, DependencyError, OutputError
from tests.cluster.rows import many, write_rows

SIZES = st.lists(st.lists(st.integers(0, 50), max_size=6), max_size=4)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, st.integers(1, 60))
def test_each_row_is_in_one_part_and_in_order(groups: list[list[int]], most: int) -> None:
    parts = cut_in_parts(groups, most)
    assert all(0 < part.rows <= most for part in parts)
    for file, sizes in enumerate(groups):
        own = [part for part in parts if part.file == file]
        rows = [row for part in own for row in range(part.begin, part.end)]
        assert rows == [*range(sum(sizes))]
    assert [part.file for part in parts] == sorted(part.file for part in parts)


def test_groups_that_fit_are_not_cut() -> None:
    assert cut_in_parts([[3, 3, 3], [], [10]], 6) == [
        RowsPart(0, 0, 6), RowsPart(0, 6, 9), RowsPart(2, 0, 5), RowsPart(2, 5, 10)
    ]  # fmt: skip


@pytest.mark.parametrize(("begin", "end"), [(0, 10), (0, 4), (3, 5), (4, 8), (9, 10)])
def test_rows_between(tmp_path: Path, begin: int, end: int) -> None:
    with pyarrow.parquet.ParquetFile(write_rows(tmp_path, **many(10))) as file:
        ids = [row for batch in rows_between(file, begin, end, ["text", "id"])
               for row in batch.column("id").to_pylist()]  # fmt: skip
    assert ids == [*range(begin, end)]


def test_files_of_a_folder_a_pattern_and_one_by_one(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.parquet", "notes.txt"):
        write_rows(tmp_path, name, **many(2))
    write_rows(tmp_path / "deep", "c.parquet", **many(2))
    write_rows(tmp_path / "_left", "d.parquet", **many(2))
    write_rows(tmp_path / ".left", "e.parquet", **many(2))
    every = [str(tmp_path / one) for one in ("a.parquet", "b.parquet", "deep/c.parquet")]
    assert parquet_files(str(tmp_path)) == every
    assert parquet_files(f"file://{tmp_path}") == every
    assert parquet_files(str(tmp_path / "[ab].parquet")) == every[:2]
    assert parquet_files(every[2]) == every[2:]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source, words in {
        tmp_path / "none": "does not exist",
        tmp_path / "*.parquet": "holds no Parquet files",
        tmp_path / "empty": "holds no Parquet files",
    }.items():
        with pytest.raises(DataError, match=words):
            parquet_files(str(source))
    with pytest.raises(DataError, match="Protocol not known"):
        parquet_files("nowhere://in")


def test_an_object_store_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"class": "no_such_package.System", "err": "Install no_such_package"}
    monkeypatch.setitem(known_implementations, "lacking", unknown)
    with pytest.raises(DependencyError, match="Install no_such_package"):
        parquet_files("lacking://in")


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    for name, content in {"empty": b"", "text": b"text\nthe cat\n" * 9, "cut": None}.items():
        path = tmp_path / f"{name}.parquet"
        if content is None:
            content = write_rows(tmp_path, **many(9)).read_bytes()[:-20]
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.parquet cannot be read as Parquet"):
            look_into([str(path)])


def test_the_footer_tells_a_file_from_another_of_its_size(tmp_path: Path) -> None:
    one = look_into([str(write_rows(tmp_path, text=["aa", "bb"]))])[0]
    other = look_into([str(write_rows(tmp_path, text=["aa", "cc"]))])[0]
    assert one.size == other.size
    assert one.footer != other.footer


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_behind_http(tmp_path: Path) -> None:
    write_rows(tmp_path, **many(9))
    with _served(tmp_path) as address:
        found = look_into(parquet_files(f"{address}/rows.parquet"))
        with pytest.raises(DataError, match="does not exist"):
            parquet_files(f"{address}/none.parquet")
    assert found[0].groups == (4, 4, 1)


def test_a_folder_elsewhere_is_written_whole_or_not_at_all() -> None:
    folder = Folder("memory://edgeft-test-out")
    assert folder.names() is None
    folder.put("_edgeft.json", "{}")
    with pytest.raises(ZeroDivisionError), folder.place_for("part-00000.parquet") as place:
        place.write_bytes(b"half" * (1 // 0))
    assert folder.names() == ["_edgeft.json"]
    with folder.place_for("part-00000.parquet") as place:
        place.write_bytes(b"whole")
    assert (folder.names(), folder.read("part-00000.parquet")) == (
        ["_edgeft.json", "part-00000.parquet"], b"whole",
    )  # fmt: skip
    folder.put("_unfinished-0123abcd-part-00001.parquet", "half")
    folder.clear()
    assert folder.names() == ["_edgeft.json", "part-00000.parquet"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        Folder(str(tmp_path / "file")).names()
