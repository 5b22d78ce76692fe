import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from edgeft import packages
from edgeft.packages import Misfit, first_found, mend, misfits, package_versions
from tests.exporting import CAN_EXPORT
from tests.installed import pretend_installed

ROOT = Path(__file__).parents[1]


def test_only_what_is_installed_is_named() -> None:
    found = package_versions(("numpy", "edgeft-no-such-package", "click"))
    assert list(found.items()) == [("numpy", version("numpy")), ("click", version("click"))]


def test_what_an_environment_below_has_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(tmp_path / "below", edgeft_one="1.0")
    pretend_installed(tmp_path / "over", edgeft_two="2.0", edgeft_three="3.0")
    for name in ("below", "over"):
        monkeypatch.syspath_prepend(str(tmp_path / name))
    names = ("edgeft-one", "edgeft-two", "edgeft-three", "edgeft-no-such-package")
    assert first_found(names) == {"edgeft-two": "2.0", "edgeft-three": "3.0"}
    assert first_found(names[:1]) == {"edgeft-one": "1.0"}
    assert first_found(names[3:]) == {}


def test_what_is_installed_here_fits() -> None:
    assert misfits("") == ()
    assert misfits("train") == ()


@pytest.mark.parametrize("from_metadata", [False, True])
@pytest.mark.parametrize(
    ("installed", "fits"),
    [
        ("4.49.0", False),
        ("4.50.0", True),
        ("4.57.9", True),
        ("4.58.0", False),
        ("5.17.0", False),
        ("4.50.0a0+vendor", True),  # on the way to 4.50, and said to be it
        ("4.58.0.dev0", False),
        ("r24.03", True),  # no version that could be compared
    ],
)
def test_bounds_of_an_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: str,
    fits: bool,
    from_metadata: bool,
) -> None:
    pretend_installed(tmp_path, transformers=installed)
    if from_metadata:
        monkeypatch.setattr(packages, "SOURCES", tmp_path / "none")
        monkeypatch.setattr(packages, "requires", lambda name: METADATA)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert misfits("export") == (
        () if fits else (Misfit("transformers", installed, ">=4.50,<4.58"),)
    )
    assert misfits("") == ()


METADATA = [
    "numpy>=1.26",
    'transformers<2; extra == "other"',
    'transformers<4.58,>=4.50; extra == "export"',
    'torch<0; sys_platform == "none" and extra == "export"',
]


def test_sources_of_another_project_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = tmp_path / "pyproject.toml"
    stray.write_text("[project]\nname = 'stray'\ndependencies = ['numpy<1']\n")
    monkeypatch.setattr(packages, "SOURCES", stray)
    monkeypatch.setattr(packages, "requires", lambda name: METADATA)
    assert misfits("") == ()


def test_without_bounds_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "SOURCES", tmp_path / "none")
    monkeypatch.setattr(packages, "requires", _not_installed)
    assert misfits("train") is None


def _not_installed(name: str) -> list[str]:
    raise packages.PackageNotFoundError(name)


def test_the_command_brings_every_package_that_does_not_fit() -> None:
    found = [Misfit("torch", "2.0", ">=2.6"), Misfit("transformers", "9", ">=4.50,<6")]
    assert mend(found) == "pip install 'torch>=2.6' 'transformers>=4.50,<6'"


@pytest.mark.parametrize(("room", "doing"), [("train", "Training"), ("export", "Exporting")])
def test_a_room_does_not_begin_with_versions_that_do_not_fit(
    tmp_path: Path, room: str, doing: str
) -> None:
    if room == "export" and not CAN_EXPORT:
        pytest.skip("it lacks packages anyhow")
    pretend_installed(tmp_path, transformers="9.0.0")
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", room, "x", "-o", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    message, hint = done.stderr.splitlines()
    assert message.startswith(
        f"Error: {doing} does not work with what is installed: transformers 9.0.0 (wanted: >=4.50,<"
    )
    assert hint.startswith("Install what it works with: pip install 'transformers>=4.50,<")
