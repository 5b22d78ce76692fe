import math

import numpy as np
import pytest

from edgeft.proof.agreement import agreement_of, differences, outcome_told
from edgeft.runtime.golden import largest_difference
from edgeft.tasks import task_named
from edgeft.tasks.task import Answers

ONE = {"a": np.array([[1, 2], [3, 4]], np.float32), "b": [np.zeros((2, 1), np.float32)] * 2}


def test_differences_are_over_all_outputs() -> None:
    other = {**ONE, "b": [np.zeros((2, 1), np.float32), np.full((2, 1), 4, np.float32)]}
    assert differences(ONE, other) == (4.0, 1.0)
    assert differences(ONE, ONE) == (0.0, 0.0)
    assert differences({"a": np.zeros((0, 2), np.float32)}, {"a": np.zeros((0, 2))}) == (0.0, 0.0)


def test_what_has_another_shape_is_infinitely_far_and_nan_is_kept() -> None:
    assert differences(ONE, {**ONE, "b": ONE["b"][:1]}) == (math.inf, math.inf)
    assert differences(ONE, {**ONE, "a": np.zeros((2, 3), np.float32)}) == (math.inf, math.inf)
    broken = np.array([[1, 2], [np.nan, 4]], np.float32)
    assert all(map(math.isnan, differences(ONE, {**ONE, "a": broken})))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"a": [[1.0, 2.5], [3.0]]}, 0.5),
        ({"a": [[1.0, 2.0]]}, math.inf),
        ({"a": [[1.0, 2.0], [3.0, 4.0]]}, math.inf),
        ({"b": [[1.0, 2.0], [3.0]]}, math.inf),
    ],
)
def test_goldens_match_by_name_and_length(
    other: dict[str, list[list[float]]], expected: float
) -> None:
    assert largest_difference({"a": [[1.0, 2.0], [3.0]]}, other) == expected


def test_a_golden_that_is_no_number_is_never_near() -> None:
    found = largest_difference({"a": [[math.nan, 2.0], [3.0]]}, {"a": [[1.0, 2.0], [3.0]]})
    assert not found <= 1e9


def test_an_outcome_in_words() -> None:
    found = {"accuracy": 0.5, "macro_f1": 0.25, "precision": None, "withheld": 1200}
    told = ["accuracy 0.5000", "macro F1 0.2500", "precision -", "withheld 1,200"]
    assert outcome_told(found, task_named("text-classification").metrics) == told
    found = {"entity_precision": 0.5, "entity_f1": 0.25}
    told = ["entity precision 0.5000", "entity F1 0.2500"]
    assert outcome_told(found, task_named("token-classification").metrics) == told


def test_entities_agree_in_part() -> None:
    one, other = (0, 3, 1), (4, 7, 1)
    ours, theirs = [(one, other), (one,), ()], [(one,), (one,), ()]
    margin = np.ones(3)
    found = agreement_of(
        task_named("token-classification"),
        ONE, Answers(ours, ours, margin), ONE, Answers(theirs, theirs, margin),
    )  # fmt: skip
    # Of three entities that the two find for the first text they share one, which both count.
    assert found.agreement == pytest.approx((2 / 3 + 1 + 1) / 3, abs=1e-6)
    assert (found.texts, found.different) == (3, 1)
