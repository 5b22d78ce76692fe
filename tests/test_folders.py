"""Output folders appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.errors import OutputError
from edgeft.folders import check_file, fresh_folder, is_write_failure, new_folder, write_file


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _write_and_fail(path: Path, error: BaseException) -> None:
    path.write_text("1")
    raise error


def test_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "out") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "out").exists()
    assert _names(tmp_path / "deep") == ["out"]
    assert (tmp_path / "deep" / "out" / "a").read_text() == "1"
    assert (tmp_path / "deep" / "out").stat().st_mode & 0o077 == 0o077 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out") as folder:
        _write_and_fail(folder / "a", ZeroDivisionError())
    assert _names(tmp_path) == []


def test_existing_folder_is_refused_then_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    with pytest.raises(OutputError, match="exists already"), new_folder(out):
        pass
    with pytest.raises(KeyboardInterrupt), new_folder(out, force=True) as folder:
        _write_and_fail(folder / "new", KeyboardInterrupt())
    assert _names(out) == ["old"]
    with new_folder(out, force=True) as folder:
        (folder / "new").write_text("new")
    assert _names(out) == ["new"]
    assert _names(tmp_path) == ["out"]


def test_old_folder_comes_back_when_the_rename_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match="No space left"), new_folder(out, force=True):
        pass
    assert _names(tmp_path) == ["out"]
    assert _names(out) == ["old"]


def test_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="not a folder"), new_folder(tmp_path / "out", force=True):
        pass
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="no file-size limits there")
def test_a_disk_that_takes_no_more_is_one_clear_error(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from edgeft.folders import new_folder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with new_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'big').write_bytes(bytes(10_000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out")], capture_output=True, text=True
    )
    assert "OutputError" in done.stderr
    assert "could not be written: File too large" in done.stderr
    assert _names(tmp_path) == []


def test_wrapped_write_errors_are_recognized() -> None:
    assert is_write_failure(RuntimeError("io: No space left on device (os error 28)"))
    assert not is_write_failure(FileNotFoundError(2, "No such file"))


def test_a_fresh_folder_gives_way_to_the_old_one_on_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with fresh_folder(out):
        (out / "old").write_text("old")
    with pytest.raises(OutputError, match="exists already"), fresh_folder(out):
        pass
    with pytest.raises(KeyboardInterrupt), fresh_folder(out, force=True):
        _write_and_fail(out / "new", KeyboardInterrupt())
    assert _names(out) == ["old"]
    with fresh_folder(out, force=True):
        (out / "new").write_text("new")
    assert _names(out) == ["new"]
    assert _names(tmp_path) == ["out"]


def test_write_file_is_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_file(path, "1")
    with pytest.raises(OutputError):
        write_file(path, "2")
    write_file(path, "2", force=True)
    assert path.read_text() == "2"
    assert _names(path.parent) == ["a.json"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_could_not_be_written_is_told_beforehand(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("mine")
    for place, message in ((tmp_path, "is a folder"), (tmp_path / "file" / "x", "be written in")):
        with pytest.raises(OutputError, match=message):
            check_file(place, force=force)
    check_file(tmp_path / "new" / "deeper" / "x", force=force)
    assert not (tmp_path / "new").exists()
