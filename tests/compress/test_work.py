from pathlib import Path

import pytest

from edgeft.compress.work import Work, claim_work
from edgeft.errors import OutputError

ASKED = {"checkpoint": "abc", "max_drop": 0.5, "seed": 0}


def filled(folder: Path) -> Work:
    """The folder of a run that has made something of everything."""
    work = Work(folder / "out.partial")
    work.begin(ASKED, force=False)
    for path in (work.checkpoint("half"), work.bundle("half"), work.candidate("half-int8")):
        path.mkdir(parents=True)
        (path / "config.json").write_text("{}")
    work.keep_measured("half-int8", {"bytes": 1})
    work.leave_out("static fp32", "no reason")
    return work


def test_the_same_request_finds_all(tmp_path: Path) -> None:
    work = filled(tmp_path)
    work.begin(dict(ASKED), force=False)
    assert work.checkpoint("half").exists()
    assert work.candidate("half-int8").exists()
    assert work.measured("half-int8") == {"bytes": 1}
    assert work.measured("half-fp32") is None
    assert (work.left_out("static fp32"), work.left_out("static")) == ("no reason", "")
    work.leave_out("half", f"{work.rows('learn')}, line 3: of {work.checkpoint('half')}.")
    told = work.left_out("half")
    assert told == "The rows that students learn from, line 3: of checkpoints/half."


def test_students_outlive_another_allowed_drop(tmp_path: Path) -> None:
    work = filled(tmp_path)
    work.begin({**ASKED, "max_drop": 1.0}, force=False)
    assert work.checkpoint("half").exists()
    assert not work.bundle("half").exists()
    assert work.measured("half-int8") is None
    assert work.left_out("static fp32") == ""
    work.begin({**ASKED, "max_drop": 1.0}, force=False)  # which is what is asked from now on


def test_another_request_is_refused_unless_forced(tmp_path: Path) -> None:
    work = filled(tmp_path)
    with pytest.raises(OutputError, match="asked otherwise: max drop, seed differ"):
        work.begin({**ASKED, "seed": 1, "max_drop": 1.0}, force=False)
    assert work.measured("half-int8") is not None
    work.begin({**ASKED, "seed": 1}, force=True)
    assert [path.name for path in work.folder.iterdir()] == ["asked.json"]


def test_what_a_kill_left_half_written_is_no_stranger(tmp_path: Path) -> None:
    work = filled(tmp_path)
    unfinished = work.folder / ".final.0123abcd.edgeft-new" / "onnx"
    unfinished.mkdir(parents=True)
    (unfinished / "model.onnx").write_text("half")

    def claim() -> None:
        with claim_work(tmp_path / "out", force=False, inputs=(), models=()) as again:
            assert again.folder == work.folder

    claim()
    (work.folder / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="mine"):
        claim()
