"""Any number of labels, from lists of names to a checkpoint, its students and smaller ones."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from edgeft.checkpoint.open import open_checkpoint
from edgeft.cli import main
from edgeft.tasks.labels import TASK
from edgeft.train.objectives.classes import MOST_WEIGHT
from edgeft.train.objectives.labels import OBJECTIVE
from tests.encoded import encoded
from tests.tiny import WORDS
from tests.train.conftest import KEYWORDS

NAMES = ("a", "b", "c")
PARTS = [encoded([1]), encoded([1]), encoded([1])]
TRUTHS = [(0, 2), (), (2,)]


def learned() -> list:
    found = OBJECTIVE.targets(["x", "y", "z"], PARTS, TRUTHS, NAMES)
    return [row for one in found for row in one]


def test_targets_are_a_number_for_each_label() -> None:
    targets = [target for _, target in learned()]
    padded = OBJECTIVE.pad(targets, 8)["labels"]
    assert padded.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]
    assert OBJECTIVE.count(targets) == 3
    assert OBJECTIVE.config(NAMES)["problem_type"] == TASK.problem


def test_the_loss_is_torchs_own_as_a_sum_over_labels() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0], [1.0, 0.0, 4.0]])
    batch = OBJECTIVE.pad([target for _, target in learned()], 8)

    class Given:
        pass

    outputs = Given()
    outputs.logits = logits  # type: ignore[attr-defined]
    plain = OBJECTIVE.loss(outputs, batch, None, 0.0)
    mean = torch.nn.BCEWithLogitsLoss()(logits, batch["labels"])
    assert float(plain) == pytest.approx(float(mean) * 9)
    shown = OBJECTIVE.numpy_loss({"logits": logits.numpy()}, learned())
    assert shown == pytest.approx(float(plain) / 3, rel=1e-6)
    heavy = OBJECTIVE.loss(outputs, batch, torch.tensor([1.0, 1.0, 5.0]), 0.0)
    assert float(heavy) > float(plain)
    smooth = OBJECTIVE.loss(outputs, batch, None, 0.2)
    wanted = batch["labels"] * 0.8 + 0.1
    by_hand = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
    assert float(smooth) == pytest.approx(float(by_hand))
    batch["labels"][1] = -100
    asked = OBJECTIVE.loss(outputs, batch, None, 0.0)
    two = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[[0, 2]], batch["labels"][[0, 2]], reduction="sum"
    )
    assert float(asked) == pytest.approx(float(two))


def test_a_new_head_gives_each_label_as_often_as_it_holds() -> None:
    truths = [(0,)] * 60 + [(0, 1)] * 6 + [()] * 34  # of the third label there is none
    for layers in ([torch.nn.Linear(4, 3)], [torch.nn.Linear(4, 3), torch.nn.Linear(3, 3)]):
        model: Any = torch.nn.Sequential(*layers)
        model.config = SimpleNamespace(num_labels=3)
        before = layers[0].bias.tolist()
        OBJECTIVE.fitted(truths).begin(model)
        shares = torch.sigmoid(layers[-1].bias)
        assert shares.tolist() == pytest.approx([67 / 102, 7 / 102, 1 / 102])
        assert len(layers) == 1 or layers[0].bias.tolist() == before


def test_rows_with_a_rare_label_weigh_as_those_without() -> None:
    part = PARTS[0].parts[0]
    some = [(part, ((0,) if at < 5 else (1,) if at < 6 else (), 3)) for at in range(100)]
    weights = OBJECTIVE.weights(some, NAMES)
    assert weights.tolist() == [19.0, MOST_WEIGHT, 1.0]
    common = OBJECTIVE.weights([(part, ((0,), 1))] * 9, ("a",))
    assert common.tolist() == [1.0]


def test_a_student_is_told_each_label_by_itself() -> None:
    taught = torch.tensor([[3.0, -2.0, 0.0]])
    assert float(OBJECTIVE.soft(taught, taught, 2.0)) == pytest.approx(0.0, abs=1e-6)
    said = taught + torch.tensor([[0.5, 0.0, 0.0]])
    one, both = (OBJECTIVE.soft(said, taught, t) for t in (1.0, 2.0))
    share, other = torch.sigmoid(taught[0, 0]), torch.sigmoid(said[0, 0])
    by_hand = share * (share / other).log() + (1 - share) * ((1 - share) / (1 - other)).log()
    assert float(one) == pytest.approx(float(by_hand), rel=1e-4)
    assert float(both) > 0


# --- on the command line -------------------------------------------------------------


def listed(path: Path, count: int, *, seed: int = 0) -> Path:
    """Rows whose words tell their labels: some have two or three, some none."""
    chance = random.Random(seed)
    told = {word for words in KEYWORDS.values() for word in words}
    others = [word for word in WORDS if word not in told]
    lines = []
    for at in range(count):
        labels = [name for name in KEYWORDS if chance.random() < 0.4]
        words = [chance.choice(KEYWORDS[name]) for name in labels]
        words += chance.choices([*others, "天气", "🙂"], k=chance.randint(1, 8))
        chance.shuffle(words)
        lines.append(json.dumps({"text": f"{' '.join(words)} {at}", "labels": labels}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*arguments: object) -> Sequence[str]:
    told = CliRunner().invoke(main, list(map(str, arguments)))
    assert told.exit_code == 0, told.output
    return told.output.splitlines()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listed(tmp_path_factory.mktemp("data") / "train.jsonl", 200)


@pytest.fixture(scope="module")
def trained(encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("labelling") / "out"
    test = listed(data.parent / "test.jsonl", 60, seed=1)
    said = run("train", data, "--test", test, "--model", encoder, "-o", out, "--epochs", 5,
               "--batch-size", 8, "--learning-rate", "3e-3")  # fmt: skip
    assert "Task: multi-label-classification, as the data tell." in said
    assert any("texts without labels" in line for line in said)
    assert any("texts with several labels" in line for line in said)
    assert any("all labels right" in line for line in said)
    assert not any("label smoothing" in line for line in said)
    return out


def test_lists_of_names_make_a_model_of_many_labels(trained: Path) -> None:
    record = json.loads((trained / "training.json").read_text())
    assert record["task"] == TASK.name
    assert record["labels"] == ["calm", "glad", "sad"]
    assert record["test"]["macro_f1"] > 0.6
    assert record["test"]["samples_f1"] > 0.4
    assert record["curve"][-1]["macro_f1"] is not None
    assert record["data"]["report"]["figures"]["several"] > 0
    checkpoint = open_checkpoint(str(trained))
    assert checkpoint.task.name == TASK.name
    assert checkpoint.config.problem_type == TASK.problem


def test_it_is_trimmed(trained: Path, data: Path, tmp_path: Path) -> None:
    run("trim", trained, "-o", tmp_path / "t", "--data", data, "--max-drop", "20")
    assert open_checkpoint(str(tmp_path / "t")).task.name == TASK.name


def test_it_has_students_which_answer_in_its_place(
    trained: Path, data: Path, tmp_path: Path
) -> None:
    for name, student in (("half", "layers:1"), ("static", "static")):
        run(
            "distill",
            trained,
            "--data",
            data,
            "-o",
            tmp_path / name,
            "--student",
            student,
            "--epochs",
            1,
        )
        record = json.loads((tmp_path / name / "training.json").read_text())
        assert record["distill"]["drop"]["metric"] in TASK.metrics.values()
        assert open_checkpoint(str(tmp_path / name)).task.name == TASK.name


def test_class_weights_and_columns_of_0_and_1(encoder: Path, data: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    names = list(KEYWORDS)
    wide = ["text,id,calm,glad,sad"] + [
        ",".join([one["text"], str(at), *(str(int(name in one["labels"])) for name in names)])
        for at, one in enumerate(lines)
    ]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(wide) + "\n", encoding="utf-8")
    columns = [part for name in names for part in ("--label-column", name)]
    said = run("train", path, *columns, "--model", encoder, "-o", tmp_path / "out", "--epochs", 1,
               "--class-weights")  # fmt: skip
    assert "Task: multi-label-classification, as the data tell." in said
    assert json.loads((tmp_path / "out" / "training.json").read_text())["labels"] == names
    told = CliRunner().invoke(
        main, ["train", str(path), "--label-column", "calm", "--label-column", "calm", "-o", "x"]
    )
    assert told.exit_code == 2
    assert "names 'calm' twice" in told.output


def test_all_rows_without_a_label_are_an_error(encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text(json.dumps({"text": "a", "labels": []}) + "\n", encoding="utf-8")
    told = CliRunner().invoke(
        main, ["train", str(path), "--task", TASK.name, "--model", str(encoder), "-o", "never"]
    )
    assert told.exit_code == 1
    assert "is empty or holds no text in every row" in told.output
