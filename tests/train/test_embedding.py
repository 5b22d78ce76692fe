"""Vectors, trained on pairs with numbers: the loss by hand, and the whole road."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import edgeft
from edgeft.checkpoint.embedder import Embedded
from edgeft.cli import main
from edgeft.errors import DataError
from edgeft.tasks.encoded import Encoded, Part, apart
from edgeft.train.batches import collate
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.hardware import resolve_hardware
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.embeddings import SCALE
from edgeft.train.prepare import prepare
from tests import tiny

OBJECTIVE = objective_named("feature-extraction")


def one(*ids: int) -> Encoded:
    return Encoded((Part(list(ids), range(len(ids)), len(ids)),))


def test_the_loss_is_cosent() -> None:
    firsts = torch.eye(3)
    seconds = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 1, 1]])  # cosines 1, 0.7071, 0.5774
    vectors = torch.cat([firsts, seconds]).requires_grad_()
    cosines = [1.0, 1 / math.sqrt(2), 1 / math.sqrt(3)]
    numbers = [0.0, 4.0, 4.0]  # of pairs of rows those count of which one has the higher number
    given = Embedded(sentence_embedding=vectors)
    loss = OBJECTIVE.loss(given, OBJECTIVE.pad(numbers, 0), None, 0.0)
    terms = [math.exp(SCALE * (cosines[0] - cosines[at])) for at in (1, 2)]
    assert float(loss.detach()) == pytest.approx(3 * math.log(1 + sum(terms)), rel=1e-5)
    loss.backward()
    assert torch.isfinite(vectors.grad).all()
    alike = OBJECTIVE.loss(given, OBJECTIVE.pad([1.0, 1.0, 1.0], 0), None, 0.0)
    assert float(alike.detach()) == 0.0  # nothing tells which should be higher


def test_a_batch_holds_the_first_texts_and_then_the_others() -> None:
    pairs = [apart(one(1, 2, 3), one(4)), apart(one(5), one(6, 7))]
    rows = [row for some in OBJECTIVE.targets([], pairs, [0.5, 2.0], ()) for row in some]
    batch = collate(OBJECTIVE, 0)(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 3], [5, 0, 0], [4, 0, 0], [6, 7, 0]]
    assert batch["labels"]["labels"].tolist() == [0.5, 2.0]
    assert int(batch["labels"]["count"]) == 2
    with pytest.raises(DataError, match="learned from pairs"):
        OBJECTIVE.targets(["the cat"], [one(1)], [1.0], ())


def test_what_gives_vectors_already_and_what_reads_pairs_take_smaller_steps(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    rows = [f"the cat fell {at},a dog won {at % 7},{at % 5}" for at in range(60)]
    data.write_text("\n".join(["sentence1,sentence2,score", *rows, ""]), encoding="utf-8")
    rates = [
        prepare(
            TrainConfig(
                DataConfig(str(data), text_column=column),
                task=task, device="cpu", precision="fp32",
            ),
            resolve_hardware("cpu", "fp32", 1),
        ).recipe.learning_rate
        for task, column in (
            ("feature-extraction", None), ("text-regression", None),
            ("text-regression", "sentence1"),
        )
    ]  # fmt: skip
    assert rates == [1e-4, 1e-4, 3e-4]


def test_an_encoder_learns_and_stays_one(tmp_path: Path) -> None:
    chance = random.Random(0)
    lines = ["sentence1,sentence2,score"]
    for _ in range(120):
        first = [chance.choice(tiny.WORDS) for _ in range(5)]
        same = chance.randint(0, 5)
        second = first[:same] + [chance.choice(tiny.WORDS) for _ in range(5 - same)]
        lines.append(f"{' '.join(first)},{' '.join(second)},{same}")
    data, folder = tmp_path / "d.csv", tiny.sentences(tmp_path / "c", pooling="cls_token")
    data.write_text("\n".join([*lines, ""]), encoding="utf-8")
    run, bundle = tmp_path / "run", tmp_path / "b"
    told = CliRunner().invoke(
        main,
        ["train", str(data), "--task", "feature-extraction", "--model", str(folder), "-o", str(run),
         "--epochs", "2", "--learning-rate", "0.001", "--max-length", "16"],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    record = json.loads((run / "training.json").read_text())
    assert record["task"] == "feature-extraction"
    assert record["curve"][1]["train_loss"] < record["curve"][0]["train_loss"]
    assert -1 <= record["validation"]["spearman"] <= 1
    told = CliRunner().invoke(
        main, ["export", str(run), "-o", str(bundle), "--data", str(data), "--max-drop", "100",
               "--variant", "fp32"],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    with edgeft.load(bundle, device="cpu") as model:
        head = model.head
        assert (head.pooling, head.unit_length, head.prompts) == (
            "cls",
            True,
            {"query": "find the "},
        )
        assert model.max_length == 16
        assert all(isinstance(text, str) for text in model.manifest.model.golden_inputs)
        np.testing.assert_allclose(
            model.predict("the cat").vector, model.embed(["the cat"])[0], atol=1e-6
        )
