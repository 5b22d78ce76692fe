import pytest

from edgeft.data import Examples, labelled

COLUMNS = {"text": "text", "label": "mood"}
SPANS = Examples(
    "s.jsonl",
    ["Ada in Paris", "none"],
    [((0, 3, 1), (7, 12, 0)), ()],
    [1, 2],
    ("place", "person"),
    {"text": "text"},
)


def test_ids_are_numbered_in_the_order_of_the_labels() -> None:
    words = labelled("f.csv", ["a", "b", "c"], ["sad", "glad", "sad"], [2, 3, 4], COLUMNS)
    assert (words.labels, words.truths) == (("glad", "sad"), [1, 0, 1])
    assert words.named() == ["sad", "glad", "sad"]
    numbers = labelled("f.csv", ["a", "b", "c"], ["10", "9", "02"], [2, 3, 4], COLUMNS)
    assert (numbers.labels, numbers.truths) == (("02", "9", "10"), [2, 1, 0])


def test_a_subset_keeps_the_ids() -> None:
    some = labelled("f.csv", ["a", "b", "c"], ["x", "y", "z"], [2, 3, 4], COLUMNS).subset([2, 0])
    assert (some.inputs, some.truths, some.lines) == (["c", "a"], [2, 0], [4, 2])
    assert some.labels == ("x", "y", "z")


def test_other_numbers_for_the_same_labels() -> None:
    some = labelled("f.csv", ["a", "b", "c"], ["x", "y", "z"], [2, 3, 4], COLUMNS).subset([2, 0])
    other = some.renumbered(("z", "new", "x"))  # no row shows y any more
    assert (other.truths, other.named()) == ([0, 2], ["z", "x"])
    with pytest.raises(KeyError):
        some.renumbered(("x",))


def test_labels_of_spans_are_named_and_numbered_anew() -> None:
    assert SPANS.named() == [((0, 3, "person"), (7, 12, "place")), ()]
    assert SPANS.renumbered(("person", "place")).truths == [((0, 3, 0), (7, 12, 1)), ()]


def test_truths_without_labels_stay_as_they_are() -> None:
    answers = Examples("q.json", ["a"], [(("Paris", 7),)], [1], (), {})
    assert answers.named() == answers.renumbered(()).truths == [(("Paris", 7),)]
