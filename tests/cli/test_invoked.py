"""What is told to be run next is this very program, however it was called."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgeft.cli.invoked import command_line


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment below the folder that one works in, not on PATH."""
    programs = tmp_path / "work" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "edgeft"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    return programs


def called(monkeypatch: pytest.MonkeyPatch, argv: Sequence[object]) -> str:
    monkeypatch.setattr(sys, "argv", list(map(str, argv)))
    return command_line("predict", Path("build/my news"), "FILE")


def test_a_program_that_is_not_on_path(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = "predict 'build/my news' FILE"
    for name in (".venv/bin/edgeft", environment / "edgeft"):
        assert called(monkeypatch, [name]) == f".venv/bin/edgeft {rest}"
    module = Path("somewhere") / "edgeft" / "__main__.py"
    assert called(monkeypatch, [module]) == f".venv/bin/python -m edgeft {rest}"
    monkeypatch.chdir(environment.parent)
    assert called(monkeypatch, [environment / "edgeft"]) == f"bin/edgeft {rest}"
    monkeypatch.chdir(environment.parents[2])
    (environment.parents[2] / "other").mkdir()
    monkeypatch.chdir(environment.parents[2] / "other")
    assert called(monkeypatch, [environment / "edgeft"]) == f"{environment}/edgeft {rest}"


def test_a_program_on_path(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(environment))
    rest = "predict 'build/my news' FILE"
    for name in (".venv/bin/edgeft", environment / "edgeft", "edgeft/__main__.py"):
        assert called(monkeypatch, [name]) == f"edgeft {rest}"


def test_another_program_of_its_name_on_path(
    environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "edgeft").write_text("#!/bin/sh\n")
    (tmp_path / "elsewhere" / "edgeft").chmod(0o755)
    rest = "predict 'build/my news' FILE"
    assert called(monkeypatch, [environment / "edgeft"]) == f".venv/bin/edgeft {rest}"
    assert called(monkeypatch, ["edgeft/__main__.py"]) == f".venv/bin/python -m edgeft {rest}"


def test_as_part_of_another_program(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.is_dir()
    for name in ("", "/usr/bin/pytest", "pytest/__main__.py", "script.py"):
        assert called(monkeypatch, [name]).startswith("edgeft predict ")
