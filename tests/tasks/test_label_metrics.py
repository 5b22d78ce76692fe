"""Scores of sets of labels against scikit-learn's, which is the field's reference."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference

from edgeft.proof.paired import paired_drop
from edgeft.tasks.head import PLAIN
from edgeft.tasks.labels import TASK

NAMES = ("a", "b", "c", "d", "e")
TRUTHS = [(0, 1), (), (2,), (0, 1, 2), (), (1,)]
ANSWERS = [(0,), (), (2, 3), (0, 1, 2), (4,), (0,)]


def flags(sets: list[tuple[int, ...]], labels: int = len(NAMES)) -> np.ndarray:
    found = np.zeros((len(sets), labels), int)
    for row, one in enumerate(sets):
        found[row, list(one)] = 1
    return found


def drawn(rows: int, labels: int, *, seed: int, share: float = 0.3) -> list[tuple[int, ...]]:
    chance = np.random.default_rng(seed)
    return [tuple(map(int, np.flatnonzero(one))) for one in chance.random((rows, labels)) < share]


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_scikit_learn(seed: int) -> None:
    truths, answers = drawn(40, 5, seed=seed), drawn(40, 5, seed=seed + 100)
    scores, one, other = TASK.score(truths, answers, NAMES), flags(truths), flags(answers)

    def f1(average: str) -> float:
        return float(reference.f1_score(one, other, average=average, zero_division=1))

    assert scores.figure("macro_f1") == pytest.approx(f1("macro"), abs=1e-6)
    assert scores.figure("micro_f1") == pytest.approx(f1("micro"), abs=1e-6)
    assert scores.headline()["samples_f1"] == pytest.approx(f1("samples"), abs=1e-6)
    exact = reference.accuracy_score(one, other)
    assert scores.headline()["subset_accuracy"] == pytest.approx(exact, abs=1e-6)
    table = reference.precision_recall_fscore_support(one, other, zero_division=0)
    for at, told in enumerate(scores.to_dict()["per_label"].values()):
        found = (told["precision"], told["recall"], told["f1"], told["support"])
        assert found == pytest.approx([column[at] for column in table], abs=1e-6)
    jaccard = np.mean(TASK.same(truths, answers))
    wanted = reference.jaccard_score(one, other, average="samples", zero_division=1)
    assert jaccard == pytest.approx(wanted)


def test_a_label_that_nobody_names_is_no_part_of_the_mean() -> None:
    scores = TASK.score([(0,), ()], [(0,), ()], NAMES)
    assert scores.figure("macro_f1") == 1.0
    assert scores.support == {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0}
    assert json.loads(json.dumps(scores.to_dict()))["per_label"]["b"]["f1"] == 0.0
    nothing = TASK.score([()], [()], NAMES)
    assert (nothing.figure("macro_f1"), nothing.figure("micro_f1")) == (0.0, 0.0)
    assert nothing.headline()["samples_f1"] == 1.0
    assert (scores.outcome(PLAIN), scores.selective()) == ({}, {})
    with pytest.raises(ValueError, match="same length"):
        TASK.score([], [], NAMES)


def test_tables_of_thousands_of_labels_stay_short() -> None:
    names = tuple(f"l{at}" for at in range(5000))
    truths = [(at,) for at in range(5000)]
    ((heading, columns, rows),) = TASK.score(truths, truths, names).tables("test")
    assert "the 10 labels with the lowest F1, of 5000" in heading
    assert (len(columns), len(rows)) == (5, 10)
    (few,) = TASK.score(TRUTHS, ANSWERS, NAMES).tables("test")
    assert few[2][0] == ["a", "0.6667", "1.0000", "0.8000", 2]


def test_figures_are_the_scores_of_rows_repeated_by_weight() -> None:
    weights = np.array([[1, 3, 1], [1, 2, 1], [1, 2, 4], [1, 1, 1], [2, 1, 1], [1, 5, 2]], float)
    figures = TASK.figures(TRUTHS, ANSWERS, NAMES, weights)

    def repeated(rows: list, times: np.ndarray) -> list:
        return [row for row, n in zip(rows, times, strict=True) for _ in range(int(n))]

    for metric in TASK.metrics:
        expected = [
            TASK.score(repeated(TRUTHS, one), repeated(ANSWERS, one), NAMES).figure(metric)
            for one in weights.T
        ]
        assert figures[metric] == pytest.approx(expected, abs=1e-6)
    empty = TASK.figures([()], [()], NAMES, np.ones((1, 2)))
    assert all(one.tolist() == [0.0, 0.0] for one in empty.values())


def test_the_worst_row_costs_more_than_any_that_was_seen() -> None:
    truths, answers, references = (drawn(60, 5, seed=seed) for seed in (1, 2, 1))
    worst = TASK.worst(truths, answers, references, NAMES, 3.7)
    assert worst is not None
    truth, answer, reference_answer = worst
    assert truth == reference_answer
    assert not {*truth} & {*answer}
    assert len(answer) == len(truth)

    def lost(row: tuple, metric: str) -> float:
        weights = np.append(np.ones(60), 3.7)[:, None]
        theirs = TASK.figures([*truths, row[0]], [*references, row[2]], NAMES, weights)
        ours = TASK.figures([*truths, row[0]], [*answers, row[1]], NAMES, weights)
        return float((theirs[metric] - ours[metric])[0])

    for metric in TASK.metrics:
        seen = [(one, other, one) for one, other in zip(truths, answers, strict=True)
                if len(one) <= len(truth) and len(other) <= len(truth)]  # fmt: skip
        assert lost(worst, metric) >= max(lost(row, metric) for row in seen) - 1e-9
    assert TASK.worst([()], [()], [()], NAMES, 3.7) is None
    lone = TASK.worst([(0,)], [(0,)], [(0,)], ("a",), 3.7)
    assert lone == ((0,), (-1,), (0,))  # no other label could stand in its place


def test_a_drop_is_told_with_its_interval() -> None:
    truths = drawn(400, 5, seed=5)
    worse = [() if at % 20 == 0 else one for at, one in enumerate(truths)]
    drop = paired_drop(TASK, truths, worse, truths, NAMES)
    assert [loss.name for loss in drop.losses] == ["macro_f1", "micro_f1"]
    assert all(loss.low < loss.points < loss.high for loss in drop.losses)
    assert drop.newly_wrong == sum(bool(truths[at]) for at in range(0, 400, 20))
    same = paired_drop(TASK, truths, truths, truths, NAMES)
    assert same.worst.points == 0.0
    assert 0 < same.worst.high < 5
    assert "if texts with many labels are lost no more often than others" in same.sentence(10)
