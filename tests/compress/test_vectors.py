"""A compression of a text encoder, by pairs with numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.cli import main
from edgeft.compress.family import FamilyFacts, family_of
from tests import tiny

FACTS = FamilyFacts(
    by_token=False, static=False, cascades=False, layers=2, max_length=64, lengths=[10, 40],
    vectors=True,
)  # fmt: skip


def written(path: Path, count: int, *, begin: int = 0) -> Path:
    lines = ["sentence1,sentence2,score"]
    for at in range(begin, begin + count):
        first = [tiny.WORDS[(at * 7 + step * 3) % len(tiny.WORDS)] for step in range(5)]
        same = at % 6
        second = [*first[:same], *(tiny.WORDS[(at + step) % 11] for step in range(5 - same))]
        lines.append(f"{' '.join(first)} {at},{' '.join(second)} {at},{same}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_the_family_of_an_encoder() -> None:
    found = family_of(FACTS)
    assert {one.name for one in found.sources} == {
        "whole", "trimmed", "half", "half trimmed", "first 32",
    }  # fmt: skip
    assert all(len(one.members) == 1 for one in found.candidates)
    assert "No static students are tried" in found.lacking
    assert "no cascades" in found.lacking


@pytest.mark.slow
def test_an_encoder_is_compressed_by_pairs_with_numbers(tmp_path: Path) -> None:
    checkpoint = tiny.sentences(tmp_path / "c")
    data, train = written(tmp_path / "d.csv", 120), written(tmp_path / "t.csv", 80, begin=500)
    asked = [
        "compress", str(checkpoint), "--data", str(data), "--train", str(train), "--max-drop", "60",
        "-o", str(tmp_path / "b"), "--epochs", "1", "--report", str(tmp_path / "p.html"), "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {one["name"] for one in told["family"]} >= {"whole fp32", "whole int8", "half fp32"}
    assert all("spearman" in one["report"]["scores"] for one in told["family"])
    assert " ".join(done.stderr.split()).count("No static students are tried") == 1
    with edgeft.load(tmp_path / "b", device="cpu") as model:
        assert model.task.name == "feature-extraction"
        assert model.head.prompts == {"query": "find the "}
        vectors = model.embed(["the cat", "今天 👍", ""])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert "Spearman" in (tmp_path / "p.html").read_text(encoding="utf-8")
