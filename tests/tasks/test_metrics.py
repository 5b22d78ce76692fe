"""Scores against scikit-learn's, which is the field's reference."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn import metrics as reference

from edgeft.tasks.metrics import ClassificationScores, score_classification, wilson_interval

LABELS = ("a", "b", "c", "never")


def scored(
    truth: Sequence[str], predicted: Sequence[str | None], labels: Sequence[str]
) -> ClassificationScores:
    """Scores of answers that are given by name, None being a withheld one."""
    ids: dict[str | None, int] = {None: -1, **{label: at for at, label in enumerate(labels)}}
    return score_classification(
        [ids[one] for one in truth], [ids[one] for one in predicted], labels
    )


@pytest.fixture
def answers() -> tuple[list[str], list[str]]:
    chance = np.random.default_rng(3)
    truth = chance.choice(["a", "b", "c"], 200, p=[0.6, 0.3, 0.1]).tolist()
    predicted = [one if chance.random() < 0.7 else str(chance.choice(["a", "b"])) for one in truth]
    return truth, predicted


def test_scores_equal_scikit_learn(answers: tuple[list[str], list[str]]) -> None:
    truth, predicted = answers
    scores = scored(truth, predicted, LABELS)
    assert scores.accuracy == pytest.approx(reference.accuracy_score(truth, predicted))
    assert scores.macro_f1 == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    assert scores.weighted_f1 == pytest.approx(
        reference.f1_score(truth, predicted, average="weighted")
    )
    for name, average in (("macro_precision", "precision"), ("macro_recall", "recall")):
        expected = getattr(reference, f"{average}_score")(
            truth, predicted, average="macro", zero_division=0
        )
        assert getattr(scores, name) == pytest.approx(expected)
    matrix = reference.confusion_matrix(truth, predicted, labels=LABELS)
    assert scores.confusion == tuple(map(tuple, matrix.tolist()))


def test_frequent_mistakes_come_first() -> None:
    scores = scored(list("aaabbc"), list("abbbac"), ("a", "b", "c"))
    assert scores.confusions(5) == [("a", "b", 2), ("b", "a", 1)]


def test_wilson_interval_of_a_known_case() -> None:
    # Newcombe (1998), table I: 81 of 263.
    low, high = wilson_interval(81, 263)
    assert (low, high) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_perfect_answers_keep_an_interval() -> None:
    scores = scored(["a"] * 10, ["a"] * 10, ("a", "b"))
    assert scores.accuracy == scores.macro_f1 == 1.0
    assert scores.accuracy_low < 0.75


def test_a_withheld_answer_is_a_wrong_one_and_claims_nothing() -> None:
    scores = scored(list("aabb"), ["a", None, "b", "a"], ("a", "b"))
    assert (scores.accuracy, scores.answered, scores.coverage) == (0.5, 3, 0.75)
    assert scores.accuracy_of_answered == pytest.approx(2 / 3)
    assert scores.withheld == (1, 0)
    assert scores.selective() == {
        "withheld": 1, "coverage": 0.75, "accuracy_of_answered": 0.666667,
    }  # fmt: skip
    a, b = scores.per_class
    assert (a.precision, a.recall, a.support) == (0.5, 0.5, 2)
    assert (b.precision, b.recall) == (1.0, 0.5)
    # As where a label of its own stood for the withheld, which no row has.
    expected = reference.f1_score(
        list("aabb"), ["a", "-", "b", "a"], labels=["a", "b"], average="macro"
    )
    assert scores.macro_f1 == pytest.approx(expected)
    none = scored(["a"], [None], ("a", "b"))
    assert (none.accuracy, none.accuracy_of_answered) == (0.0, None)


@pytest.mark.parametrize(
    ("truth", "answers"), [([], []), ([0], []), ([2], [0]), ([0], [2]), ([-1], [0]), ([0], [-2])]
)
def test_senseless_input_is_refused(truth: list[int], answers: list[int]) -> None:
    with pytest.raises(ValueError, match=r"label|length"):
        score_classification(truth, answers, ("a", "b"))


def test_a_figure_is_rounded_in_one_place_and_so_the_same_wherever_it_stands() -> None:
    # 576 of 1,002 is 0.57485030: to six digits a tie of those with four, which goes the other way.
    truths = np.zeros(1002, np.int64)
    answers = np.where(np.arange(1002) < 576, 0, 1)
    scores = score_classification(truths, answers, ["a", "b"])
    stored = scores.to_dict()
    assert scores.figure("accuracy") == stored["accuracy"] == 0.57485
    assert scores.summary()["accuracy"] == f"{stored['accuracy']:.4f}"
    low, high = stored["accuracy_interval_95"]
    assert scores.summary()["95% interval"] == f"{low:.4f} to {high:.4f}"
