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
        (("a", "b", "c", "d"), "--text-column is given 4 times: 'a', 'b', 'c', 'd'. One column"),
        (("a", "a"), "--text-column names 'a' twice"),
    ],
)
def test_up_to_three_columns_are_named(names: tuple[str, ...], message: str, table: Path) -> None:
    options = [word for name in names for word in ("--text-column", name)]
    for command in ("predict", "eval", "verify", "bench", "export", "train", "trim", "cascade"):
        result = run(command, "x", table, *options)
        assert result.exit_code == 2, command
        assert message in " ".join(result.output.split()), command


def test_three_columns_are_for_vectors_alone(tiny_bundle: Path, table: Path) -> None:
    third = ("--text-column", "label")
    refused = run("predict", tiny_bundle, table, *NAMED, *third)
    assert refused.exit_code == 2
    told = " ".join(refused.output.split())
    assert "--text-column is given three times, but text-classification is asked" in told


def test_pairs_are_read_from_standard_input(pair_bundle: Path, table: Path) -> None:
    wanted = run("predict", pair_bundle, table, *NAMED, "--variant", "fp32").stdout
    lists = "\n".join(json.dumps([one.first, one.second]) for one in PAIRS).encode()
    assert run("predict", pair_bundle, "-", "--variant", "fp32", stdin=lists).stdout == wanted
    for name in ("text_pair", "other"):
        objects = "\n".join(json.dumps({"text": one.first, name: one.second, "x": 1})
                            for one in PAIRS).encode()  # fmt: skip
        assert run("predict", pair_bundle, "-", "--variant", "fp32", stdin=objects).stdout == wanted
    refused = run("predict", pair_bundle, "-", stdin=b'["a", "b"]\nthe cat\n')
    assert refused.exit_code == 1
    assert "stdin, line 2: it is no pair of texts." in refused.output
    named = run("predict", pair_bundle, "-", *NAMED, stdin=lists)
    assert "From standard input lists of two texts are read." in named.output


def test_columns_named_as_a_server_takes_pairs(pair_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("text,other\nthe cat,it fell\n", encoding="utf-8")
    found = run("predict", pair_bundle, path, "--variant", "fp32")
    assert json.loads(found.stdout)["label"]
    assert "pairs of texts are read, from 'text' and 'other'" in _words(found)


def test_a_model_of_pairs_reads_no_single_texts(
    pair_bundle: Path, tmp_path: Path, table: Path
) -> None:
    plain = tmp_path / "texts.txt"
    plain.write_text("the cat\n", encoding="utf-8")
    found = run("predict", pair_bundle, plain)
    assert f"{plain} has one text a line, and pairs of texts are wanted." in _words(found)
    gone = tmp_path / "gone.txt"
    assert f"{gone} does not exist." in _words(run("predict", pair_bundle, gone))
    one = tmp_path / "one.csv"
    one.write_text("text\nthe cat\n", encoding="utf-8")
    found = run("predict", pair_bundle, one)
    assert "pairs of texts are wanted, and no two columns have usual names of such." in _words(
        found
    )
    assert "Name two: --text-column ONE --text-column OTHER" in _words(found)
    found = run("predict", pair_bundle, table, "--text-column", "a")
    assert "pairs of texts are wanted, and one column is named." in _words(found)
    one.write_text("text,label\nthe cat,yes\n", encoding="utf-8")
    found = run("eval", pair_bundle, one)
    assert "gives single texts, and pairs of texts are wanted." in _words(found)


def test_pairs_are_evaluated_verified_and_benched(pair_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"the cat {at},it {at} fell,{('no', 'yes')[at % 2]}" for at in range(20)]
    path.write_text("\n".join(["sentence1,sentence2,label", *rows]), encoding="utf-8")
    scores = json.loads(run("eval", pair_bundle, path, "--json").stdout)["variants"]
    assert {one["rows"] for one in scores.values()} == {20}
    checks = run("verify", pair_bundle, "--data", path, "--max-drop", "100", "--json")
    assert all(one["golden"]["passed"] for one in json.loads(checks.stdout).values())


def _words(result: Result) -> str:
    return " ".join(result.output.split())
