"""From which score on labels are given, on scores whose answer is known."""

import numpy as np
import pytest
from sklearn import metrics as reference

from edgeft.tasks.label_thresholds import (
    HALF,
    best_thresholds,
    fit_temperature_of_labels,
    label_calibration,
    ranking_precision,
    under_temperature,
)


def drawn(rows: int, labels: int, *, seed: int = 0, base: float = -2.0) -> tuple:
    """Log odds, and truths that hold as often as these say: calibrated ones."""
    chance = np.random.default_rng(seed)
    odds = chance.normal(base, 1.5, (rows, labels))
    return odds, chance.random((rows, labels)) < 1 / (1 + np.exp(-odds))


def f1(odds: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    return float(reference.f1_score(truth, 1 / (1 + np.exp(-odds)) >= threshold))


def test_labels_that_scores_part_are_cut_between() -> None:
    scores = np.array([[0.30, 0.9], [0.28, 0.9], [0.1, 0.7], [0.05, 0.7]])
    truth = np.array([[1, 1], [1, 1], [0, 0], [0, 0]], bool)
    many = np.repeat(np.log(scores / (1 - scores)), 500, axis=0)
    low, high = best_thresholds(many, np.repeat(truth, 500, axis=0))
    assert 0.1 < low < 0.28
    assert 0.7 < high < 0.9


def test_calibrated_scores_are_cut_at_half_of_the_best_f1() -> None:
    odds, truth = drawn(20_000, 1)
    (threshold,) = best_thresholds(odds, truth)
    best = max(f1(odds[:, 0], truth[:, 0], one) for one in np.linspace(0.05, 0.95, 91))
    assert threshold == pytest.approx(best / 2, abs=0.05)  # Lipton et al. 2014
    assert f1(odds[:, 0], truth[:, 0], threshold) == pytest.approx(best, abs=0.002)


def test_a_label_of_few_rows_is_drawn_to_what_all_have_in_common() -> None:
    odds, truth = drawn(5_000, 5)
    truth[:, 4] = False
    truth[0, 4] = True  # one row, whatever its score
    odds[0, 4] = odds[:, 4].min()
    *others, rare = best_thresholds(odds, truth)
    assert rare > 0.4 * np.mean(others)  # by itself it would be given to every text
    assert rare < max(others)


def test_a_label_that_no_row_has_keeps_one_half_and_no_other_does() -> None:
    odds, truth = drawn(300, 3)
    truth[:, 1] = False
    thresholds = best_thresholds(odds, truth)
    assert thresholds[1] == HALF
    assert thresholds.count(HALF) == 1
    assert best_thresholds(odds, np.zeros_like(truth)) == ()
    level = np.array([[0.1], [-0.1]] * 50)
    assert best_thresholds(level, level > 0)[0] != HALF


def test_equal_scores_are_given_together() -> None:
    odds = np.zeros((10, 1))
    (threshold,) = best_thresholds(odds, np.arange(10)[:, None] < 5)
    assert threshold < 0.5


def test_a_temperature_moves_thresholds_so_that_they_part_the_same_texts() -> None:
    odds, truth = drawn(400, 6, seed=1)
    truth[:, 2] = False
    thresholds = np.array(best_thresholds(odds, truth))
    for temperature in (0.5, 3.0):
        moved = under_temperature(tuple(thresholds), temperature)
        assert moved[2] == HALF
        before = 1 / (1 + np.exp(-odds)) >= thresholds
        after = 1 / (1 + np.exp(-odds / temperature)) >= np.array(moved)
        assert (before == after).all()


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_rows_need(scale: float) -> None:
    odds, truth = drawn(4_000, 5)
    assert fit_temperature_of_labels(odds * scale, truth) == pytest.approx(scale, rel=0.05)
    assert label_calibration(odds * scale, truth, scale).ece < 0.01
    if scale != 1.0:
        assert label_calibration(odds * scale, truth).ece > 0.03


def test_rows_without_an_error_do_not_make_scores_certain() -> None:
    odds = np.array([[2.0, -2.0]] * 10)
    assert fit_temperature_of_labels(odds, odds > 0) > 0.3


def test_ranking_precision_equals_scikit_learns() -> None:
    chance = np.random.default_rng(3)
    for ties in (False, True):
        scores = chance.normal(size=(60, 7))
        if ties:
            scores = scores.round(0)
        truth = chance.random((60, 7)) < 0.3
        truth[:3], truth[3] = False, True
        wanted = reference.label_ranking_average_precision_score(truth, scores)
        assert ranking_precision(scores, truth) == pytest.approx(wanted)
