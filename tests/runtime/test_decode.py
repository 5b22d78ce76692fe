"""Logits to predictions."""

import numpy as np
import pytest

from edgeft.bundle import Head
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


ENCODED = [Encoded([1], False, 0.0)]


def test_a_temperature_changes_scores_and_no_label() -> None:
    logits = np.array([[2.0, 0.0]], np.float32)
    (one,) = classifications(logits, ("a", "b"), ENCODED, Head(temperature=2.0))
    assert (one.label, one.abstained) == ("a", False)
    assert one.score == pytest.approx(np.e / (np.e + 1))


@pytest.mark.parametrize(
    ("decision", "label"),
    [
        (Head(label="b", threshold=0.2), "b"),  # though a is likelier
        (Head(label="b", threshold=0.3), "a"),
        (Head(label="a", threshold=0.7), "b"),  # though a is likeliest
        (Head(label="a", threshold=0.5), "a"),
    ],
)
def test_a_label_with_a_threshold_of_its_own(decision: Head, label: str) -> None:
    logits = np.log(np.array([[0.6, 0.25, 0.15]], np.float32))
    (one,) = classifications(logits, ("a", "b", "c"), ENCODED, decision)
    assert one.label == label
    assert one.score == one.scores[label]


def test_an_unsure_answer_is_withheld_and_told() -> None:
    logits = np.log(np.array([[0.6, 0.4]], np.float32))
    (one,) = classifications(logits, ("a", "b"), ENCODED, Head(abstain_below=0.7))
    assert (one.label, one.abstained) == ("unknown", True)
    assert one.score == pytest.approx(0.6)
    (one,) = classifications(logits, ("a", "b"), ENCODED, Head(abstain_below=0.5))
    assert (one.label, one.abstained) == ("a", False)
