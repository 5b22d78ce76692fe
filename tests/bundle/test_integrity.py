"""Files stay inside the bundle, and what is loaded is what was hashed."""

import os
from pathlib import Path

import pytest

from edgeft.bundle.integrity import check_record, confined, open_file, path_of, record_of
from edgeft.errors import BundleError, IntegrityError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "a.txt").write_bytes(b"inside")
    (tmp_path / "outside.txt").write_bytes(b"outside")
    return tmp_path / "bundle"


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "b.txt").symlink_to("a.txt")
    with open_file(folder, "b.txt") as stream:
        assert stream.read() == b"inside"


@pytest.mark.parametrize("target", ["../outside.txt", "/etc/hostname"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, target: str) -> None:
    (folder / "b.txt").symlink_to(target)
    with pytest.raises(BundleError, match="leaves the folder"):
        confined(folder, "b.txt")


def test_a_folder_that_is_a_link_out_is_refused(folder: Path) -> None:
    (folder / "sub").symlink_to(folder.parent)
    with pytest.raises(BundleError, match="leaves the folder"):
        confined(folder, "sub/outside.txt")


def test_the_links_of_the_hub_cache_are_allowed(tmp_path: Path) -> None:
    repository = tmp_path / "models--someone--news"
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "f00d").write_bytes(b"blob")
    (repository / "refs").write_bytes(b"elsewhere")
    (snapshot / "config.json").symlink_to("../../blobs/f00d")
    (snapshot / "other").symlink_to("../../refs")
    with open_file(snapshot, "config.json") as stream:
        assert stream.read() == b"blob"
    with pytest.raises(BundleError, match="leaves the folder"):
        confined(snapshot, "other")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(IntegrityError, match="is not a file"):
        open_file(folder, "pipe")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux only")
def test_the_open_file_is_read_even_if_its_path_is_replaced(folder: Path) -> None:
    with open_file(folder, "a.txt") as stream:
        (folder / "other").write_bytes(b"forged")
        (folder / "other").replace(folder / "a.txt")
        assert path_of(stream, folder / "a.txt").read_bytes() == b"inside"


def test_full_fast_and_off(folder: Path) -> None:
    records = {"a.txt": record_of(folder / "a.txt")}
    (folder / "a.txt").write_bytes(b"INSIDE")  # as long as before
    check_record(folder, records, "a.txt", verify="off")
    check_record(folder, records, "a.txt", verify="fast")
    with pytest.raises(IntegrityError, match="sha256"):
        check_record(folder, records, "a.txt", verify="full")
    (folder / "a.txt").write_bytes(b"longer than before")
    with pytest.raises(IntegrityError, match="18 bytes where 6"):
        check_record(folder, records, "a.txt", verify="fast")
    with pytest.raises(IntegrityError, match="not listed"):
        check_record(folder, {}, "a.txt", verify="off")
