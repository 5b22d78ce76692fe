from typing import Any

import numpy as np
import pytest

from edgeft.bundle import Head
from edgeft.errors import GateError, UsageError
from edgeft.tasks.classification import TASK
from edgeft.tasks.head import Wish
from tests.encoded import encoded

LABELS = ("ham", "spam")


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of which the labels were drawn, so that scores are what they say."""
    chance = np.random.default_rng(seed)
    logits = np.zeros((count, 2), np.float32)
    logits[:, 1] = chance.normal(size=count) * 3
    spam = 1 / (1 + np.exp(-logits[:, 1]))
    return logits, (chance.random(count) < spam).astype(np.int64)


def answers(logits: np.ndarray, decision: Head) -> list[str]:
    texts = [encoded([1])] * len(logits)
    found = TASK.decode({"logits": logits}, texts, ["text"] * len(logits), LABELS, decision)
    return [one.label for one in found]


def outcome(logits: np.ndarray, truth: np.ndarray, decision: Head) -> dict[str, Any]:
    texts = [encoded([1])] * len(logits)
    given = TASK.answer({"logits": logits}, texts, ["text"] * len(logits), LABELS, decision).given
    return TASK.score(truth, given, LABELS).outcome(decision)


@pytest.mark.parametrize("wanted", [0.9, 0.97])
def test_a_precision_holds_on_the_rows_that_choose(wanted: float) -> None:
    logits, truth = rows(2000)
    decision = TASK.fit(
        {"logits": logits}, [], [], truth, LABELS, Wish("spam", precision=wanted), "fp32"
    )
    told = np.array([one == "spam" for one in answers(logits, decision)])
    assert (truth[told] == 1).mean() >= wanted
    found = outcome(logits, truth, decision)
    assert found["precision"] == pytest.approx((truth[told] == 1).mean(), abs=1e-3)
    assert 0 < found["recall"] < 1


def test_a_recall_holds_and_lets_few_others_in() -> None:
    logits, truth = rows(2000)
    decision = TASK.fit(
        {"logits": logits}, [], [], truth, LABELS, Wish("spam", recall=0.95), "fp32"
    )
    told = np.array([one == "spam" for one in answers(logits, decision)])
    assert 0.95 <= told[truth == 1].mean() < 0.96


def test_the_runtime_abstains_where_the_export_said() -> None:
    logits, truth = rows(2000)
    decision = TASK.fit({"logits": logits}, [], [], truth, LABELS, Wish(right=0.97), "fp32")
    labels = answers(logits, decision)
    kept = np.array([one != "unknown" for one in labels])
    right = np.array([one == LABELS[at] for one, at in zip(labels, truth, strict=True)])
    assert right[kept].mean() >= 0.97
    found = outcome(logits, truth, decision)
    assert found["answered"] == pytest.approx(kept.mean(), abs=1e-3)
    assert 0.3 < found["answered"] < 1


def test_a_precision_and_abstention_together() -> None:
    logits, truth = rows(2000)
    decision = TASK.fit(
        {"logits": logits}, [], [], truth, LABELS, Wish("spam", precision=0.97, right=0.97), "fp32"
    )
    labels = np.array(answers(logits, decision))
    found = outcome(logits, truth, decision)
    right = np.array([one == LABELS[at] for one, at in zip(labels, truth, strict=True)])
    assert found["answered"] == pytest.approx((labels != "unknown").mean(), abs=1e-3)
    assert found["right_of_answered"] == pytest.approx(right[labels != "unknown"].mean(), abs=1e-3)
    assert found["right_of_answered"] >= 0.97
    assert found["precision"] == pytest.approx((truth[labels == "spam"] == 1).mean(), abs=1e-3)


def test_without_a_wish_only_the_temperature_is_set() -> None:
    logits, truth = rows(2000)
    decision = TASK.fit({"logits": 4 * logits}, [], [], truth, LABELS, Wish(), "fp32")
    assert decision.temperature == pytest.approx(4, rel=0.15)
    assert decision == Head(decision.temperature)
    assert outcome(logits, truth, decision) == {}


def test_what_cannot_be_had() -> None:
    logits = np.zeros((40, 2), np.float32)
    truth = np.array([0, 1] * 20)
    with pytest.raises(GateError, match="no threshold gives 'spam'"):
        TASK.fit({"logits": logits}, [], [], truth, LABELS, Wish("spam", precision=0.9), "int8")
    with pytest.raises(GateError, match=r"not right to 90\.0%"):
        TASK.fit({"logits": logits}, [], [], truth, LABELS, Wish(right=0.9), "int8")
    with pytest.raises(UsageError, match="no label 'eggs'"):
        TASK.check(Wish("eggs", precision=0.9), LABELS)
    with pytest.raises(UsageError, match="exclude each other"):
        TASK.check(Wish("spam", recall=0.9, right=0.9), LABELS)
    with pytest.raises(UsageError, match="label 'unknown' itself"):
        TASK.check(Wish(right=0.9), ("known", "unknown"))


def test_a_threshold_keeps_the_rows_and_few_digits() -> None:
    logits, truth = rows(300)
    decision = TASK.fit({"logits": logits}, [], [], truth, LABELS, Wish("spam", recall=0.9), "fp32")
    assert round(decision.threshold, 4) == decision.threshold
    # Sums in another order move a score in its seventh digit, and the threshold not at all.
    noise = np.random.default_rng(1).normal(size=logits.shape).astype(np.float32) * 1e-6
    assert (
        TASK.fit(
            {"logits": logits + noise}, [], [], truth, LABELS, Wish("spam", recall=0.9), "fp32"
        )
        == decision
    )


def test_a_threshold_parts_scores_that_lie_close() -> None:
    close = np.array([0.700003, 0.700001, 0.2])
    logits = np.log(np.stack([1 - close, close], axis=1)).astype(np.float32)
    truth = np.array([1, 0, 0])
    # Temperature scaling moves all scores alike, so only their order counts here.
    decision = TASK.fit(
        {"logits": logits}, [], [], truth, LABELS, Wish("spam", precision=1.0), "fp32"
    )
    assert answers(logits, decision) == ["spam", "ham", "ham"]
