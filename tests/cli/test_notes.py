"""What readers decide is said on stderr, by every command that reads, and never on stdout."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgeft.cli import main
from tests import tiny
from tests.train.conftest import rows

SEMICOLONS = "its columns are separated by semicolons, not by commas."
QUICK = ("--scenario", "offline", "--rounds", "1", "--texts", "8", "--variant", "fp32")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture
def semicolons(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    lines = [f"{word}, and more;{tiny.LABELS[at % 3]}" for at, word in enumerate(tiny.WORDS)]
    path.write_text("\n".join(["text;label", *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "command",
    [("eval", "{}", "--json"), ("verify", "--data", "{}", "--json"), ("predict", "{}"),
     ("bench", "--data", "{}", "--json", *QUICK)],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_delimiter_that_was_found(
    tiny_bundle: Path, semicolons: Path, command: tuple[str, ...]
) -> None:
    name, *options = (part.format(semicolons) for part in command)
    result = run(name, tiny_bundle, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"{semicolons}: {SEMICOLONS}") == 1
    for line in result.stdout.splitlines() if name == "predict" else [result.stdout]:
        assert json.loads(line)


def test_training_notes_it_and_records_it(encoder: Path, tmp_path: Path) -> None:
    data = tmp_path / "train.csv"
    lines = [f"{text};{label} " for text, label in rows(60)]
    data.write_text("\n".join(["text;label", *lines]), encoding="utf-8")
    out = tmp_path / "out"
    options = ("--model", encoder, "--epochs", "1", "--hold-out", "0", "-o", out, "--json")
    result = run("train", data, *options)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    told = document["data"]["report"]["notes"]
    assert told == [
        f"{data}: {SEMICOLONS}",
        f"{data}: 60 labels have white space at the ends, which is taken off "
        "(the first in line 2).",
    ]
    assert all(one in result.stderr for one in told)
    assert document["labels"] == ["calm", "glad", "sad"]


def test_line_n_of_the_answers_is_row_n(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\nthe cat\n\n\nrain fell\n", encoding="utf-8")
    answers = run("predict", tiny_bundle, path, "--variant", "fp32").stdout.splitlines()
    path.write_text("text\nrain fell\n", encoding="utf-8")
    assert len(answers) == 4
    assert answers[3] == run("predict", tiny_bundle, path, "--variant", "fp32").stdout.strip()


def test_half_a_character_as_a_label_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = tmp_path / "train.jsonl"
    labels = ["x", "y", "\ud83d"] * 20
    lines = [json.dumps({"text": f"rain {at}", "label": one}) for at, one in enumerate(labels)]
    data.write_text("\n".join(lines), encoding="utf-8")
    result = run("train", data, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{data}, line 3: the label '\\ud83d' holds half a surrogate pair" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.jsonl"]
