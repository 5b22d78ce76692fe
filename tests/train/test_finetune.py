import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from edgeft.errors import ModelError
from edgeft.tasks.classification import TASK
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.outputs import dense
from edgeft.train.checkpoints import EpochScores, best_epoch, has_stalled
from edgeft.train.finetune import OnEpoch, fit
from edgeft.train.hardware import Hardware
from edgeft.train.models import BaseModel, build_model, open_base
from edgeft.train.objectives.classification import OBJECTIVE
from edgeft.train.objectives.objective import LearnedRow
from edgeft.train.predict import predict_outputs
from edgeft.train.readied import Readied
from edgeft.train.recipe import OPTIMIZERS, SCHEDULES, Recipe
from edgeft.train.trainer import TrainingSet, step_seed
from tests.train.conftest import rows

LABELS = ("calm", "glad", "sad")
CPU = Hardware("cpu", "fp32", threads=1, rank=0, processes=1)


def recipe(**changed: object) -> Recipe:
    values: dict[str, object] = {
        "epochs": 2,
        "batch_size": 16,
        "gradient_accumulation": 1,
        "learning_rate": 1e-3,
        "warmup_share": 0.1,
        "schedule": "linear",
        "weight_decay": 0.01,
        "optimizer": "adamw",
        "label_smoothing": 0.0,
        "class_weights": False,
        "max_length": 32,
        "patience": 0,
        "seed": 0,
    }
    return Recipe(**{**values, **changed})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def base(encoder: Path) -> BaseModel:
    return open_base(str(encoder))


def encoded(base: BaseModel, count: int, seed: int = 0) -> list[LearnedRow]:
    pairs = rows(count, seed=seed)
    encodings = base.encoder(32).encode([text for text, _ in pairs])
    labels = [LABELS.index(label) for _, label in pairs]
    return [(part_of(one.ids), label) for one, label in zip(encodings, labels, strict=True)]


def training_set(base: BaseModel, count: int, validation: int = 0) -> TrainingSet:
    held = None
    if validation:
        known = encoded(base, validation, seed=1)
        parts = [Encoded((part,)) for part, _ in known]
        held = Readied([""] * validation, parts, [label for _, label in known], known)
    return TrainingSet(TASK, OBJECTIVE, encoded(base, count), held, LABELS, pad_id=0)


def part_of(ids: list[int]) -> Part:
    return Part(ids, range(1, len(ids) - 1), len(ids) - 2)


def logits_of(model: torch.nn.Module, rows: list[LearnedRow], hardware: Hardware) -> np.ndarray:
    found = predict_outputs(model, [part for part, _ in rows], TASK, 0, hardware)
    return dense(found, "logits")


def run(
    base: BaseModel,
    root: Path,
    made: Recipe,
    *,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
) -> tuple[torch.nn.Module, tuple[EpochScores, ...]]:
    model: torch.nn.Module = build_model(base, OBJECTIVE, LABELS, seed=made.seed)
    learned = training_set(base, 60, validation=15)
    return model, fit(model, learned, made, CPU, root, resume=resume, on_epoch=on_epoch)


# --- the loss ------------------------------------------------------------------------


def test_class_weights_by_hand() -> None:
    def weights(truths: list[int], labels: tuple[str, ...]) -> list[float]:
        rows: list[LearnedRow] = [(part_of([1, 2]), truth) for truth in truths]
        return list(OBJECTIVE.weights(rows, labels))

    assert weights([0, 0, 0, 1], ("a", "b")) == pytest.approx([4 / 6, 4 / 2])
    assert weights([0, 1, 2], LABELS) == [1, 1, 1]
    assert weights([0, 0, 2], LABELS) == pytest.approx([3 / 4, 0, 3 / 2])  # nothing shows the other
    assert weights([0] * 999 + [1], ("a", "b"))[1] == 32  # as many as a batch's rows


def loss(logits: torch.Tensor, truths: list[int], weights: Any, label_smoothing: float) -> float:
    batch = OBJECTIVE.pad(truths, 7)
    return float(OBJECTIVE.loss(SimpleNamespace(logits=logits), batch, weights, label_smoothing))


def test_weighted_smoothed_loss_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    weights = torch.tensor([0.5, 3.0])
    log_p = torch.log_softmax(logits, dim=1)
    # w_y x ((1 - s) (-log p_y) + s / C x sum over c of -log p_c), summed over rows.
    wanted = sum(
        weights[truth] * (0.8 * -log_p[row, truth] + 0.2 / 2 * -log_p[row].sum())
        for row, truth in ((0, 0), (1, 1))
    )
    assert loss(logits, [0, 1], weights, 0.2) == pytest.approx(float(wanted))
    assert loss(logits, [0, 0], None, 0.0) == pytest.approx(-float(log_p[:, 0].sum()))


def test_small_batches_add_up_to_a_large_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(8, 3, generator=generator)
    truths = torch.randint(0, 3, (8,), generator=generator).tolist()
    weights = torch.tensor([0.2, 1.0, 4.0])
    parts = [loss(logits[at], truths[at], weights, 0.1) for at in (slice(0, 3), slice(3, 8))]
    assert sum(parts) == pytest.approx(loss(logits, truths, weights, 0.1))


def test_the_loss_of_validation_agrees_with_torch() -> None:
    logits = np.array([[1000.0, 0.0], [0.3, -2.0]], dtype=np.float32)
    rows: list[LearnedRow] = [(part_of([1, 2]), 0), (part_of([1, 2]), 1)]
    wanted = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.tensor([0, 1]))
    found = OBJECTIVE.numpy_loss({"logits": logits}, rows)
    assert found == pytest.approx(float(wanted), rel=1e-6)


def test_every_part_of_a_text_teaches_its_class() -> None:
    first, second, other = part_of([1, 2, 3]), part_of([4]), part_of([5, 6])
    texts = [Encoded((first, second)), Encoded((other,))]
    found = OBJECTIVE.targets(["a long text", "b"], texts, [2, 0], LABELS)
    assert found == [[(first, 2), (second, 2)], [(other, 0)]]
    assert OBJECTIVE.count([2, 2, 0]) == 3


# --- seeds, the curve ----------------------------------------------------------------


def test_step_seeds_differ_in_every_part() -> None:
    seeds = {
        step_seed(seed, update, part, rank)
        for seed in (0, 1)
        for update in (0, 1, 11)
        for part in (0, 1)
        for rank in (0, 1)
    }
    assert len(seeds) == 24
    assert all(0 <= seed < 2**63 for seed in seeds)


def point(epoch: int, accuracy: float | None, loss: float | None = None) -> EpochScores:
    return EpochScores(epoch, epoch * 10, 0.5, 1.0, loss, {"accuracy": accuracy, "macro_f1": 0.5})


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss_then_comes_first() -> None:
    assert best_epoch([point(1, 0.5, 1), point(2, 0.9, 1), point(3, 0.8, 0.1)]).epoch == 2
    assert best_epoch([point(1, 0.9, 0.5), point(2, 0.9, 0.3), point(3, 0.9, 0.3)]).epoch == 2
    assert best_epoch([point(1, None), point(2, None)]).epoch == 2


def test_a_point_of_the_curve_is_read_as_it_was_written() -> None:
    written = point(2, 0.9, 0.3).to_dict()  # as it stands in run folders and training.json
    assert written == {
        "epoch": 2, "updates": 20, "train_loss": 0.5, "seconds": 1.0, "validation_loss": 0.3,
        "accuracy": 0.9, "macro_f1": 0.5,
    }  # fmt: skip
    assert EpochScores.from_dict(written) == point(2, 0.9, 0.3)
    assert list(EpochScores.from_dict(written).scores) == ["accuracy", "macro_f1"]
    assert EpochScores.from_dict(written).chosen_by == 0.9


def test_patience_counts_epochs_since_the_best() -> None:
    curve = [point(1, 0.5, 1), point(2, 0.9, 1), point(3, 0.8, 1)]
    assert [has_stalled(curve, patience) for patience in (0, 1, 2)] == [False, True, False]
    assert not has_stalled([], 1)
    assert not has_stalled([point(1, None), point(2, None)], 1)


# --- training ------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_learns_and_resumes_to_the_same_weights(
    base: BaseModel, tmp_path: Path, optimizer: str
) -> None:
    rate = 0.05 if optimizer == "sgd" else 2e-3
    made = recipe(optimizer=optimizer, learning_rate=rate, epochs=4)
    model, curve = run(base, tmp_path / "whole", made)
    untrained = build_model(base, OBJECTIVE, LABELS, seed=made.seed).state_dict()
    moved = [name for name, one in model.state_dict().items() if not one.equal(untrained[name])]
    assert "classifier.weight" in moved
    assert "bert.embeddings.word_embeddings.weight" in moved

    def stop(scores: EpochScores) -> None:
        if scores.epoch == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(base, tmp_path / "stopped", made, on_epoch=stop)
    resumed, again = run(base, tmp_path / "stopped", made, resume=True)
    assert [one.train_loss for one in again] == [one.train_loss for one in curve]
    for name, weights in model.state_dict().items():
        assert weights.equal(resumed.state_dict()[name])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_schedule_runs_with_weights_smoothing_and_accumulation(
    base: BaseModel, tmp_path: Path, schedule: str
) -> None:
    made = recipe(
        schedule=schedule, class_weights=True, label_smoothing=0.1, gradient_accumulation=3
    )
    _, curve = run(base, tmp_path, made)
    assert [one.updates for one in curve] == [2, 4]  # ceil(ceil(60 / 16) / 3) an epoch
    assert all(math.isfinite(one.train_loss) for one in curve)


def test_bf16_is_near_fp32_and_does_not_stick(base: BaseModel, tmp_path: Path) -> None:
    _, full = run(base, tmp_path / "fp32", recipe(epochs=1))
    model = build_model(base, OBJECTIVE, LABELS, seed=0)
    learned = training_set(base, 60)
    half = fit(
        model, learned, recipe(epochs=1), Hardware("cpu", "bf16", 1, 0, 1), tmp_path / "bf16"
    )
    assert half[0].train_loss != full[0].train_loss
    assert half[0].train_loss == pytest.approx(full[0].train_loss, rel=0.02)
    assert next(model.parameters()).dtype == torch.float32
    _, again = run(base, tmp_path / "again", recipe(epochs=1))
    assert again[0].train_loss == full[0].train_loss


def test_scores_are_of_the_same_precision_whoever_trained_the_model(
    base: BaseModel, tmp_path: Path
) -> None:
    hardware, validation = Hardware("cpu", "bf16", 1, 0, 1), encoded(base, 15, seed=1)
    trained = build_model(base, OBJECTIVE, LABELS, seed=0)
    learned = training_set(base, 30)
    fit(trained, learned, recipe(epochs=1), hardware, tmp_path)
    read = build_model(base, OBJECTIVE, LABELS, seed=0)
    read.load_state_dict(trained.state_dict())
    one, other, full = (
        logits_of(model, validation, Hardware("cpu", precision, 1, 0, 1))
        for model, precision in ((trained, "bf16"), (read, "bf16"), (read, "fp32"))
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, full)


def test_early_stopping_keeps_the_best_weights(base: BaseModel, tmp_path: Path) -> None:
    # So small a rate changes nothing: the first epoch stays the best by its lower number.
    made = recipe(epochs=9, learning_rate=1e-30, weight_decay=0.0, patience=2)
    _, curve = run(base, tmp_path, made)
    assert len(curve) == 3
    assert best_epoch(curve).epoch == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-12", "checkpoint-4"]
    _, again = run(base, tmp_path, made, resume=True)  # nothing is left to do
    assert again == curve


def test_the_best_epochs_weights_are_restored(base: BaseModel, tmp_path: Path) -> None:
    made = recipe(epochs=5, learning_rate=5e-2, schedule="constant")
    model, curve = run(base, tmp_path, made)
    validation = encoded(base, 15, seed=1)
    logits = logits_of(model, validation, CPU)
    truth = np.array([label for _, label in validation])
    best = best_epoch(curve)
    plain = OBJECTIVE.numpy_loss({"logits": logits}, validation)
    assert plain == pytest.approx(best.validation_loss, abs=1e-6)
    assert float((logits.argmax(axis=1) == truth).mean()) == best.scores["accuracy"]


def test_a_loss_that_is_no_number_is_an_error(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="diverged: in epoch 1") as caught:
        run(base, tmp_path, recipe(learning_rate=1e30, epochs=1))
    assert "--learning-rate" in caught.value.hint


def test_logits_come_in_the_order_of_the_rows(base: BaseModel) -> None:
    model = build_model(base, OBJECTIVE, LABELS, seed=0)
    some = encoded(base, 70)
    together = logits_of(model, some, CPU)
    alone = np.concatenate([logits_of(model, [row], CPU) for row in some])
    assert together.shape == (70, 3)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert not np.allclose(together[:-1], alone[1:], atol=1e-5)


def test_training_does_not_depend_on_the_global_random_state(
    base: BaseModel, tmp_path: Path
) -> None:
    losses = []
    for number in (1, 2):
        torch.manual_seed(number)
        _, curve = run(base, tmp_path / str(number), recipe())
        losses.append([one.train_loss for one in curve])
    assert losses[0] == losses[1]
