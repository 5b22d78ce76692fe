"""Ranking texts by a query: the answers of predict to its pairs, in order."""

from pathlib import Path

import pytest

import edgeft
from edgeft.errors import RunError, UsageError
from edgeft.inputs import Pair
from edgeft.runtime import ranking
from edgeft.tasks import task_named
from edgeft.tasks.narrowed import narrowed
from tests import tiny

TEXTS = [*tiny.WORDS, "", "好 狗 🐕", "the cat " * 40, "the cat", "the cat"]
QUERY = "a good 狗"


def test_texts_are_ranked_as_predict_scores_their_pairs(pair_bundle: Path) -> None:
    with edgeft.load(pair_bundle, variant="fp32", device="cpu") as model:
        scores = [one.scores["yes"] for one in model.predict([Pair(QUERY, one) for one in TEXTS])]
        found = model.rank(QUERY, TEXTS, top=None)
        assert [one.score for one in found] == sorted(scores, reverse=True)
        assert [(one.text, one.score) for one in found] == [
            (TEXTS[one.index], scores[one.index]) for one in found
        ]
        assert [one.index for one in found if one.text == "the cat"] == [34, 35]  # as they came
        assert model.rank(QUERY, TEXTS) == found[:10]
        assert model.rank(QUERY, TEXTS, top=1) == found[:1]
        assert model.rank(QUERY, tuple(TEXTS), top=1000, label="yes") == found
        other = model.rank(QUERY, TEXTS, top=None, label="no")
        assert other[0].index == found[-1].index
        assert model.rank(QUERY, []) == []


def test_a_thousand_texts(pair_bundle: Path) -> None:
    texts = [f"{one} {other}" for one in tiny.WORDS for other in tiny.WORDS]
    with edgeft.load(pair_bundle, variant="fp32", device="cpu") as model:
        found = model.rank("sun", texts, top=3)
        best = max(
            model.predict([Pair("sun", one) for one in texts]), key=lambda x: x.scores["yes"]
        )
        assert (len(found), found[0].score) == (3, best.scores["yes"])


def test_by_which_label(tiny_bundle: Path, pair_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, variant="fp32", device="cpu") as model:
        with pytest.raises(UsageError, match="has 3 labels, and nothing says by which") as unnamed:
            model.rank(QUERY, TEXTS)
        assert unnamed.value.hint == "Name one: label='calm'"
        with pytest.raises(UsageError, match="has no label 'yes'") as unknown:
            model.rank(QUERY, TEXTS, label="yes")
        assert unknown.value.hint == "It has: 'calm', 'glad', 'sad'."
        assert model.rank(QUERY, TEXTS, label="sad", top=1)[0].score > 1 / 3


def test_every_task_says_by_what_it_ranks() -> None:
    several = task_named("multi-label-classification").relevance
    names = ("a", "b", "c")
    rows = [
        edgeft.Labels((), dict(zip(names, row, strict=True))) for row in ((1, 0, 0.7), (0, 1, 0.9))
    ]
    assert several(rows, names, "c").tolist() == [0.7, 0.9]
    with pytest.raises(UsageError, match="has 3 labels, and nothing says by which"):
        several(rows, names, None)
    number = task_named("text-regression").relevance
    assert number([edgeft.Number(2.0), edgeft.Number(-1.5)], (), None).tolist() == [2.0, -1.5]
    with pytest.raises(UsageError, match="A number has no labels"):
        number([], (), "a")
    vectors = task_named("feature-extraction").relevance
    with pytest.raises(UsageError, match="vectors have none"):
        vectors([], (), "a")


def test_what_cannot_be_ranked(pair_bundle: Path, tagger_bundle: Path) -> None:
    for_texts = narrowed(task_named("text-classification"), "texts")
    with pytest.raises(UsageError, match="judges single texts"):
        ranking.check_ranks(for_texts, ("no", "yes"), None)
    with (
        edgeft.load(tagger_bundle, variant="fp32", device="cpu") as model,
        pytest.raises(UsageError, match="gives no number by which texts could be ranked"),
    ):
        model.rank(QUERY, TEXTS)
    with edgeft.load(pair_bundle, variant="fp32", device="cpu") as model:
        with pytest.raises(TypeError, match="the query must be a str, not Pair"):
            model.rank(Pair("a", "b"), TEXTS)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="rank takes a query and a list of str, not one str"):
            model.rank(QUERY, "the cat")
        with pytest.raises(TypeError, match=r"texts\[1\] must be a str"):
            model.rank(QUERY, ["a", None])  # type: ignore[list-item]
        for top in (0, -1, 1.5):
            with pytest.raises(UsageError, match="top must be 1 or more"):
                model.rank(QUERY, TEXTS, top=top)  # type: ignore[arg-type]
    with pytest.raises(RunError):
        model.rank(QUERY, TEXTS)
