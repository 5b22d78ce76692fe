"""What ten passages come first for a query, and what that is worth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from edgeft.data.belonging import belonging_of, text_id
from edgeft.inputs import Pair
from edgeft.proof.paired import paired_drop
from edgeft.tasks import task_named
from edgeft.tasks.retrieval import (
    TOP,
    first_of,
    retrieval_figures,
    same_first,
    score_retrieval,
    worst_query,
)

TASK = task_named("feature-extraction")
FORM = TASK.judging([belonging_of(Pair("a", "b"), True)])


def at(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def rows(*angles: tuple[float, float]) -> list[np.ndarray]:
    return [np.array([at(one), at(other)], np.float32) for one, other in angles]


def test_truths_tell_the_form() -> None:
    assert TASK.judging([1.0, 2.0]) is TASK
    assert TASK.judging([]) is TASK
    assert FORM is not TASK
    assert FORM.judging([1.0]) is FORM
    assert TASK.measured_as({"ndcg_at_10": 1.0, "recall_at_10": 1.0, "rows": 2}) is FORM
    assert TASK.measured_as({"spearman": 1.0, "pearson": 1.0}) is TASK
    assert TASK.measured_as({}) is TASK
    other = task_named("text-classification")
    assert other.judging([1]) is other.measured_as({}) is other


def test_the_nearest_come_first_and_equal_passages_are_one() -> None:
    pairs = [Pair("q", "p"), Pair("q", "r"), Pair("s", "p "), Pair("s", "q"), Pair("t", "t")]
    found, margin = first_of(rows((0, 10), (0, 5), (90, 10), (90, 0), (50, 50)), pairs)
    p, q, r, t = map(text_id, ("p", "q", "r", "t"))
    assert found[:2] == [(r, p, t)] * 2  # without the passage that is the query itself
    assert found[2:4] == [(t, p, r, q)] * 2
    assert found[4] == (t, p, r, q)  # its own passage, though it is the query itself
    assert margin.tolist() == [1.0] * 5  # there are no more than ten


def test_the_margin_is_that_of_the_last_of_ten() -> None:
    pairs = [Pair("q", str(one)) for one in range(12)]
    found, margin = first_of(rows(*((0, 5.0 * one) for one in range(12))), pairs)
    assert found[0] == tuple(text_id(str(one)) for one in range(TOP))
    nearer = math.cos(math.radians(45)) - math.cos(math.radians(50))
    assert margin == pytest.approx(nearer, abs=1e-5)
    alike, even = first_of(rows(*((0, 30) for _ in range(12))), pairs)
    assert alike[0] == tuple(text_id(str(one)) for one in range(TOP))  # as they stand
    assert even.tolist() == [0.0] * 12
    assert first_of([], [])[0] == []


def test_figures_are_means_over_queries() -> None:
    pairs = [Pair("q", "a"), Pair("q", "b"), Pair("s", "c"), Pair("s", "a"), Pair("u", "d")]
    truths = [belonging_of(one, belongs) for one, belongs in zip(pairs, [1, 1, 1, 0, 0],
                                                                 strict=True)]  # fmt: skip
    a, b, c = map(text_id, "abc")
    answers = [(c, a, b), (c, a, b), (c, a), (c, a), (a,)]
    scores = score_retrieval(truths, answers)
    dcg, best = 1 / math.log2(3) + 1 / math.log2(4), 1 + 1 / math.log2(3)
    assert scores.ndcg == pytest.approx((dcg / best + 1) / 2, abs=1e-6)
    assert (scores.recall, scores.at_first) == (1.0, 0.5)
    assert (scores.rows, scores.queries, scores.passages) == (5, 2, 4)
    assert scores.places == ((1, 1, 1), (2, 3, 1), (4, 10, 0), (0, 0, 0))
    assert scores.to_dict()["places"][1] == {"first": 2, "last": 3, "queries": 1}
    assert scores.tables("x")[0][2][0] == ["1", 1, "50.0%"]
    with pytest.raises(ValueError, match="same length"):
        score_retrieval(truths, answers[:2])
    assert score_retrieval([belonging_of(Pair("a", "b"), False)], [(a,)]).ndcg == 0


@given(
    st.lists(st.booleans(), min_size=12, max_size=14).filter(any),
    st.integers(0, 10_000),
)
def test_ndcg_is_scikit_learns(relevant: list[bool], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(relevant))
    truths = [belonging_of(Pair("q", str(one)), yes) for one, yes in enumerate(relevant)]
    answer = tuple(text_id(str(one)) for one in order[:TOP])
    nearness = np.empty(len(relevant))
    nearness[order] = -np.arange(len(relevant))
    wanted = ndcg_score([list(map(int, relevant))], [nearness], k=TOP)
    found = score_retrieval(truths, [answer] * len(truths))
    assert found.ndcg == pytest.approx(wanted, abs=1e-6)
    hits = sum(relevant[one] for one in order[:TOP])
    assert found.recall == pytest.approx(hits / sum(relevant), abs=1e-6)


def test_a_query_weighs_as_its_first_pair() -> None:
    pairs = [Pair("q", "a"), Pair("q", "b"), Pair("s", "c")]
    truths = [belonging_of(one, True) for one in pairs]
    a, b = map(text_id, "ab")
    answers = [(a, b), (a, b), (a, b)]
    weights = np.array([[1.0, 3.0], [5.0, 0.0], [1.0, 1.0]])
    found = retrieval_figures(truths, answers, (), weights)
    assert found["recall_at_10"].tolist() == [0.5, 0.75]
    again = retrieval_figures([*truths, *truths], [*answers, *answers], (), np.ones((6, 1)))
    assert float(again["ndcg_at_10"][0]) == score_retrieval(truths, answers).ndcg
    assert worst_query(truths, answers, answers, (), 1.0)[2] == (-1,)


def test_how_far_they_agree() -> None:
    assert same_first([(1, 2), (3, 4), ()], [(2, 1), (3, 5), ()]).tolist() == [1, 0.5, 1]
    truths = [belonging_of(Pair("q", "a"), True), belonging_of(Pair("q", "b"), False)]
    assert same_first([(text_id("b"),)] * 2, truths).tolist() == [0, 1]


def test_what_is_lost_has_an_interval() -> None:
    pairs = [Pair(f"q{one}", f"p{one}") for one in range(40)]
    truths = [belonging_of(one, True) for one in pairs]
    ours = [(text_id(one.second),) for one in pairs]
    lost = [*[(text_id("p"),)] * 2, *ours[2:]]
    drop = paired_drop(FORM, truths, lost, ours, ())
    assert [one.metric for one in drop.losses] == ["nDCG@10", "recall@10"]
    assert drop.losses[1].points == 5.0
    assert drop.losses[1].low < 0 < 5.0 < drop.losses[1].high < 25
    assert (drop.newly_wrong, drop.newly_right) == (2, 0)
    none = paired_drop(FORM, truths, ours, ours, ())
    assert none.worst.points == 0 < none.worst.high
