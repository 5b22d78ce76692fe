"""Numbers and what they are worth."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

import edgeft
from edgeft.errors import RunError, UsageError
from edgeft.proof.paired import paired_drop
from edgeft.tasks import task_named
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.head import NO_WISH, PLAIN, Wish
from edgeft.tasks.number_metrics import correlations, score_numbers, worst_number
from edgeft.tasks.numbers import TASK, Number
from edgeft.tasks.task import problem_of

FEW = st.integers(-3, 3).map(float)


def encoded(*fresh: int) -> Encoded:
    return Encoded(tuple(Part([1] * (one + 2), range(1, one + 1), one) for one in fresh))


def logits(*values: float) -> dict[str, np.ndarray]:
    return {"logits": np.array(values, np.float32)[:, None]}


def test_the_task_is_found_by_its_name() -> None:
    assert task_named("text-regression") is TASK
    assert TASK.ort_class == "ORTModelForSequenceClassification"
    assert edgeft.Number is Number
    assert not TASK.by_token


def test_which_heads_are_its_own() -> None:
    assert problem_of({"id2label": {"0": "LABEL_0"}}) == "regression"
    assert problem_of({"num_labels": 1}) == "regression"
    assert problem_of({}) == "single_label_classification"  # of two, which no config writes down
    assert problem_of({"id2label": {"0": "a"}, "problem_type": "single_label_classification"}) == (
        "single_label_classification"
    )
    assert TASK.is_of({"problem_type": "regression", "id2label": {"0": "a", "1": "b"}})
    assert not TASK.is_of({"id2label": {"0": "no", "1": "yes"}})
    assert task_named("question-answering").is_of({"id2label": {"0": "LABEL_0"}})


def test_a_number_is_the_logit() -> None:
    one, two = encoded(3), Encoded(encoded(2).parts, truncated=True, unknown_share=0.5)
    first, second = TASK.decode(logits(4.25, -1e6), [one, two], ["a", "b"], (), PLAIN)
    assert first == Number(4.25)
    assert second == Number(-1e6, truncated=True, unknown_share=0.5)
    assert TASK.show(first, True) == {"value": 4.25, "truncated": False, "unknown_share": 0.0}
    third = TASK.decode(logits(1 / 3), [one], ["a"], (), PLAIN)[0]
    assert TASK.show(third, False)["value"] == 0.3333333
    assert TASK.decode({"logits": np.empty((0, 1), np.float32)}, [], [], (), PLAIN) == []
    with pytest.raises(RunError, match="no numbers for 1 of 2"):
        TASK.decode(logits(1.0, np.nan), [one, two], ["a", "b"], (), PLAIN)


def test_of_windows_every_token_counts_once() -> None:
    joined = TASK.join(logits(1.0, 4.0, 7.0), [encoded(6, 2), encoded(5)])
    assert joined["logits"].tolist() == [[1.75], [7.0]]
    (told, other) = TASK.decode(joined, [encoded(6, 2), encoded(5)], ["a", "b"], (), PLAIN)
    assert (told.windows, other.windows) == (2, 1)
    assert TASK.show(told, False)["windows"] == 2


def test_every_answer_is_clear_and_none_has_a_probability() -> None:
    answers = TASK.answer(logits(1.0, 2.0), [encoded(1)] * 2, ["a", "b"], (), PLAIN)
    assert answers.given is answers.likeliest
    assert answers.margin.tolist() == [1.0, 1.0]
    with pytest.raises(UsageError, match="no probability"):
        TASK.sure(logits(1.0), [encoded(1)], ["a"], (), PLAIN)
    with pytest.raises(UsageError, match="no threshold"):
        TASK.check(Wish(right=0.9), ())
    TASK.check(NO_WISH, ())


def test_the_head_tells_the_range_of_the_truths() -> None:
    head = TASK.fit(logits(9.0, 9.0), [encoded(1)] * 2, ["a", "b"], [0.5, 5.0], (), NO_WISH, "fp32")
    assert (head.low, head.high) == (0.5, 5.0)
    (told,) = TASK.limits([PLAIN, head])
    assert "from 0.5 to 5;" in told
    (plain,) = TASK.limits([PLAIN])
    assert "from" not in plain


def test_how_far_numbers_are_the_same() -> None:
    same = TASK.same([0.0, 0.004, 2.5, 9.0], [0.0, 0.0, 5.0, 2.0])
    assert same.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0])
    assert TASK.same([], []).tolist() == []
    assert TASK.same([3.0, 3.0000001], [3.0, 3.0]).tolist() == [1.0, 1.0]  # no range at all
    assert TASK.same([0.0], [1.0]).tolist() == [0.0]


def test_differences_are_measured_by_the_size_of_numbers() -> None:
    assert TASK.unit(logits(0.1, -0.5)) == 1.0
    assert TASK.unit(logits(10.0, -2e5)) == 2e5
    assert task_named("text-classification").unit(logits(10.0, -2e5)) == 1.0


@given(st.lists(st.floats(-1e4, 1e4, width=32), max_size=60))
def test_a_split_keeps_the_range_in_proportion(truths: list[float]) -> None:
    keys = TASK.strata(truths, ())
    assert len(keys) == len(truths)
    assert len(set(keys)) <= 10
    assert all(keys.count(key) > 1 for key in keys) or len(truths) == 1
    by_key: dict[str, set[float]] = {}
    for key, truth in zip(keys, truths, strict=True):
        by_key.setdefault(key, set()).add(truth)
    spans = sorted((min(some), max(some)) for some in by_key.values())
    assert all(one[1] < other[0] for one, other in pairwise(spans))


# --- metrics ---------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e6])
def test_figures_are_those_of_scipy_and_scikit_learn(scale: float) -> None:
    chance = np.random.default_rng(0)
    truth = np.round(chance.normal(size=200), 1) * scale + 3 * scale  # with ties
    answer = truth + chance.normal(size=200) * scale
    found = score_numbers(truth, answer)
    assert found.spearman == pytest.approx(stats.spearmanr(truth, answer).statistic, abs=1e-6)
    assert found.pearson == pytest.approx(stats.pearsonr(truth, answer).statistic, abs=1e-6)
    assert found.r2 == pytest.approx(r2_score(truth, answer), abs=1e-6)
    assert found.mse == pytest.approx(mean_squared_error(truth, answer), rel=1e-5)
    assert found.mae == pytest.approx(mean_absolute_error(truth, answer), rel=1e-5)
    assert sum(part[2] for part in found.parts) == found.rows == 200
    assert found.figure("spearman") == found.spearman
    assert found.to_dict()["parts"][0]["lowest"] == truth.min()
    assert found.tables("test")[0][2][0][-1] == 50
    assert (found.support, found.outcome(PLAIN), found.selective()) == ({}, {}, {})


def test_where_there_is_no_correlation() -> None:
    constant = score_numbers([1.0, 2.0, 3.0], [0.1, 0.1, 0.1])
    assert (constant.spearman, constant.pearson) == (0.0, 0.0)
    alone = score_numbers([2.0], [2.5])
    assert (alone.spearman, alone.pearson, alone.r2, alone.mae) == (0.0, 0.0, None, 0.5)
    assert alone.summary()["R2"] == "-"
    assert "r2" not in alone.headline()
    wrong = score_numbers([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert (wrong.spearman, wrong.pearson) == (-1.0, -1.0)  # worse than to know nothing
    # A small spread about a large number is one all the same.
    far = score_numbers([1e6, 1e6 + 1, 1e6 + 2], [5.0, 6.0, 7.0])
    assert far.pearson == 1.0
    for some in ([], [1.0]):
        with pytest.raises(ValueError, match="same length"):
            score_numbers([], some)


@given(st.lists(st.tuples(FEW, FEW, st.integers(0, 3)), min_size=1, max_size=12))
def test_a_weight_is_so_many_equal_rows(rows: list[tuple[float, float, int]]) -> None:
    truth, answer, counts = map(np.array, zip(*rows, strict=True))
    weights = counts[:, None].astype(np.float64)
    if not weights.sum():
        return
    found = correlations(truth, answer, weights)
    many = correlations(
        np.repeat(truth, counts), np.repeat(answer, counts), np.ones((counts.sum(), 1))
    )
    for name in TASK.metrics:
        assert found[name][0] == pytest.approx(many[name][0], abs=1e-9)
        assert -1 <= found[name][0] <= 1


@given(
    st.lists(st.tuples(FEW, FEW), min_size=2, max_size=12),
    st.lists(st.floats(0.01, 5), min_size=12, max_size=12),
)
def test_many_weights_are_as_each_alone(rows: list[tuple[float, float]], some: list[float]) -> None:
    truth, answer = map(np.array, zip(*rows, strict=True))
    weights = np.array(some[: len(rows)])[:, None] * np.array([[1.0, 3.0, 0.5]])
    together = TASK.figures(truth, answer, (), weights)
    for at in range(3):
        alone = TASK.figures(truth, answer, (), weights[:, at : at + 1])
        for name in TASK.metrics:
            # A common factor changes nothing either.
            assert together[name][at] == pytest.approx(alone[name][0], abs=1e-9)
            assert together[name][at] == pytest.approx(together[name][0], abs=1e-9)


def test_the_worst_row_moves_as_far_as_any_does() -> None:
    truth = np.array([0.0, 1.0, 2.0, 9.0])
    answer = truth + np.array([0.0, 0.5, 0.0, -0.1])
    found = worst_number(truth, answer, truth, 3.0)
    assert found is not None
    assert abs(found[1] - found[2]) == 0.5
    assert worst_number(truth, truth, truth, 3.0) is None
    # No row that moves as far costs more.
    weights = np.append(np.ones(4), 3.0)[:, None]

    def cost(row: tuple[float, float, float]) -> float:
        ours = correlations(np.append(truth, row[0]), np.append(answer, row[1]), weights)
        theirs = correlations(np.append(truth, row[0]), np.append(truth, row[2]), weights)
        return sum(float((theirs[name] - ours[name])[0]) for name in TASK.metrics)

    assert all(cost((t, t + way, t)) <= cost(found) + 1e-9 for t in truth for way in (-0.5, 0.5))


def test_what_a_variant_loses_is_points_of_correlation() -> None:
    chance = np.random.default_rng(1)
    truth = chance.normal(size=120)
    before = truth + 0.3 * chance.normal(size=120)
    after = before + 0.02 * chance.normal(size=120)
    drop = paired_drop(TASK, truth, after, before, ())
    assert [loss.name for loss in drop.losses] == ["spearman", "pearson"]
    expected = stats.pearsonr(truth, before).statistic - stats.pearsonr(truth, after).statistic
    assert drop.losses[1].points == pytest.approx(100 * expected, abs=1e-4)
    assert all(loss.low <= loss.points <= loss.high for loss in drop.losses)
    assert drop.proven(9.0)
    assert "Spearman or of Pearson" in drop.sentence(9.0)
    assert "if no answer to another text moves further" in drop.sentence(9.0)
    same = paired_drop(TASK, truth, before, before, ())
    assert same.worst.points == 0.0
    turned = paired_drop(TASK, truth, -before, before, ())
    assert turned.worst.points > 150
    assert not paired_drop(TASK, truth[:20], after[:20], before[:20], ()).proven(0.01)
