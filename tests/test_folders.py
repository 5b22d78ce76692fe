"""Output folders appear whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.demo import DEMO
from edgeft.errors import OutputError
from edgeft.folders import (
    BUNDLE,
    CHECKPOINT,
    check_file,
    check_folder,
    claim_file,
    claim_folder,
    is_write_failure,
    new_folder,
    write_file,
    write_json,
)
from tests.folders import a_bundle, a_checkpoint, names_in

# --- whole or not at all ---------------------------------------------------------------


def _write_and_fail(path: Path, error: BaseException) -> None:
    path.write_text("1")
    raise error


def test_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "out", BUNDLE) as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "out").exists()
    assert names_in(tmp_path / "deep") == ["out"]
    assert (tmp_path / "deep" / "out" / "a").read_text() == "1"
    assert (tmp_path / "deep" / "out").stat().st_mode & 0o077 == 0o077 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        new_folder(tmp_path / "deep" / "er" / "out", BUNDLE) as folder,
    ):
        _write_and_fail(folder / "a", ZeroDivisionError())
    assert names_in(tmp_path) == []


def test_existing_folder_is_refused_then_replaced(tmp_path: Path) -> None:
    out = a_bundle(tmp_path / "out")
    with pytest.raises(OutputError, match="exists already") as caught, new_folder(out, BUNDLE):
        pass
    assert "--force" in caught.value.hint
    before = names_in(out)
    with pytest.raises(KeyboardInterrupt), new_folder(out, BUNDLE, force=True) as folder:
        _write_and_fail(folder / "new", KeyboardInterrupt())
    assert names_in(out) == before
    with new_folder(out, BUNDLE, force=True) as folder:
        (folder / "new").write_text("new")
    assert names_in(out) == ["new"]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_old_folder_stays_when_the_rename_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    out = a_bundle(tmp_path / "out")
    before = names_in(out)
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.suffix == ".edgeft-new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    if not exchanges:
        monkeypatch.setattr("edgeft.folders.swap._exchange", lambda *_: False)
        with (
            pytest.raises(OutputError, match="No space left"),
            new_folder(out, BUNDLE, force=True),
        ):
            pass
    else:  # only the old one's deletion needs that rename, and the new one is in place
        monkeypatch.setattr("edgeft.folders.swap.discard", lambda *_: None)
        with new_folder(out, BUNDLE, force=True) as folder:
            (folder / "new").write_text("new")
        before = ["new"]
    assert names_in(tmp_path) == ["out"]
    assert names_in(out) == before


def test_two_renames_do_where_nothing_can_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeft.folders.swap._exchange", lambda *_: False)
    out = a_bundle(tmp_path / "out")
    with new_folder(out, BUNDLE, force=True) as folder:
        (folder / "new").write_text("new")
    assert names_in(out) == ["new"]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="no file-size limits there")
def test_a_disk_that_takes_no_more_is_one_clear_error(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from edgeft.folders import BUNDLE, new_folder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with new_folder(Path(sys.argv[1]), BUNDLE) as folder:\n"
        "    (folder / 'big').write_bytes(bytes(10_000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out")], capture_output=True, text=True
    )
    assert "OutputError" in done.stderr
    assert "could not be written: File too large" in done.stderr
    assert names_in(tmp_path) == []


def test_wrapped_write_errors_are_recognized() -> None:
    assert is_write_failure(RuntimeError("io: No space left on device (os error 28)"))
    assert not is_write_failure(FileNotFoundError(2, "No such file"))


def test_what_may_not_be_read_is_no_fault_of_the_output(tmp_path: Path) -> None:
    with (
        pytest.raises(PermissionError),
        new_folder(tmp_path / "here" / "out", BUNDLE),
    ):
        raise PermissionError(13, "Permission denied", str(tmp_path / "data.csv"))


def test_write_file_is_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_file(path, "1")
    path.chmod(0o600)
    write_file(path, "2")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("2", 0o600)
    assert names_in(path.parent) == ["a.json"]
    write_json(path, {"name": "caf\udce9", "label": "空"})  # a path that is not UTF-8
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "caf\udce9", "label": "空"}


# --- what is never replaced --------------------------------------------------------------


def refused(out: Path | str, match: str, **inputs: list[Path | str]) -> str:
    """The hint of the refusal, which must come with --force."""
    with (
        pytest.raises(OutputError, match=match) as caught,
        claim_folder(Path(out), BUNDLE, force=True, **inputs),
    ):
        pass
    return caught.value.hint


def test_only_what_edgeft_wrote_is_replaced(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / ".DS_Store").touch()
    for out in (empty, a_bundle(tmp_path / "bundle")):
        with new_folder(out, BUNDLE, force=True) as folder:
            (folder / "new").touch()
        assert names_in(out) == ["new"]
    hf = tmp_path / "hf"
    hf.mkdir()
    (hf / "config.json").write_text("{}")
    for out in (hf, a_checkpoint(tmp_path / "checkpoint")):
        before = names_in(out)
        refused(out, "exists already and is not a bundle")
        assert names_in(out) == before
    with (
        pytest.raises(OutputError, match="not a checkpoint"),
        claim_folder(a_bundle(tmp_path / "b2"), CHECKPOINT, force=True),
    ):
        pass
    for text in ("", "[]", "{", "[" * 100_000, '{"format": 1}', '{"format": 1, "files": []}'):
        (hf / "edgeft.json").write_text(text)
        refused(hf, "is not a bundle")


@pytest.mark.parametrize("make", [a_bundle, a_checkpoint])
@pytest.mark.parametrize("name", ["notes.txt", "onnx/mine/notes.txt", ".hidden"])
def test_foreign_files_are_named(tmp_path: Path, make: type, name: str) -> None:
    out, kind = make(tmp_path / "out"), BUNDLE if make is a_bundle else CHECKPOINT
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    for force in (True, False):
        with (
            pytest.raises(OutputError, match=f"did not write: {name}"),
            new_folder(out, kind, force=force),
        ):
            pass
    assert (out / name).read_text() == "mine"


def test_what_comes_while_it_works_is_kept_too(tmp_path: Path) -> None:
    out = a_bundle(tmp_path / "out")
    with (
        pytest.raises(OutputError, match="did not write: notes"),
        new_folder(out, BUNDLE, force=True),
    ):
        (out / "notes.txt").write_text("mine")
    assert (out / "notes.txt").read_text() == "mine"
    with (
        pytest.raises(OutputError, match="exists already"),
        new_folder(tmp_path / "new", BUNDLE),
    ):
        a_bundle(tmp_path / "new")
    assert names_in(tmp_path) == ["new", "out"]


def test_inputs_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = a_bundle(tmp_path / "proj" / "runs" / "mine")
    data = tmp_path / "data" / "train.csv"
    data.parent.mkdir()
    data.write_text("text,label\n")
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "parent").symlink_to(source.parent)
    monkeypatch.chdir(tmp_path)
    spellings = [
        source,
        Path("proj/runs/mine"),
        Path("proj/runs/../runs/mine/"),
        Path("proj/runs/mine/onnx/.."),
        tmp_path / "parent" / "mine",
    ]
    for spelling in spellings:
        for named in (source, "proj/runs/mine", tmp_path / "link", tmp_path / "parent" / "mine"):
            refused(spelling, "is read by this command", models=[named])
    refused(tmp_path / "link", "is read by this command|is a link", models=[source])
    for above in (tmp_path / "proj", tmp_path / "proj" / "runs"):
        refused(above, "which this command reads", models=[source])
    refused("data", "which this command reads", inputs=[data])
    refused("data", "is read by this command", inputs=["data"])
    for inside in (source / "new", source / "onnx" / "new", Path("parent/mine/new/deeper")):
        refused(inside, "lies inside", models=[source])
    refused("proj/runs/mine", "is read by", models=["proj/runs/mine/"])
    assert names_in(source) == names_in(a_bundle(tmp_path / "same"))
    with claim_folder(tmp_path / "data" / "out", BUNDLE, inputs=["data", "no/such", "minilm"]):
        pass  # beside the data of a folder is a fine place


def test_what_links_lead_to_is_an_input_too(tmp_path: Path) -> None:
    real = a_bundle(tmp_path / "real")
    (tmp_path / "data.csv").symlink_to(tmp_path / "hop.csv")
    (tmp_path / "hop.csv").symlink_to(real / "config.json")
    refused(real, "which this command reads", inputs=[tmp_path / "data.csv"])
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").symlink_to(real / "onnx" / "model.onnx")
    refused(real, "which this command reads", models=[model])


def test_places_that_nobody_would_want_to_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "me"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "work")
    refused("/", "a root")
    refused("/proc", "a root or a mount")
    for out in (".", "", home / "work", "../work", "work/.."):
        refused(out, "is the working directory|is a home")
    refused("..", "is what the working directory lies in|is a home")
    refused(home, "lies in|is a home")
    refused(tmp_path / "home", "lies in")
    checkout = a_bundle(tmp_path / "checkout")
    (checkout / ".git").mkdir()
    refused(checkout, "is a checkout")


def test_places_where_nothing_can_stand(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    refused(tmp_path / "file", "is not a folder")
    refused(tmp_path / "file" / "out", "is not a folder")
    refused(tmp_path / "broken", "is a link")
    refused(loop / "out", "not a folder|could not be written")
    refused(tmp_path / ("x" * 256), "bytes; a name has at most 255")
    refused(tmp_path / "new" / ("é" * 128) / "out", "bytes; a name has at most 255")
    refused("a\0b", "cannot be a path")
    assert (tmp_path / "file").read_text() == "mine"
    assert names_in(tmp_path) == ["broken", "file", "loop"]


def test_a_path_that_is_not_utf_8_is_no_place_for_a_model(tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"run\xff")
    with (
        pytest.raises(OutputError, match="is not UTF-8") as caught,
        claim_folder(place, CHECKPOINT, force=False),
    ):
        pass
    assert "-o" in caught.value.hint


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        for force in (False, True):
            with new_folder(tmp_path / name, BUNDLE, force=force) as folder:
                a_bundle(folder)
        write_file(tmp_path / "files" / name, "1")
        assert names_in(tmp_path / "files") == [name]
        (tmp_path / "files" / name).unlink()
    assert len(names_in(tmp_path)) == 3


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs another user")
def test_a_folder_that_may_not_be_written_is_told_beforehand(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    a_bundle(tmp_path / "closed").chmod(0o711)
    program = (
        "import os, sys; from pathlib import Path\n"
        "from edgeft.folders import BUNDLE, claim_folder, check_file\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for out in ('new', 'closed', 'closed/new'):\n"
        "    try:\n"
        "        with claim_folder(Path(sys.argv[1], out), BUNDLE, force=True): print('claimed')\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("Output")]
    assert len(lines) == 3, done.stdout + done.stderr
    assert "nothing can be written" in lines[0]
    assert names_in(tmp_path) == ["closed"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_could_not_be_written_is_told_beforehand(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("mine")
    for place, message in ((tmp_path, "is a folder"), (tmp_path / "file" / "x", "not a folder")):
        with pytest.raises(OutputError, match=message):
            check_file(place, force=force)
    check_file(tmp_path / "new" / "deeper" / "x", force=force)
    assert not (tmp_path / "new").exists()


def test_a_file_is_replaced_by_its_like_alone(tmp_path: Path) -> None:
    out, source = tmp_path / "out.json", a_bundle(tmp_path / "bundle")

    def alike(path: Path) -> bool:
        return path.read_text() == "alike"

    def refuse(path: Path, match: str) -> None:
        with (
            pytest.raises(OutputError, match=match),
            claim_file(path, force=True, inputs=[out], models=[source], alike=alike),
        ):
            pass

    other = tmp_path / "other.json"
    for text in ("", "alike"):
        other.write_text(text)
        with claim_file(other, force=True, inputs=[out], alike=alike) as place:
            write_file(place, "new")
    refuse(other, "holds something else")
    assert other.read_text() == "new"
    out.write_text("alike")
    (tmp_path / "soft").symlink_to(out)
    os.link(out, tmp_path / "hard")
    for name in ("out.json", "soft", "hard", "bundle/../out.json"):
        refuse(tmp_path / name, "is read by this command")
    for name in ("bundle/bench.json", "bundle/onnx/bench.json", "bundle/edgeft.json"):
        refuse(tmp_path / name, "lies inside")
    for name in ("/dev/null", "/dev/full"):
        refuse(Path(name), "is no ordinary file")
    os.mkfifo(tmp_path / "pipe")
    refuse(tmp_path / "pipe", "is no ordinary file")


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "kept" / "real.json")
    with claim_file(link) as place:
        write_file(place, "1")
    assert link.is_symlink()
    assert (tmp_path / "kept" / "real.json").read_text() == "1"


def test_a_demo_is_told_from_other_folders(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    a_checkpoint(out / "checkpoint")
    assert DEMO.foreign(out) is None
    a_bundle(out / "bundle")
    for name in ("train.csv", "test.csv", "bench.json"):
        (out / name).touch()
    assert DEMO.foreign(out) == []
    for name in ("mine.csv", "bundle/mine.txt", "checkpoint/mine.txt", "runs/mine/model.onnx"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    assert DEMO.foreign(out) == [
        "checkpoint/mine.txt", "bundle/mine.txt", "mine.csv", "runs/mine/model.onnx",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["~no-such-user/a.csv", "a" * 300, "a\0b", "owner/model"])
def test_what_is_no_path_here_is_left_to_its_reader(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    place = check_folder(tmp_path / "out", BUNDLE, force=True, inputs=[name], models=[name])
    assert place == tmp_path / "out"
