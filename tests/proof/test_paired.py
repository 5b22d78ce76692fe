import numpy as np
import pytest

from edgeft.proof.paired import Drop, Loss, mcnemar_p
from edgeft.proof.paired import paired_drop as paired_drop_of
from edgeft.tasks import task_named
from edgeft.tasks.classification import TASK


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def paired_drop(
    truth: np.ndarray, answers: np.ndarray, reference: np.ndarray, classes: int, *, seed: int = 0
) -> Drop:
    labels = tuple(map(str, range(classes)))
    return paired_drop_of(TASK, truth, answers, reference, labels, seed=seed)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 2 / 32), (8, 2, 2 * (1 + 10 + 45) / 1024), (3, 3, 1.0)],
)
def test_mcnemar_by_hand(one: int, other: int, p: float) -> None:
    assert mcnemar_p(one, other) == pytest.approx(p)
    assert mcnemar_p(other, one) == pytest.approx(p)


def test_many_discordant_rows_do_not_overflow() -> None:
    assert 0 < mcnemar_p(2000, 1800) < 0.01


def test_equal_predictions_lose_nothing() -> None:
    truth = ids(*[0, 1] * 1000)
    found = paired_drop(truth, truth, truth, 2)
    assert (found.worst.points, found.mcnemar_p) == (0.0, 1.0)
    # Of 2,000 rows none changed, so at most 3.69 in 2,000 do (Clopper and Pearson).
    assert found.losses[0].high == -found.losses[0].low
    assert found.losses[0].high == pytest.approx(100 * 3.69 / 2000, rel=0.06)
    assert found.proven(0.5)


def test_a_few_equal_rows_prove_nothing() -> None:
    truth = ids(*[0, 1] * 10)
    found = paired_drop(truth, truth, truth, 2)
    assert found.losses[0].high == pytest.approx(100 * (1 - 0.025 ** (1 / 20)), rel=0.06)
    assert found.sentence(0.5).startswith("Not proven: 20 rows are too few")
    one = paired_drop(ids(0), ids(0), ids(0), 2)
    assert one.losses[0].high > 95
    assert one.sentence(5).startswith("Not proven: 1 row is too few")


def test_a_changed_row_never_makes_the_bound_smaller() -> None:
    # Clopper and Pearson of 0, 1 and 2 of 1,000: 0.368%, 0.556%, 0.721%.
    truth = ids(*[0, 1] * 500)
    highs = []
    for wrong in (0, 1, 2):
        predicted = truth.copy()
        predicted[:wrong] = 1 - predicted[:wrong]
        highs.append(paired_drop(truth, predicted, truth, 2).losses[0].high)
    assert highs == pytest.approx([0.368, 0.556, 0.721], rel=0.05)


def rare_class() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes of 5,000, 4,990 and 10 rows, one of two newly wrong, and one of the rare right."""
    truth = np.repeat([0, 1, 2], [5000, 4990, 10])
    predicted, reference = truth.copy(), truth.copy()
    predicted[0], predicted[-1], reference[-2] = 1, 0, 0
    return truth, predicted, reference


def test_a_claim_holds_for_every_metric_that_it_names() -> None:
    found = paired_drop(*rare_class(), 3)
    assert found.losses[0].high < 0.1
    assert found.losses[1].high > 5
    assert not found.proven(0.5)
    text = found.sentence(0.5)
    assert text.startswith("Not proven: 10,000 rows are too few to tell whether it loses more than")
    assert "0.5 points of macro F1; it may be" in text
    assert "The rarest label has 10 of them." in text
    document = found.judged(0.5)
    assert (document["proven"], document["verdict"]) == (False, text)
    assert document["macro_f1"]["high"] == found.losses[1].high
    assert found.proven(20)


def test_a_rare_class_without_a_change_proves_little() -> None:
    truth, _, _ = rare_class()
    found = paired_drop(truth, truth, truth, 3)
    assert found.losses[0].high == pytest.approx(0.037, rel=0.06)
    # Of its ten rows up to 31% may go wrong, a third of which is lost of the mean of three.
    recall = 0.025 ** (1 / 10)
    assert found.losses[1].high == pytest.approx(
        100 * (1 - 2 * recall / (1 + recall)) / 3, rel=0.06
    )
    assert "macro F1" in found.sentence(0.5)


def test_a_label_without_a_row_leaves_macro_f1_unproven() -> None:
    truth = ids(*[0, 1] * 2500)
    found = paired_drop(truth, truth, truth, 3)
    assert (found.absent, found.rarest) == (1, 2500)
    assert not found.proven(100)
    text = found.sentence(0.5)
    assert text.startswith("Not proven: no row has 1 of the 3 labels")
    assert "Of accuracy 5,000 rows show with 95% confidence" in text
    few = paired_drop(truth[:20], truth[:20], truth[:20], 3).sentence(0.5)
    assert few.startswith("Not proven: 20 rows are too few")
    assert "No row has 1 of the 3 labels." in few


def test_one_class_alone() -> None:
    truth = ids(*[1] * 50)
    found = paired_drop(truth, truth, truth, 2)
    assert found.losses[0].high == pytest.approx(100 * (1 - 0.025 ** (1 / 50)), rel=0.06)
    assert not found.proven(50)
    only = paired_drop(ids(0, 0), ids(0, 0), ids(0, 0), 1)
    assert only.sentence(0.5) == "There is one label alone, so no answer can be lost."


def test_the_measure_that_lost_more_counts() -> None:
    truth = ids(*[0] * 9, 1)
    lost_the_rare_class = paired_drop(truth, ids(*[0] * 10), truth, 2)
    assert lost_the_rare_class.worst.metric == "macro F1"
    assert lost_the_rare_class.worst.points == pytest.approx(100 * (1 - (18 / 19) / 2), abs=1e-3)
    gained = paired_drop(truth, truth, ids(*[0] * 10), 2)
    assert (gained.worst.metric, gained.worst.points) == ("accuracy", -10.0)
    assert (gained.newly_wrong, gained.newly_right) == (0, 1)
    assert gained.losses[0].low <= -10.0 <= gained.losses[0].high


def test_the_interval_is_that_of_a_share() -> None:
    # 40 of 1,000 rows become wrong: Clopper and Pearson's interval, with none right.
    truth = np.repeat([0, 1], 500)
    predicted = truth.copy()
    predicted[:20], predicted[-20:] = 1, 0
    found = paired_drop(truth, predicted, truth, 2)
    assert found.losses[0].points == pytest.approx(4.0)
    assert found.losses[0].high == pytest.approx(5.41, rel=0.02)
    assert found == paired_drop(truth, predicted, truth, 2)  # the draws are the same each time
    assert found != paired_drop(truth, predicted, truth, 2, seed=1)


def test_a_false_claim_is_as_rare_as_is_said() -> None:
    # One row in a hundred goes wrong: how often does a bound of 200 rows end below that?
    chance = np.random.default_rng(5)
    misses = 0
    for seed in range(300):
        truth = chance.integers(0, 2, 200)
        predicted = np.where(chance.random(200) < 0.01, 1 - truth, truth)
        misses += paired_drop(truth, predicted, truth, 2, seed=seed).losses[0].high < 1.0
    assert misses <= 300 * 0.05


def test_many_kinds_of_rows_take_little_memory_and_time() -> None:
    chance = np.random.default_rng(0)
    truth, predicted, reference = chance.integers(0, 300, (3, 20_000))
    found = paired_drop(truth, predicted, reference, 300)
    assert found.losses[0].low <= found.losses[0].points <= found.losses[0].high


def test_what_the_rows_prove_is_said_plainly() -> None:
    def drop(points: float, high: float) -> Drop:
        losses = tuple(Loss(name, one, points, -0.2, high) for name, one in TASK.metrics.items())
        return Drop(losses, 400, 3, 2, 1.0, labels=2, absent=0, rarest=200)

    assert drop(0.1, 0.4).sentence(0.5) == (
        "400 rows show with 95% confidence that it loses no more than 0.5 points of accuracy or "
        "of macro F1."
    )
    text = drop(0.1, 0.9).sentence(0.5)
    assert text.startswith("Not proven: 400 rows are too few")
    assert text.endswith("About 1,600 rows would tell.")
    assert "loses more than the 0.5 points" in drop(0.7, 0.9).sentence(0.5)
    assert drop(0.5, 0.9).sentence(0.5).endswith("it may be 0.90 and 0.90.")
    assert str(drop(0.1, 0.4).losses[0]) == "0.10 (-0.20 to 0.40)"


def test_words_of_rare_labels_are_for_metrics_that_weigh_them_alike() -> None:
    tagger, labels = task_named("token-classification"), ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    truths = [((0, 3, 1),), ((0, 3, 3), (4, 7, 3)), ()] * 20  # 20 and 40 entities in 60 rows
    found = paired_drop_of(tagger, truths, truths, truths, labels)
    text = found.sentence(0.5)
    assert text.startswith("Not proven: 60 rows are too few to tell")
    assert "entity F1" in text
    assert "rarest" not in text
    assert (found.labels, found.absent, found.rarest) == (2, 0, 0)
    some = paired_drop_of(tagger, truths[::3] * 500, truths[::3] * 500, truths[::3] * 500, labels)
    assert some.sentence(0.5) == (
        "Not proven: no row has 1 of the 2 labels, so their part in entity F1 is unknown."
    )
    # What is claimed rests on an assumption that the claim names.
    sure = paired_drop_of(tagger, truths * 50, truths * 50, truths * 50, labels)
    assert sure.sentence(0.5) == (
        "3,000 rows show with 95% confidence that it loses no more than 0.5 points of entity F1, "
        "if texts with many entities are lost no more often than others."
    )
    finder = task_named("question-answering")
    golds, answers = [(("Ada", 0),)] * 30, ["Ada"] * 30
    found = paired_drop_of(finder, golds, answers, answers, ())
    assert "rarest" not in found.sentence(0.5)
    assert "too few to tell" in found.sentence(0.5)


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="no rows"):
        paired_drop(ids(), ids(), ids(), 2)


def test_a_loss_that_rounds_to_nothing_has_no_sign() -> None:
    assert str(Loss("accuracy", "accuracy", -0.001, -0.004, 0.0)) == "0.00 (0.00 to 0.00)"
    assert str(Loss("accuracy", "accuracy", -0.12, -1.5, 0.25)) == "-0.12 (-1.50 to 0.25)"
