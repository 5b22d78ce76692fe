"""What a model was made for, of a task that is asked texts and pairs of them."""

import pytest

from edgeft.inputs import Pair
from edgeft.tasks import task_named
from edgeft.tasks.narrowed import kind_asked, narrowed, takes_of

CLASSIFIER = task_named("text-classification")
PAIRS = task_named("text-classification", "pairs")
TEXTS = task_named("text-classification", "texts")


def test_a_model_of_pairs_is_asked_pairs_alone() -> None:
    assert PAIRS.takes == (Pair,)
    assert (PAIRS.asks.one, PAIRS.judged.many) == ("pair", "pairs")
    assert PAIRS.usage.predict == 'model.predict(edgeft.Pair("…", "…")).label'
    assert PAIRS.usage.given == '"…", "…"'
    assert {type(one) for one in (*PAIRS.golden, *PAIRS.parity(64))} == {Pair}
    assert (TEXTS.takes, TEXTS.golden) == ((str,), CLASSIFIER.golden)
    assert narrowed(CLASSIFIER, "") is CLASSIFIER
    assert task_named("text-classification", "pairs") is PAIRS  # so tasks can be compared
    assert [takes_of(one) for one in (CLASSIFIER, PAIRS, TEXTS)] == ["", "pairs", "texts"]


def test_built_in_pairs_are_longer_on_either_side() -> None:
    sizes = [(len(one.first.split()), len(one.second.split())) for one in PAIRS.parity(64)]
    assert len(sizes) == 60
    assert any(first > 64 > second for first, second in sizes)
    assert any(second > 64 > first for first, second in sizes)
    assert any(first == 0 < second for first, second in sizes)
    assert any(second == 0 < first for first, second in sizes)


@pytest.mark.parametrize("name", ["token-classification", "question-answering"])
def test_a_task_that_is_asked_one_kind_stays_as_it_is(name: str) -> None:
    task = task_named(name)
    assert task_named(name, "texts") is task_named(name, "pairs") is task
    assert takes_of(task) == kind_asked(task, ["a"]) == ""


def test_the_data_tell_what_a_model_is_made_for() -> None:
    assert kind_asked(CLASSIFIER, [Pair("a", "b")]) == "pairs"
    assert kind_asked(CLASSIFIER, ["a"]) == "texts"
