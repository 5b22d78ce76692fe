"""The commands and the Python of the README and of --help, run as they stand, on a few rows."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from edgeft.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DEPLOY = (ROOT / "deploy" / "README.md").read_text("utf-8")
MOST_LINES = 150
TOPICS = {
    "weather": ["rain in the morning", "sun all day", "snow and wind", "a storm at night"],
    "sport": ["they won the match", "a late goal", "the team lost", "a new record in the race"],
}


def _help(name: str) -> str:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command.get_help(click.Context(command, info_name=f"edgeft {name}"))


def _commands(text: str) -> list[str]:
    return re.findall(r"^    (edgeft .+?)(?:\s+#.*)?$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    rows = [f"{text} {i},{topic}" for i in range(6) for topic in TOPICS for text in TOPICS[topic]]
    held = [f"{row.split(',')[0]} again,{row.split(',')[1]}" for row in rows]
    (folder / "train.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (folder / "test.csv").write_text("\n".join(["text,label", *held]) + "\n")
    pairs = [f"{row.split(',')[0]},{row}" for row in rows]
    (folder / "pairs.csv").write_text("\n".join(["claim,source,label", *pairs]) + "\n")
    many = [{"text": row.split(",")[0], "labels": [row.split(",")[1], "any"][: 1 + at % 2]}
            for at, row in enumerate(rows)]  # fmt: skip
    (folder / "emotions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in many))
    stars = [f"{row.split(',')[0]},{at / 7:.2f}" for at, row in enumerate(rows)]
    (folder / "ratings.csv").write_text("\n".join(["text,rating", *stars]) + "\n")
    alike = [f"{row.split(',')[0]},{row}" for row in stars]
    (folder / "alike.csv").write_text("\n".join(["sentence1,sentence2,score", *alike]) + "\n")
    for name, count in (("tagged", 60), ("held", 50)):
        made = (f"rain B-THING\nin O\nthe O\nmorning B-TIME\n{name}{i} O\n" for i in range(count))
        (folder / f"{name}.conll").write_text("\n".join(made))
    for name, count in (("squad", 60), ("held", 50)):
        (folder / f"{name}.json").write_text(json.dumps(_squad(count, name)))
    (folder / "texts.txt").write_text("rain\n\n上海\n")
    return folder


def _squad(count: int, title: str) -> dict[str, object]:
    """A document of SQuAD's with as many paragraphs, a question each."""
    paragraphs = []
    for at in range(count):
        context = f"rain in the morning of day {at} of {title}"
        answer = {"text": "morning", "answer_start": context.index("morning")}
        asked = {"id": f"{title}{at}", "question": f"when on day {at}", "answers": [answer]}
        paragraphs.append({"context": context, "qas": [asked]})
    return {"version": "1.1", "data": [{"title": title, "paragraphs": paragraphs}]}


def _run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.long
def test_the_commands_in_their_order(folder: Path, tiny_checkpoint: Path) -> None:
    commands = [*_commands(README), *_commands(_help("bench"))]
    assert [command.split()[1] for command in commands] == [
        "train", "export", "eval", "bench", "report", "trim", "predict", "verify", "inspect",
        "push", "doctor", "tasks", "train", "train", "train", "train", "train", "export", "predict",
        "train", "export", "predict", "distill", "cascade", "compress", "bench",
    ]  # fmt: skip
    for command in commands:
        # Of a tiny model, as the small demo takes the embedded one. A few rows prove no accuracy,
        # so no drop is held against a variant.
        extra = {
            "train": f"--model {tiny_checkpoint} --epochs 2",
            "export": "--max-drop 100",
            "verify": "--max-drop 100",
            "trim": "--max-drop 100",
            "distill": "--epochs 2",
            "cascade": "--max-drop 60",
            "compress": "--max-drop 60 --epochs 2",
            "bench": "--samples 9 --rounds 1 --seconds 0.2 --texts 9 --variant int8",
        }
        words = [*shlex.split(command)[1:], *extra.get(command.split()[1], "").split()]
        if "--slo-ms" in words:  # on a busy machine a tight bound is sought for many minutes
            words += ["--slo-ms", "10000"]
        _run([sys.executable, "-m", "edgeft", *words], folder)
    python = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(python) == 1
    assert _run([sys.executable, "-c", python[0]], folder).count("False") == 3


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_the_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test", "help"} <= named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


def test_every_option_and_extra_exists() -> None:
    helps = {name: _help(name) for name in COMMANDS}
    text = README + "".join(line for line in DEPLOY.splitlines(True) if "edgeft " in line)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help", "--build-arg", "--rm"}
    assert named
    assert not {one for one in named if not any(one in page for page in helps.values())}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = set(re.findall(r"(?:'\.|edgeft)?\[([a-z-]+)\](?!\()", README))
    assert {"cpu", "gpu", "gpu-cuda", "report", "all"} <= wanted
    assert wanted <= set(extras["optional-dependencies"])


@pytest.mark.parametrize("page", ["README.md", "deploy/README.md", "CONTRIBUTING.md"])
def test_what_is_linked_is_there_and_pictures_can_be_read(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text("utf-8"))
    for link in links:
        there = (ROOT / page).parent / link
        assert there.is_file(), link
        if there.suffix == ".svg":
            picture = ElementTree.parse(there).getroot()
            assert picture.get("width"), link
            assert not re.search(r"(href|src|url)=?.?https?:", there.read_text("utf-8")), link


def test_the_road_names_commands() -> None:
    svg = ElementTree.parse(ROOT / "benchmarks" / "pictures" / "road.svg").getroot()
    shapes = [one for one in svg.iter() if one.tag.endswith(("}rect", "}text"))]
    named = [after.text for one, after in pairwise(shapes) if one.get("class") == "command"]
    assert len(named) == 7
    assert set(named) - set(COMMANDS) == {"load"}  # which is Python's


def test_the_measured_table_is_that_of_the_kept_result() -> None:
    results = ROOT / "benchmarks" / "results"
    files = (results / "demo.json", results / "demo-cascade.json")
    for cell in [cell for file in files for cell in json.loads(file.read_text("utf-8"))["cells"]]:
        row = re.search(rf"^\| {cell['variant']} \| (.+) \|$", README, re.MULTILINE)
        assert row
        size, accuracy, _, _, p50, p99, rate = row[1].split(" | ")
        assert size == f"{cell['file_bytes'] / 1e6:.1f}"
        if cell["variant"] != "cascade":  # which was scored as it was made
            assert accuracy == f"{cell['quality']['accuracy']:.4f}"
        assert p50 == f"{cell['single_p50_ms']['median']:.1f}"
        assert p99 == f"{cell['p99_ms']:.1f}"
        assert rate == f"{cell['texts_per_s']['median']:.0f}"
