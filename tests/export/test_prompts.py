"""The prompts of an encoder before the texts of pairs: by training, gates, eval and predict."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import encode
from edgeft.cli import main
from edgeft.errors import UsageError
from edgeft.export.run import ExportConfig, export
from edgeft.inputs import Pair
from edgeft.tasks.prompts import for_pairs, pairs_told
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.hardware import resolve_hardware
from edgeft.train.prepare import prepare
from tests import tiny
from tests.conftest import Make

PROMPTS = {"query": "find the ", "passage": "a river: ", "plain": "the "}
QUERIES = ["cat", "今天的天气", "", "the river " * 40, "👍"]
PASSAGES = ["the cat fell", "我们去公园散步吧。", "the dog", "", "the game " * 40]
NEAR = 1e-4

ASKED = """import json, sys
import numpy
from sentence_transformers import SentenceTransformer

folder, out = sys.argv[1:]
queries, passages = json.load(sys.stdin)
model = SentenceTransformer(folder, device="cpu")
numpy.savez(out, first=model.encode_query(queries),
            second=model.encode(passages, prompt_name="passage"), third=model.encode(queries),
            fourth=model.encode(passages))
"""


@pytest.fixture(scope="session")
def prompted(made_once: Make) -> Path:
    """A tiny encoder with a prompt for queries, one for passages and another by default."""

    def make(folder: Path) -> None:
        tiny.sentences(folder)
        content = {"prompts": PROMPTS, "default_prompt_name": "plain"}
        path = folder / "config_sentence_transformers.json"
        path.write_text(json.dumps(content), encoding="utf-8")

    return made_once("prompted-checkpoint", make)


@pytest.fixture(scope="session")
def prompted_bundle(made_once: Make, prompted: Path) -> Path:
    return made_once(
        "prompted-bundle",
        lambda out: export(ExportConfig(str(prompted), out, variants=("fp32",))).out,
    )


def written(folder: Path, header: str, *, rows: int = 60) -> Path:
    """Pairs that belong together, or with numbers, by the header."""
    lines = [
        f"{' '.join(tiny.WORDS[at % 9 : at % 9 + 2])} {at},{tiny.WORDS[at % 7]} day {at}"
        + f",{at % 5}" * (header.count(",") == 2)
        for at in range(rows)
    ]
    path = folder / f"{header.replace(',', '-')}.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


def test_which_prompts_pairs_get() -> None:
    assert for_pairs(PROMPTS, "plain", sided=True) == ("query", "passage")
    assert for_pairs(PROMPTS, "plain", sided=False) == ("plain", "plain")
    assert for_pairs({"query": "q", "plain": "p"}, "plain", sided=True) == ("query", "plain")
    assert for_pairs({"document": "d", "passage": "p"}, "", sided=True) == ("", "document")
    assert for_pairs({}, "", sided=True) == ("", "")
    assert "the prompt query before the first text, no prompt" in pairs_told(("query", ""))
    assert pairs_told(()) == ""


def test_a_pair_is_read_behind_them(prompted_bundle: Path) -> None:
    pairs = [Pair(*both) for both in zip(QUERIES, PASSAGES, strict=True)]
    with edgeft.load(prompted_bundle, device="cpu") as model:
        assert model.head.pair_prompts == ("plain", "plain")
        alike = model.embed(QUERIES), model.embed(PASSAGES)
        sided = model.embed(QUERIES, prompt="query"), model.embed(PASSAGES, prompt="passage")
        found = [one.score for one in model.predict(pairs)]
        np.testing.assert_allclose(found, (alike[0] * alike[1]).sum(axis=1), atol=NEAR)
        ranked = model.rank(QUERIES[0], PASSAGES, top=1)[0]
        assert ranked.score == pytest.approx(float((sided[1] @ sided[0][0]).max()), abs=NEAR)
    names = ("query", "passage")
    with edgeft.load(prompted_bundle, device="cpu", pair_prompts=names) as model:
        found = [one.score for one in model.predict(pairs)]
        np.testing.assert_allclose(found, (sided[0] * sided[1]).sum(axis=1), atol=NEAR)
        assert model.predict(pairs[3]).truncated
    with pytest.raises(UsageError, match="no prompt 'answer'"):
        edgeft.load(prompted_bundle, pair_prompts=("query", "answer"))
    with pytest.raises(UsageError, match=r"pair_prompts is .*must be a list of 2 items"):
        edgeft.load(prompted_bundle, pair_prompts=("query",))  # type: ignore[arg-type]


def test_the_truths_of_data_tell_which(prompted: Path, tmp_path: Path) -> None:
    belonging, scored = (
        written(tmp_path, "query,passage"),
        written(tmp_path, "sentence1,sentence2,score"),
    )
    told: list[str] = []
    for data, names in ((belonging, ("query", "passage")), (scored, ("plain", "plain"))):
        config = TrainConfig(
            DataConfig(str(data)), model=str(prompted), task="feature-extraction", device="cpu",
            precision="fp32",
        )  # fmt: skip
        prepared = prepare(config, resolve_hardware("cpu", "fp32", 1))
        assert prepared.base.head.pair_prompts == names
        assert pairs_told(names) in prepared.report.notes
        one, other = prepared.encoder().encode([Pair("cat", "dog"), Pair("dog", "cat")])
        assert (one.parts[0].ids == other.parts[1].ids) == (names[0] == names[1])
        out = export(
            ExportConfig(
                str(prompted), tmp_path / data.stem, data=data, variants=("fp32",), max_drop=100
            ),
            tell=told.append,
        ).out
        assert pairs_told(names) in told
        with edgeft.load(out, device="cpu") as model:
            assert model.head.pair_prompts == names
        assert pairs_told(names) in (out / "README.md").read_text(encoding="utf-8")
    asked = CliRunner().invoke(main, ["eval", str(out), str(belonging)])
    assert asked.exit_code == 0, asked.output
    assert "the prompt query before the first text" in " ".join(asked.output.split())
    asked = CliRunner().invoke(
        main, ["verify", str(out), "--data", str(belonging), "--max-drop", "100"]
    )
    assert asked.exit_code == 0, asked.output


def test_what_training_recorded_is_kept(prompted: Path, tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c")
    content = {"prompts": PROMPTS, "default_prompt_name": "plain"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(content))
    (folder / "training.json").write_text(json.dumps({"pair_prompts": ["query", "passage"]}))
    checkpoint = open_checkpoint(str(folder))
    assert checkpoint.head.pair_prompts == ("query", "passage")
    pair = encode(checkpoint, [Pair("cat", "cat")])[0]
    assert pair.parts[0].ids != pair.parts[1].ids
    alone = encode(checkpoint, ["find the cat", "a river: cat"])
    assert [part.ids for part in pair.parts] == [one.ids for one in alone]


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(
    prompted: Path, prompted_bundle: Path, tmp_path: Path
) -> None:
    if find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is not installed")
    out = tmp_path / "theirs.npz"
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(prompted), str(out)],
        input=json.dumps([QUERIES, PASSAGES]), text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    theirs = np.load(out)
    with edgeft.load(prompted_bundle, device="cpu") as model:
        ours = [
            model.embed(QUERIES, prompt="query"), model.embed(PASSAGES, prompt="passage"),
            model.embed(QUERIES), model.embed(PASSAGES),
        ]  # fmt: skip
    for one, name in zip(ours, ("first", "second", "third", "fourth"), strict=True):
        np.testing.assert_allclose(one, theirs[name], atol=NEAR)
    pairs = [Pair(*both) for both in zip(QUERIES, PASSAGES, strict=True)]
    for names, (first, second) in (
        (("query", "passage"), ("first", "second")),
        (None, ("third", "fourth")),
    ):
        with edgeft.load(prompted_bundle, device="cpu", pair_prompts=names) as model:
            found = [one.score for one in model.predict(pairs)]
        cosines = (theirs[first] * theirs[second]).sum(axis=1)
        np.testing.assert_allclose(found, cosines, atol=NEAR)
