"""Pairs of texts at the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.cli import main
from edgeft.inputs import Pair

NAMED = ("--text-column", "a", "--text-column", "b")
PAIRS = [Pair("狗 在 跑", "good film 🐕"), Pair("bad", "good"), Pair("good", "bad")]


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    rows = [f"{one.first},{one.second},{label}" for one, label in zip(PAIRS, "aba", strict=True)]
    path.write_text("\n".join(["a,b,label", *rows]), encoding="utf-8")
    return path


def test_two_columns_are_predicted_as_pairs(tiny_bundle: Path, table: Path) -> None:
    result = run("predict", tiny_bundle, table, *NAMED, "--variant", "fp32")
    assert result.exit_code == 0, result.output
    with edgeft.load(tiny_bundle, variant="fp32", device="cpu") as model:
        wanted = [model.task.show(one, False) for one in model.predict(PAIRS)]
    assert [json.loads(line) for line in result.stdout.splitlines()] == wanted


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "b", "c"), "--text-column is given 3 times: 'a', 'b', 'c'. One column holds texts"),
        (("a", "a"), "--text-column names 'a' twice"),
    ],
)
def test_one_or_two_columns_are_named(names: tuple[str, ...], message: str, table: Path) -> None:
    options = [word for name in names for word in ("--text-column", name)]
    for command in ("predict", "eval", "verify", "bench", "export", "train", "trim", "cascade"):
        result = run(command, "x", table, *options)
        assert result.exit_code == 2, command
        assert message in " ".join(result.output.split()), command
