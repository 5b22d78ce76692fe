"""The cache folder is the user's alone."""

import errno
import os
import stat
from pathlib import Path

import pytest

from edgeft.errors import OutputError
from edgeft.runtime.cache import cache_folder, private_folder

POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX modes only")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_systems_own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "edgeft"


@pytest.mark.parametrize("named", [None, "~no-such-user/cache"])
def test_no_home_is_no_place(monkeypatch: pytest.MonkeyPatch, named: str | None) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EDGEFT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    if named is not None:
        monkeypatch.setenv("EDGEFT_CACHE", named)
    with pytest.raises(OutputError, match="knows no such home folder") as caught:
        private_folder("key")
    assert "EDGEFT_CACHE" in caught.value.hint


@POSIX
def test_only_the_user_may_enter(cache: Path) -> None:
    folder = private_folder("tensorrt", "key")
    assert folder == cache / "tensorrt" / "key"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder("tensorrt", "key") == folder


@POSIX
def test_a_folder_that_others_may_write_is_refused() -> None:
    private_folder("key").chmod(0o777)
    with pytest.raises(OutputError, match="can be written by others"):
        private_folder("key")


@POSIX
def test_a_link_in_its_place_is_refused(cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (cache / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="can be written by others"):
        private_folder("key")


def test_a_place_that_cannot_be_made_is_told(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(OutputError, match="cannot be made") as caught:
        private_folder("key")
    assert "EDGEFT_CACHE" in caught.value.hint


@POSIX
def test_a_folder_on_a_disk_that_is_read_only(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    cache.mkdir(mode=0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(OutputError, match="cannot be made: Read-only file system"):
        private_folder("key")
