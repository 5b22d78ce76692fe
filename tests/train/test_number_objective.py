"""How numbers are learned: scaled, and scaled back in the head, so that any reader is right."""

import csv
import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.reference import torch_told
from edgeft.errors import DataError, ModelError, UsageError
from edgeft.inputs import Input, Pair
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.hardware import resolve_hardware
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.numbers import OBJECTIVE
from edgeft.train.prepare import prepare
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import TrainResult, train
from tests import tiny
from tests.encoded import in_pieces
from tests.train.conftest import interrupted, weights_of

MORE = ("好", "坏", "雨", "😀", "😢")  # beside the words that every tiny vocabulary has
WORTH = {"good": 1, "happy": 1, "好": 1, "😀": 1, "bad": -1, "angry": -1, "坏": -1, "😢": -1}


def pairs(count: int, *, seed: int = 0) -> list[tuple[Pair, float]]:
    """Pairs about as far from 5,000 as their words are good or bad, in hundreds."""
    chance, made = random.Random(seed), []
    for _ in range(count):
        sides = [
            chance.choices([*tiny.WORDS, "雨"], k=chance.randint(1, 5))
            + chance.choices([*WORTH], k=2)
            for _ in range(2)
        ]
        worth = sum(WORTH.get(word, 0) for side in sides for word in side)
        made.append((Pair(*map(" ".join, sides)), 5000 + 100 * worth + chance.gauss(0, 10)))
    return made


def write(path: Path, some: list[tuple[Pair, float]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sentence1", "sentence2", "score"])
        writer.writerows([one.first, one.second, f"{number:.3f}"] for one, number in some)
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    folder = tmp_path_factory.mktemp("numbers")
    return TrainConfig(
        data=DataConfig(
            data=str(write(folder / "train.csv", pairs(144))),
            validation=str(write(folder / "validation.csv", pairs(40, seed=1))),
        ),
        model=str(tiny.encoder(folder / "encoder", more=MORE)),
        recipe=RecipeChoice(epochs=3, batch_size=16, learning_rate=5e-3),
        device="cpu",
        precision="fp32",
        threads=1,
    )


@pytest.fixture(scope="module")
def trained(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(config, tmp_path_factory.mktemp("runs") / "numbers")


def test_the_checkpoint_gives_the_users_numbers(trained: TrainResult) -> None:
    content = json.loads((trained.out / "config.json").read_text(encoding="utf-8"))
    assert content["problem_type"] == "regression"
    assert trained.document["task"] == "text-regression"
    assert trained.document["labels"] == []
    notes = trained.document["data"]["report"]["notes"]
    assert any("pairs of texts are read" in one for one in notes)
    assert any("a number is learned (text-regression)" in one for one in notes)
    assert trained.document["recipe"]["label_smoothing"] == 0.0
    # It has learned something, in the units of the data.
    assert trained.learned.validation is not None
    told = trained.learned.validation.to_dict()
    assert told["spearman"] > 0.3
    assert told["mae"] < 400

    # So it has for who knows nothing of edgeft.
    model = transformers.AutoModelForSequenceClassification.from_pretrained(trained.out).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(trained.out)
    inputs: list[Input] = [one for one, _ in pairs(6, seed=2)]
    with torch.inference_mode():
        theirs = [
            float(model(**tokenizer(one.first, one.second, return_tensors="pt")).logits)
            for one in inputs
            if isinstance(one, Pair)
        ]
    ours = torch_told(open_checkpoint(str(trained.out)), inputs).outputs["logits"]
    assert np.asarray(ours)[:, 0] == pytest.approx(theirs, abs=0.05)
    assert 4000 < np.mean(theirs) < 6000


def test_a_run_that_was_cut_short_ends_with_the_same_weights(
    trained: TrainResult, config: TrainConfig, tmp_path: Path
) -> None:
    interrupted(config, tmp_path / "again")
    result = train(config, tmp_path / "again", resume=True)
    assert weights_of(result.out) == weights_of(trained.out)


@pytest.fixture
def model(tmp_path: Path) -> Any:
    name = str(tiny.scorer(tmp_path / "scorer"))
    return transformers.AutoModelForSequenceClassification.from_pretrained(name).eval()


IDS = torch.arange(5, 29).reshape(4, 6)


def answers(model: Any) -> np.ndarray:
    with torch.inference_mode():
        return model(input_ids=IDS).logits[:, 0].numpy()


def test_within_and_behind_it_a_model_answers_as_before(model: Any) -> None:
    objective = OBJECTIVE.fitted([1000.0, 3000.0, 2000.0, 2500.0])
    before, weights = answers(model), model.classifier.weight.detach().clone()
    with objective.within(model):
        assert answers(model) == pytest.approx(before, abs=1e-3)
        scaled = model.classifier.weight.detach().clone()
        assert float((weights / scaled).mean()) == pytest.approx(np.std([1000, 3000, 2000, 2500]))
    assert answers(model) == pytest.approx(before, abs=1e-3)
    assert torch.allclose(model.classifier.weight, weights, rtol=1e-6)
    with pytest.raises(InterruptedError), objective.within(model):
        raise InterruptedError
    assert answers(model) == pytest.approx(before, abs=1e-3)
    assert not model.classifier._forward_hooks


def test_a_new_head_begins_where_the_truths_are(model: Any) -> None:
    plain = answers(model)
    OBJECTIVE.fitted([1000.0, 3000.0]).begin(model)
    assert answers(model) == pytest.approx(1000 * plain + 2000, rel=1e-5)


def test_half_precision_keeps_the_mean(model: Any) -> None:
    objective = OBJECTIVE.fitted([1e4, 1e4 + 2])
    objective.begin(model)
    with objective.within(model), torch.autocast("cpu", torch.bfloat16):
        found = model(input_ids=IDS).logits
    assert found.dtype == torch.float32
    assert len(set(found[:, 0].tolist())) == len(IDS)


def test_the_loss_is_the_square_in_deviations() -> None:
    assert objective_named("text-regression") is OBJECTIVE
    truths = [0.0, 10.0]
    objective = OBJECTIVE.fitted(truths)  # a deviation of 5
    one = in_pieces("Ada met Bo.")
    rows = [row for some in objective.targets(["a", "b"], [one, one], truths, ()) for row in some]
    batch = objective.pad([target for _, target in rows], 9)
    outputs = SimpleNamespace(logits=torch.tensor([[5.0], [10.0]]))
    assert float(objective.loss(outputs, batch, None, 0.3)) == pytest.approx(1.0)
    told = objective.numpy_loss({"logits": np.array([[5.0], [10.0]], np.float32)}, rows)
    assert told == pytest.approx(0.5)
    apart = objective.soft(torch.tensor([[5.0], [1.0]]), torch.tensor([[0.0], [1.0]]), 2.0)
    assert apart.tolist() == pytest.approx([1.0, 0.0])
    assert OBJECTIVE.fitted([3.0, 3.0]).numpy_loss({"logits": np.full((1, 1), 4.0)},
                                                   [(one.parts[0], 3.0)]) == 1.0  # fmt: skip


def test_numbers_that_float32_cannot_tell_apart_are_said() -> None:
    one = in_pieces("Ada")
    far = OBJECTIVE.figures(["a"] * 3, [one] * 3, [1e9, 1e9 + 1, 1e9 + 2], ())
    assert "subtract that" in far[0].warning
    near = OBJECTIVE.figures(["a"] * 3, [one] * 3, [0.5, 1.0, 4.0], ())
    assert not near[0].warning
    assert near[0].value == {"lowest": 0.5, "median": 1, "highest": 4, "mean": 1.83333,
                             "deviation": 1.54560}  # fmt: skip


def test_a_head_that_cannot_be_scaled(model: Any) -> None:
    model.classifier = torch.nn.Linear(32, 1, bias=False)
    with pytest.raises(ModelError, match="no last layer with a bias"), OBJECTIVE.within(model):
        pass


@pytest.mark.parametrize(
    ("choice", "option"),
    [({"class_weights": True}, "--class-weights"), ({"label_smoothing": 0.1}, "--label-smoothing")],
)
def test_what_is_for_classes_is_refused(
    config: TrainConfig, choice: dict[str, Any], option: str
) -> None:
    asked = replace(config, recipe=replace(config.recipe, **choice))
    with pytest.raises(UsageError, match=f"{option} is for classes") as caught:
        prepare(asked, resolve_hardware("cpu", "fp32", 1))
    assert "Leave out" in str(caught.value)


def test_one_number_for_all_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    path = write(tmp_path / "flat.csv", [(one, 3.0) for one, _ in pairs(20)])
    asked = replace(config, data=DataConfig(data=str(path)), task="text-regression")
    with pytest.raises(DataError, match="every row has the number 3"):
        prepare(asked, resolve_hardware("cpu", "fp32", 1))
