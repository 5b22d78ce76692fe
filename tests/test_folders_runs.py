"""Runs that are killed, and runs that meet."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgeft.errors import OutputError
from edgeft.folders import BUNDLE, claim_file, claim_folder, discard, new_folder
from edgeft.folders.names import lock_of, spare
from tests.folders import a_bundle, names_in

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the victims are forked")
@pytest.mark.parametrize(
    ("how", "least"),  # and the least number of file operations of one replacement
    [("exchange", 25), ("renames", 25), ("file", 8)],
)
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(
    tmp_path: Path, how: str, least: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.folder_victim", str(tmp_path), how],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    states = [line.split() for line in done.stdout.splitlines()]
    assert len(states) > least
    assert states[0] == ["old", "old"]
    assert states[-1] == ["new", "new"]
    assert {cleared for _, cleared in states} == {"old", "new"}
    # Between two renames nothing stands there until the next run; else one of the two always does.
    assert {after for after, _ in states} - {"old", "new"} == (
        {"none"} if how == "renames" else set()
    )


def test_only_what_killed_runs_left_is_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    mine = [".out.tmp", ".out.notes.edgeft-new", ".out2.01234567.edgeft-new", "out.partial"]
    for name in mine:
        (tmp_path / name).mkdir()
    for purpose in ("new", "gone"):
        a_bundle(spare(out, purpose))
    spare(out, "new").write_text("half a file")
    with claim_folder(out, BUNDLE):
        pass
    assert names_in(tmp_path) == sorted(mine)


def test_what_was_moved_aside_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    a_bundle(spare(out, "old"), "old")
    with pytest.raises(OutputError, match="exists already"), claim_folder(out, BUNDLE):
        pass
    assert (out / "config.json").read_text() == "old"
    a_bundle(spare(out, "old"), "older")
    with claim_folder(out, BUNDLE, force=True):
        pass
    assert (out / "config.json").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


def test_read_only_parts_are_deleted_too(tmp_path: Path) -> None:
    out = a_bundle(tmp_path / "out")
    (out / "onnx").chmod(0o500)
    out.chmod(0o500)
    discard(out, out)
    assert names_in(tmp_path) == []


# --- two runs --------------------------------------------------------------------------

HOLD = """
import sys; from pathlib import Path
from edgeft.folders import BUNDLE, claim_file, claim_folder
claim = claim_file if sys.argv[2] == "file" else lambda out: claim_folder(out, BUNDLE)
with claim(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(out: Path, kind: str) -> "subprocess.Popen[str]":
    """A process that holds ``out`` until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out), kind],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_second_run_is_told_who_holds_the_place(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    (tmp_path / "link").symlink_to(tmp_path)

    def claim(path: Path) -> None:
        with claim_file(path) if kind == "file" else claim_folder(path, BUNDLE):
            pass

    with holder(out, kind) as process:
        for path in (out, tmp_path / "link" / "out", tmp_path / "sub" / ".." / "out"):
            with pytest.raises(OutputError, match="Another run is writing") as caught:
                claim(path)
        for told in (f"process {process.pid}", "since 20", "-c"):
            assert told in caught.value.message
        claim(tmp_path / "out2")
        process.kill()
    assert names_in(tmp_path) == [".out.edgeft-lock", "link"]
    claim(out)  # the lock died with its process
    assert names_in(tmp_path) == ["link"]
    with holder(out, kind) as process:
        process.communicate()
    assert names_in(tmp_path) == ["link"]


def test_one_process_does_not_meet_itself(tmp_path: Path) -> None:
    with (
        claim_folder(tmp_path / "out", BUNDLE),
        pytest.raises(OutputError, match=f"process {os.getpid()}"),
        claim_folder(tmp_path / "out", BUNDLE),
    ):
        pass
    with new_folder(tmp_path / "out", BUNDLE) as folder:
        a_bundle(folder)
    assert names_in(tmp_path) == ["out"]


def test_a_disk_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeft.folders.lock._lock", lambda _: False)
    others = spare(tmp_path / "out", "new")
    others.mkdir()
    with new_folder(tmp_path / "out", BUNDLE) as folder:
        a_bundle(folder)
    assert names_in(tmp_path) == sorted([others.name, "out"])  # who knows whether it still works


def test_many_runs_one_winner_at_a_time(tmp_path: Path) -> None:
    out, inside, met = tmp_path / "out", [], []

    def run(_: int) -> int:
        try:
            with claim_folder(out, BUNDLE):
                inside.append(1)
                met.append(len(inside))
                inside.pop()
                return 1
        except OutputError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(400))) >= 1
    assert set(met) == {1}
    assert not lock_of(out).exists()
