"""Confidence that misleads is seen on the rows that report, and told."""

import numpy as np

from edgeft.cascade.choose import PATH, Judged, Limit, reach
from edgeft.cascade.misleading import bands, label_losses, misleads, shares
from tests.cascade.synthetic import drawn

LABELS = ("a", "b", "c", "d")
NAMES = ("quick", "main")
LIMITS = [Limit("drop", 0.01)]


def told(choose: Judged, report: Judged, of: np.ndarray) -> tuple[float, list[str]]:
    below = PATH[reach(choose, LIMITS[0]).passed - 1]
    losses = label_losses(report, of, LABELS, below, LIMITS[0].most)
    return below, misleads(report, choose, NAMES, below, LIMITS, losses)


def test_nothing_is_told_where_sureness_tells_the_truth() -> None:
    choose, _ = drawn(3000, seed=1)
    for seed in range(2, 12):
        report, of = drawn(3000, seed=seed)
        below, found = told(choose, report, of)
        assert 0.25 < below < 0.95
        assert found == []


def test_label_noise_shows() -> None:
    choose, _ = drawn(4000, seed=1, noise=0.2)
    report, of = drawn(4000, seed=2, noise=0.2)
    _, found = told(choose, report, of)
    assert len(found) == 1
    assert found[0].startswith("quick is surer than it is right: of the ")
    assert "Labels may be wrong" in found[0]
    top = bands(report)[-1]
    assert (top.least, top.sure > 0.99) == (0.99, True)
    assert top.right is not None
    assert top.right < 0.9
    assert top.full is not None
    assert top.full < 0.9


def weak_on_one(rows: int, seed: int) -> tuple[Judged, np.ndarray]:
    """The first stage has the label "c" wrong a tenth of the time, and is as sure of it."""
    judged, of = drawn(rows, seed=seed, wrong_where_unsure=0.02)
    rng = np.random.default_rng(seed)
    worse = (of == 2) & (rng.random(rows) < 0.06) & (rng.random(rows) < 0.5)
    assert judged.right is not None
    right, same = judged.right.copy(), judged.same.copy()
    right[0, worse], same[0, worse] = 0, 0
    return Judged(judged.sure, same, right), of


def test_a_stage_that_is_better_on_one_label_only_shows() -> None:
    choose, _ = weak_on_one(6000, 1)
    report, of = weak_on_one(20_000, 2)
    below, found = told(choose, report, of)
    assert below < 0.9
    assert len(found) == 1
    assert found[0].startswith("Sureness misleads on 'c' (")
    assert "does not hold of these labels" in found[0]
    first, *others = label_losses(report, of, LABELS, below, LIMITS[0].most)
    assert (first.label, first.beyond) == ("c", True)
    assert not any(one.beyond for one in others)


def test_a_shifted_test_set_shows() -> None:
    choose, _ = drawn(3000, seed=1)
    report, of = drawn(3000, seed=2, unsure=0.6, wrong_where_sure=0.05)
    below, found = told(choose, report, of)
    assert found[0].startswith("Broken on the 3,000 rows that report: ")
    assert "promised at most 1." in found[0]
    assert found[1].startswith(
        "The texts that report are not like those that choose: quick answers"
    )
    stays = [shares(one, NAMES, below)[0].share for one in (report, choose)]
    assert f"{stays[0]:.1%} of the one and {stays[1]:.1%} of the other" in found[1]


def test_what_each_stage_answers() -> None:
    judged, _ = drawn(2000, seed=3)
    first, last = shares(judged, NAMES, 0.9)
    assert (first.stage, last.stage) == NAMES
    assert first.rows + last.rows == 2000
    assert 0.65 < first.share < 0.75
    assert (first.right, first.full, first.same) == (1.0, 1.0, 1.0)
    assert (last.same, last.sure) == (None, None)
    nothing = shares(judged, NAMES, 1.0)[0]
    assert (nothing.rows, nothing.share, nothing.right) == (0, 0.0, None)
    assert sum(one.rows for one in bands(judged)) == 2000


def test_without_labels_disagreement_is_told_by_the_full_models_answer() -> None:
    judged, of = weak_on_one(6000, 2)
    bare = Judged(judged.sure, judged.same, None)
    losses = label_losses(bare, of, LABELS, 0.5, 0.01)
    assert losses[0].label == "c"
    found = misleads(bare, bare, NAMES, 0.5, [Limit("disagreement", 0.01)], losses)
    assert found[0].startswith("Sureness misleads on 'c' (")
    assert "differ)" in found[0]


def test_what_is_won_makes_up_for_what_is_lost_of_a_label() -> None:
    rows = 400
    right = np.ones((2, rows))
    right[0, :14] = 0  # lost
    of = np.zeros(rows, np.int64)
    judged = Judged(np.ones((1, rows)), np.ones((1, rows)), right.copy())
    assert label_losses(judged, of, LABELS, 0.5, 0.01)[0].beyond
    right[1, 20:34] = 0  # and as many won
    judged = Judged(np.ones((1, rows)), np.ones((1, rows)), right)
    (both,) = label_losses(judged, of, LABELS, 0.5, 0.01)
    assert (both.lost, both.won, both.beyond) == (14, 14, False)
