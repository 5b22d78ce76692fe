"""Thresholds on rows that are only numbers, with answers that are known."""

import numpy as np
import pytest

from edgeft.cascade.choose import PATH, Judged, Limit, answering, held_out, reach
from edgeft.proof.bounds import binomial_p
from tests.cascade.synthetic import drawn

ONE = Judged(
    sure=np.array([[0.9, 0.8, 0.7, 0.2], [0.1, 0.85, 0.3, 0.9]]),
    same=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float64),
    right=np.array([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]], np.float64),
)


def test_the_first_stage_that_is_sure_answers() -> None:
    assert answering(ONE.sure, 0.8).tolist() == [0, 0, 2, 1]
    assert answering(ONE.sure, 0.85).tolist() == [0, 1, 2, 1]
    assert answering(ONE.sure, 0.0).tolist() == [0, 0, 0, 0]
    assert answering(np.ones((2, 3)), 1.0).tolist() == [2, 2, 2]


def test_losses_are_against_the_last_stage() -> None:
    assert ONE.losses("disagreement", 0.8).tolist() == [0, 1, 0, 0]
    assert ONE.losses("drop", 0.8).tolist() == [0, 1, 0, 0]
    assert ONE.losses("drop", 0.0).tolist() == [0, 1, -1, -1]
    assert ONE.losses("disagreement", 1.0).tolist() == [0, 0, 0, 0]


def test_the_path_leads_from_the_safest_down_to_nothing() -> None:
    assert list(PATH) == sorted(set(PATH), reverse=True)
    assert (PATH[0] > 0.99998, PATH[-1]) == (True, 0.0)


def test_a_threshold_with_a_known_answer() -> None:
    # Of 1,000 rows 10 disagree, at a sureness of 0.4; 4 of them are few enough, and 5 too many.
    rows = 1000
    assert binomial_p(4, rows, 0.01) <= 0.05 < binomial_p(5, rows, 0.01)
    sure, same = np.full(rows, 0.95), np.ones(rows)
    sure[:10], same[:10] = np.linspace(0.6, 0.4, 10), 0
    found = reach(Judged(sure[None], same[None], None), Limit("disagreement", 0.01))
    below = PATH[found.passed - 1]
    assert sure[4] < below <= sure[3]  # the lowest of the path that leaves 4 of them
    assert PATH[found.passed] <= sure[4]
    assert found.promise(Judged(sure[None], same[None], None), below) == {
        "most": 0.01, "confidence": 0.95, "rows": 1000, "seen": 0.004,
    }  # fmt: skip
    assert found.needed is not None
    assert rows < found.needed < 2500  # for 5 of 1,000


def test_the_test_ends_where_it_first_fails() -> None:
    # The surest rows are wrong; further down all is well, and that does not make up for it.
    rows = 1000
    sure, same = np.linspace(0.999, 0.3, rows), np.ones(rows)
    same[:20] = 0
    found = reach(Judged(sure[None], same[None], None), Limit("disagreement", 0.01))
    assert sure[5] < PATH[found.passed - 1]


def test_a_loss_is_made_up_by_gains() -> None:
    rows = 2000
    sure, same = np.full(rows, 0.5), np.ones(rows)
    right = np.ones((2, rows))
    right[0, :30] = 0
    same[:60] = 0
    alone = Judged(sure[None], same[None], right.copy())
    right[1, 30:60] = 0  # where the full model is wrong, and the first stage right
    both = Judged(sure[None], same[None], right)
    limit = Limit("drop", 0.01)
    assert PATH[reach(alone, limit).passed] <= 0.5
    assert reach(both, limit).passed == len(PATH)
    assert PATH[reach(both, Limit("disagreement", 0.01)).passed] <= 0.5


def test_too_few_rows() -> None:
    judged = Judged(np.full((1, 200), 0.9), np.ones((1, 200)), np.ones((2, 200)))
    for kind, fewest in (("disagreement", 300), ("drop", 410)):
        found = reach(judged, Limit(kind, 0.01))  # type: ignore[arg-type]
        assert (found.passed, found.too_few) == (0, True)
        assert found.fewest == pytest.approx(fewest, abs=20)
        assert found.needed == found.fewest
    none = reach(judged, Limit("drop", 0.0))
    assert (none.passed, none.needed, none.fewest) == (0, None, None)


def test_a_limit_that_nothing_meets_is_not_for_want_of_rows() -> None:
    judged = Judged(np.full((1, 2000), 1.0), np.zeros((1, 2000)), None)
    found = reach(judged, Limit("disagreement", 0.01))
    assert (found.passed, found.too_few, found.needed) == (0, False, None)


def test_what_is_seen_on_other_rows_is_bounded_too() -> None:
    judged, _ = drawn(3000, seed=1)
    below = PATH[reach(judged, Limit("disagreement", 0.01)).passed - 1]
    other, _ = drawn(3000, seed=2)
    for kind in ("disagreement", "drop"):
        shown = held_out(other, kind, below)
        assert 0 < shown["seen"] < shown["at_most"] < 0.02
        assert (shown["rows"], shown["confidence"]) == (3000, 0.95)
