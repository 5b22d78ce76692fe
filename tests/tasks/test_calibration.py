import numpy as np
import pytest

from edgeft.tasks.calibration import (
    calibration,
    fit_temperature,
    precision_threshold,
    probabilities,
    recall_threshold,
)


def test_by_hand() -> None:
    # Both rows say 0.75; one is right. Error in that bin: |0.75 - 0.5|.
    logits = np.log(np.array([[0.75, 0.25], [0.75, 0.25]])).astype(np.float32)
    found = calibration(logits, np.array([0, 1]))
    assert found.ece == pytest.approx(0.25, abs=1e-6)
    assert found.brier == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2, abs=1e-6)


def test_sure_and_right_is_calibrated() -> None:
    found = calibration(np.array([[50.0, -50.0]], np.float32), np.array([0]))
    assert (found.ece, found.brier) == (0.0, 0.0)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(scale: float) -> None:
    # Labels are drawn from the softmax itself, so ``scale`` times the logits need that temperature.
    chance = np.random.default_rng(0)
    logits = chance.normal(size=(20_000, 3)).astype(np.float32) * 2
    shares = probabilities(logits)
    truth = (shares.cumsum(axis=1) > chance.random((len(shares), 1))).argmax(axis=1)
    found = fit_temperature(logits * np.float32(scale), truth)
    assert found == pytest.approx(scale, rel=0.04)
    before = calibration(logits * np.float32(scale), truth)
    after = calibration(logits * np.float32(scale), truth, found)
    assert after.ece < 0.015
    assert after.brier <= before.brier + 1e-4


@pytest.mark.parametrize("rows", [40, 4000])
def test_no_error_among_few_rows_does_not_mean_certainty(rows: int) -> None:
    truth = np.arange(rows) % 2
    logits = np.where(truth[:, None] == [0, 1], 3.0, 0.0).astype(np.float32)
    sure = probabilities(logits, fit_temperature(logits, truth)).max(axis=1)
    assert sure == pytest.approx(np.full(rows, 1 - 1 / (rows + 2)), abs=1e-3)


def test_extreme_logits_give_numbers() -> None:
    assert np.isfinite(probabilities(np.array([[1e4, -1e4]], np.float32), 0.05)).all()


def test_thresholds_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    positive = np.array([True, True, False, True, False])
    assert precision_threshold(scores, positive, 1.0) == 0.8
    assert precision_threshold(scores, positive, 0.75) == 0.6
    assert precision_threshold(scores, positive, 0.1) == 0.5
    assert precision_threshold(scores, ~positive, 1.0) is None
    assert recall_threshold(scores, positive, 1.0) == 0.6
    assert recall_threshold(scores, positive, 0.5) == 0.8
    assert recall_threshold(scores, positive, 0.01) == 0.9
    assert recall_threshold(scores, np.zeros(5, bool), 0.5) is None


def test_equal_scores_pass_together() -> None:
    scores, positive = np.array([0.9, 0.5, 0.5]), np.array([True, True, False])
    assert precision_threshold(scores, positive, 0.9) == 0.9
