"""Logits to predictions."""

import numpy as np
import pytest

from edgeft.runtime.decode import classifications, softmax
from edgeft.runtime.tokenize import Encoded


def test_softmax_of_known_logits_and_of_extreme_ones() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1e4, -1e4], [-1e4, -1e4]], np.float32)
    expected = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-6)


def test_a_prediction_carries_what_is_known_of_its_text() -> None:
    logits = np.array([[2.0, 0.0, 1.0]], np.float32)
    (one,) = classifications(logits, ("a", "b", "c"), [Encoded([1, 2], True, 0.5)])
    assert (one.label, one.truncated, one.unknown_share) == ("a", True, 0.5)
    assert one.score == pytest.approx(one.scores["a"])
    assert sum(one.scores.values()) == pytest.approx(1.0, abs=1e-6)
