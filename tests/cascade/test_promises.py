"""No promise is broken more often than is said, over draws of rows from texts that are all known.

A draw sets a threshold, and what is lost below it of all texts says whether its promises hold.
"""

import numpy as np
import pytest

from edgeft.cascade.choose import PATH, Judged, Limit, needed, passing
from edgeft.cascade.stages import alike
from edgeft.proof.bounds import binomial_lower
from edgeft.tasks import task_named
from tests.cascade.synthetic import drawn, taken

DRAWS, ROWS = 1000, 1000
ALLOWED = 0.05
BOTH = [Limit("drop", 0.015), Limit("disagreement", 0.02)]
DIFFER = [Limit("disagreement", 0.02)]


def two_stages() -> Judged:
    return drawn(20_000, seed=99, full_right=0.995)[0]


def three_stages() -> Judged:
    first, _ = drawn(20_000, seed=1, wrong_where_unsure=0.6, full_right=0.995)
    second, _ = drawn(20_000, seed=1, wrong_where_unsure=0.3, full_right=0.995)
    assert first.right is not None
    assert second.right is not None
    order = np.random.default_rng(0).permutation(20_000)  # one is sure where the other is not
    return Judged(
        np.vstack([first.sure, second.sure[:, order]]),
        np.vstack([first.same, second.same[:, order]]),
        np.vstack([first.right[:1], second.right[:, order]]),
    )


def often() -> np.ndarray:
    """(N,) the text of each row, of 2,000: the first comes twice as often as the second …"""
    share = 1 / np.arange(1, 2001)
    return np.repeat(np.arange(2000), np.ceil(20_000 * share / share.sum()).astype(np.int64))


def many_repeats() -> Judged:
    """Few texts are most of what comes, and one of these is answered otherwise."""
    judged, _ = drawn(2000, seed=3, wrong_where_unsure=0.02)
    sure, same = judged.sure.copy(), judged.same.copy()
    sure[0, 3], same[0, 3] = 0.8, 0
    return taken(Judged(sure, same, None), often())


def tagged() -> Judged:
    """Of four entities in a text one is missing where it is not the full model's answer."""
    judged, _ = drawn(20_000, seed=4, wrong_where_unsure=0.2)
    whole = [[(at, at + 1, 0) for at in range(4)] for _ in range(len(judged))]
    ours = [one if same else one[:3] for one, same in zip(whole, judged.same[0], strict=True)]
    task = task_named("token-classification")
    assert 0.8 < task.same(ours, whole).min() < 1
    return Judged(judged.sure, alike(task, ours, whole)[None], None)


CASES = {
    "two promises": (two_stages(), BOTH),
    "three stages": (three_stages(), BOTH),
    "many repeats": (many_repeats(), DIFFER),
    "entities": (tagged(), DIFFER),
}


def broken(whole: Judged, limits: list[Limit], texts: np.ndarray | None = None) -> np.ndarray:
    """How often each promise does not hold; with (N,) ``texts`` if each counts once in a draw."""
    rng = np.random.default_rng(0)
    loss = [np.subtract(*whole.counts(one.kind)) / len(whole) for one in limits]  # (P,) each
    found, moved = np.zeros(len(limits), np.int64), 0
    for _ in range(DRAWS):
        at = rng.integers(0, len(whole), ROWS)
        judged = taken(whole, at if texts is None else at[np.unique(texts[at], True)[1]])
        count = min(passing(judged, one) for one in limits)
        moved += count > len(PATH) // 4
        if count:
            found += [its[count - 1] > one.most for its, one in zip(loss, limits, strict=True)]
    assert moved > DRAWS // 2  # else nothing is put to the test
    return found


@pytest.mark.parametrize(("whole", "limits"), CASES.values(), ids=CASES)
def test_promises_hold(whole: Judged, limits: list[Limit]) -> None:
    for count in broken(whole, limits).tolist():
        assert binomial_lower(count, DRAWS, 0.975) <= ALLOWED


def test_a_simulation_sees_promises_that_are_broken() -> None:
    # Frequent texts that count once are not as frequent as those to come.
    whole, limits = CASES["many repeats"]
    assert broken(whole, limits, often())[0] > DRAWS / 2


def test_an_entity_that_is_missing_makes_an_answer_another_one() -> None:
    task = task_named("token-classification")
    one = [[(0, 1, 0), (2, 3, 0)], [(0, 1, 0)], []]
    assert alike(task, one, [[(0, 1, 0)], [(0, 1, 0)], []]).tolist() == [0, 1, 1]


def test_all_thresholds_are_counted_at_once_as_one_by_one() -> None:
    whole, _ = CASES["three stages"]
    some = taken(whole, np.arange(500))
    for kind in ("disagreement", "drop"):
        lost, won = some.counts(kind)  # type: ignore[arg-type]
        each = [some.losses(kind, below) for below in PATH]  # type: ignore[arg-type]
        assert lost.tolist() == [int((one > 0).sum()) for one in each]
        assert won.tolist() == [int((one < 0).sum()) for one in each]
    assert lost.max() > 0
    assert won.max() > 0


@pytest.mark.parametrize(("limit", "few"), [(BOTH[0], 800), (BOTH[1], ROWS)], ids=["drop", "other"])
def test_of_so_many_rows_as_are_needed_most_prove_it(limit: Limit, few: int) -> None:
    whole, _ = CASES["two promises"]
    reached = passing(taken(whole, np.arange(few)), limit)
    rows = needed(whole.losses(limit.kind, PATH[reached]), limit)
    assert rows is not None
    rng, draws = np.random.default_rng(1), 150
    proven = sum(
        passing(taken(whole, rng.integers(0, len(whole), rows)), limit) > reached
        for _ in range(draws)
    )
    # Four fifths are meant; what is added so that p-values are exact moves it a little.
    assert 0.7 < proven / draws < 0.93
