import math

import numpy as np
import pytest

from edgeft.paired import Drop, mcnemar_p, paired_drop


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


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
    assert (found.points, found.mcnemar_p) == (0.0, 1.0)
    # Of 2,000 rows none changed, so at most 3.69 in 2,000 do (Clopper and Pearson).
    assert found.high == -found.low == pytest.approx(100 * 3.69 / 2000, rel=0.01)
    assert found.proven(0.5)


def test_a_few_equal_rows_prove_nothing() -> None:
    truth = ids(*[0, 1] * 10)
    found = paired_drop(truth, truth, truth, 2)
    assert found.high == pytest.approx(100 * (1 - 0.025 ** (1 / 20)), abs=1e-3)
    assert found.sentence(0.5).startswith("Not proven: 20 rows are too few")


def test_the_measure_that_lost_more_counts() -> None:
    truth = ids(*[0] * 9, 1)
    lost_the_rare_class = paired_drop(truth, ids(*[0] * 10), truth, 2)
    assert lost_the_rare_class.metric == "macro F1"
    assert lost_the_rare_class.points == pytest.approx(100 * (1 - (18 / 19) / 2), abs=1e-3)
    gained = paired_drop(truth, truth, ids(*[0] * 10), 2)
    assert (gained.metric, gained.points) == ("accuracy", -10.0)
    assert (gained.newly_wrong, gained.newly_right) == (0, 1)


def test_the_interval_is_that_of_a_share() -> None:
    # 40 of 1,000 rows become wrong: the standard error is that of a binomial share.
    truth = np.repeat([0, 1], 500)
    predicted = truth.copy()
    predicted[:20], predicted[-20:] = 1, 0
    found = paired_drop(truth, predicted, truth, 2)
    spread = 196 * math.sqrt(0.04 * 0.96 / 1000)
    assert found.points == pytest.approx(4.0)
    unseen = 100 * (1 - 0.025 ** (1 / 1000))  # none became right
    assert found.high - found.low == pytest.approx(2 * spread + unseen, rel=0.1)
    assert found == paired_drop(truth, predicted, truth, 2)  # the draws are the same each time
    assert found != paired_drop(truth, predicted, truth, 2, seed=1)


def test_what_the_rows_prove_is_said_plainly() -> None:
    def drop(points: float, high: float) -> Drop:
        return Drop("accuracy", points, -0.2, high, 400, 3, 2, 1.0)

    assert drop(0.1, 0.4).sentence(0.5) == "400 rows show that it loses no more than 0.5 points."
    text = drop(0.1, 0.9).sentence(0.5)
    assert text.startswith("Not proven: 400 rows are too few")
    assert text.endswith("About 1,600 rows would tell.")
    assert "loses more than the 0.5 points" in drop(0.7, 0.9).sentence(0.5)
    assert drop(0.5, 0.9).sentence(0.5).endswith("it may be 0.90.")


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="no rows"):
        paired_drop(ids(), ids(), ids(), 2)
