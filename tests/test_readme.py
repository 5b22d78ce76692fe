"""The README's commands and Python, run as they stand, on a few rows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
TOPICS = {
    "weather": ["rain in the morning", "sun all day", "snow and wind", "a storm at night"],
    "sport": ["they won the match", "a late goal", "the team lost", "a new record in the race"],
}
COMMANDS = re.findall(r"^    (edgeft .+?)(?:\s+#.*)?$", README.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    rows = [f"{text} {i},{topic}" for i in range(6) for topic in TOPICS for text in TOPICS[topic]]
    held = [f"{row.split(',')[0]} again,{row.split(',')[1]}" for row in rows]
    (folder / "train.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (folder / "test.csv").write_text("\n".join(["text,label", *held]) + "\n")
    (folder / "texts.txt").write_text("rain\n\n上海\n")
    return folder


def _run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(README.parent)}
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.long
def test_the_commands_in_their_order(folder: Path, tiny_checkpoint: Path) -> None:
    assert [command.split()[1] for command in COMMANDS] == [
        "train", "export", "eval", "bench", "report", "trim", "predict", "verify", "inspect",
        "push", "doctor", "bench",
    ]  # fmt: skip
    for command in COMMANDS:
        # Of a tiny model, as the small demo takes the embedded one. A few rows prove no accuracy,
        # so no drop is held against a variant.
        extra = {
            "train": f"--model {tiny_checkpoint} --epochs 2",
            "export": "--max-drop 100",
            "verify": "--max-drop 100",
            "trim": "--max-drop 100",
            "bench": "--samples 9 --rounds 1 --seconds 0.2 --texts 9 --variant int8",
        }
        words = [*shlex.split(command)[1:], *extra.get(command.split()[1], "").split()]
        if "--slo-ms" in words:  # on a busy machine a tight bound is sought for many minutes
            words += ["--slo-ms", "10000"]
        _run([sys.executable, "-m", "edgeft", *words], folder)
    python = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(python) == 1
    assert _run([sys.executable, "-c", python[0]], folder).count("False") == 3


def test_the_targets_exist() -> None:
    makefile = (README.parent / "Makefile").read_text()
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README.read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test", "help"} <= named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
