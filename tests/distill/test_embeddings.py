"""Encoders made smaller: with fewer layers, with fewer tokens, and what cannot be made of one."""

import random
from pathlib import Path

import numpy as np
import pytest

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.compress.rows import read_parted
from edgeft.distill.run import DistillConfig, distill
from edgeft.errors import DataError, ModelError, UsageError
from edgeft.tasks.vectors import VECTOR
from edgeft.train.config import DataConfig
from edgeft.train.recipe import RecipeChoice
from edgeft.trim.run import TrimConfig, trim
from tests import tiny
from tests.conftest import Make

RECIPE = RecipeChoice(epochs=1, batch_size=16, max_length=16)


@pytest.fixture(scope="session")
def checkpoint(made_once: Make) -> Path:
    return made_once("sentences-checkpoint", tiny.sentences)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    chance, lines = random.Random(0), ["query,passage"]
    for _ in range(60):
        query = [chance.choice(tiny.WORDS) for _ in range(5)]
        lines.append(f"{' '.join(query)},{' '.join([*query[:3], chance.choice(tiny.WORDS)])}")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_a_student_keeps_layers_and_is_an_encoder(
    checkpoint: Path, pairs: Path, tmp_path: Path
) -> None:
    found = distill(
        DistillConfig(str(checkpoint), tmp_path / "out", DataConfig(str(pairs)),
                      student="layers:1", recipe=RECIPE, precision="fp32")
    )  # fmt: skip
    assert found.teacher is not None
    assert set(found.teacher.headline()) == {"ndcg_at_10", "recall_at_10", "rows"}
    assert found.drop is not None
    assert [one.name for one in found.drop.losses] == ["ndcg_at_10", "recall_at_10"]
    student = open_checkpoint(str(tmp_path / "out"))
    assert student.task.embeds
    assert student.config.num_hidden_layers == 1
    assert (student.max_length, student.head.prompts) == (16, {"query": "find the "})


@pytest.mark.parametrize(
    ("config", "error", "match"),
    [
        ({"student": "static"}, ModelError, "keeps some of its layers"),
        ({"student": "layers:2"}, UsageError, "cannot keep 2"),
    ],
)
def test_what_no_student_can_be(
    config: dict[str, str], error: type[Exception], match: str,
    checkpoint: Path, pairs: Path, tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(error, match=match):
        distill(DistillConfig(str(checkpoint), tmp_path / "out", DataConfig(str(pairs)),
                              recipe=RECIPE, precision="fp32", **config))  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_unlabelled_texts_teach_no_encoder(checkpoint: Path, pairs: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.txt"
    bare.write_text("the cat\n", encoding="utf-8")
    with pytest.raises(UsageError, match="learns from labelled rows alone"):
        distill(DistillConfig(str(checkpoint), tmp_path / "out", DataConfig(str(pairs)),
                              student="layers:1", unlabelled=(bare,)))  # fmt: skip


def test_a_trimmed_encoder_gives_the_same_vectors(checkpoint: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the cat fell\na happy dog\n", encoding="utf-8")
    found = trim(TrimConfig(str(checkpoint), tmp_path / "t", data=texts, tokens=0))
    assert found.tokens_after < found.tokens_before
    before, after = (open_checkpoint(str(one)) for one in (checkpoint, tmp_path / "t"))
    assert after.head == before.head
    asked = ["the cat fell", "a happy dog"]
    ones, others = (torch_told(one, asked).outputs[VECTOR] for one in (before, after))
    np.testing.assert_allclose(np.concatenate(ones), np.concatenate(others), atol=1e-6)


def test_pairs_that_belong_compress_no_encoder(checkpoint: Path, pairs: Path) -> None:
    with pytest.raises(DataError, match="nDCG@10 and recall@10, by which models are not"):
        read_parted(open_checkpoint(str(checkpoint)), pairs, None, None, columns={}, seed=0)
