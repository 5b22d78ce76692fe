from dataclasses import replace

import pytest

from edgeft.data import Examples, Splits, labelled
from edgeft.errors import DataError
from edgeft.inputs import Question
from edgeft.tasks import task_named
from edgeft.train.clean import Removed, clean
from edgeft.train.objectives.objective import Figure
from edgeft.train.report import DataReport, TokenCounts, count_tokens, describe
from tests.encoded import encoded

TOKENS = TokenCounts(5, 9, 9, 12, 12, unknown_share=0.0)


def examples(*pairs: tuple[str, str]) -> Examples:
    texts, labels = zip(*pairs, strict=True)
    return labelled("t.csv", texts, labels, range(2, len(pairs) + 2), {"text": "t", "label": "l"})


TRAIN = examples(
    ("one", "a"),  # the first of two
    ("one ", "a"),  # the same, but for white space
    ("two", "a"),
    ("two", "b"),  # contradicts the one above
    ("", "a"),
    (" \t", "b"),  # empty under two labels
    ("three", "b"),  # also in test
    ("four", "b"),
)
TEST = examples(("three", "b"), ("five", "a"), ("one", "b"))


CLASSIFIER, TAGGER = task_named("text-classification"), task_named("token-classification")
TAGS = {"task": "token-classification", "bare": 0}
ASKED = {"task": "question-answering", "bare": 0, "support": {}}


def report(**changed: object) -> DataReport:
    values: dict[str, object] = {
        "task": "text-classification",
        "rows": {"train": 100, "test": 10},
        "given": 100,
        "support": {"a": 50, "b": 50},
        "bare": None,
        "tokens": TOKENS,
        "max_length": 8,
        "cut": 0,
        "empty": 0,
        "duplicates": 0,
        "contradictory_rows": 0,
        "shared_validation": 0,
        "shared_test": 0,
    }
    return DataReport(**{**values, **changed})  # type: ignore[arg-type]


def test_figures_by_hand() -> None:
    lengths = [3, 3, 3, 3, 2, 2, 9, 12]
    splits = Splits(TRAIN, test=TEST)
    found = describe(CLASSIFIER, splits, splits, lengths, TOKENS, max_length=8)
    assert found.rows == {"train": 8, "test": 3}
    assert found.support == {"a": 4, "b": 4}
    assert (found.cut, found.cut_share) == (2, 0.25)
    assert found.empty == 2
    assert found.duplicates == 3  # the second "one", "two" and ""
    assert found.contradictory_rows == 4  # both "two", both empty ones
    assert (found.shared_validation, found.shared_test) == (0, 2)
    assert found.imbalance == 1.0
    document = found.to_dict()
    assert document["support_median"] == 4
    assert document["tokens"]["p99"] == 12
    assert document["warnings"] == list(found.warnings())


def test_of_spans_labels_are_counted_and_those_that_only_held_out_rows_show_told() -> None:
    truths = [((0, 3, 1),), ((0, 3, 1), (4, 5, 3)), ()]
    labels = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    train = Examples("t", ["Ada", "Bob X", "so"], truths, [1, 2, 3], labels, {"span": "tags"},
                     {"a ragged line": 2})  # fmt: skip
    given = Splits(train)
    splits = Splits(train.subset([0, 2]), train.subset([1]))
    figures = (Figure("odd", "odd things", 3), Figure("even", "even", {"p50": 1}))
    found = describe(TAGGER, given, splits, [3, 3, 3], TOKENS, max_length=8, figures=figures)
    assert (found.support, found.bare, found.unlearned) == ({"LOC": 2, "PER": 1}, 1, ("PER",))
    document = found.to_dict()
    assert document["figures"] == {"odd": 3, "even": {"p50": 1}}
    assert (document["skipped"], document["unlearned"]) == (
        {"train": {"a ragged line": 2}},
        ["PER"],
    )
    assert describe(TAGGER, given, given, [3, 3, 3], TOKENS, max_length=8).unlearned == ()


def test_a_hold_out_changes_the_sizes_of_splits_alone() -> None:
    given = Splits(TRAIN, test=TEST)
    whole = describe(CLASSIFIER, given, given, [9] * 8, TOKENS, max_length=8)
    halves = Splits(TRAIN.subset([0, 2, 4, 6]), TRAIN.subset([1, 3, 5, 7]), TEST)
    found = describe(CLASSIFIER, given, halves, [9] * 8, TOKENS, max_length=8)
    assert found.rows == {"train": 4, "validation": 4, "test": 3}
    assert found.shared_validation == 3  # all but "four"
    assert replace(found, rows=whole.rows, shared_validation=0) == whole
    assert found.cut_share == 1.0


def test_token_counts_by_hand() -> None:
    # Two special tokens each; of 2 + 8 tokens of their own, 1 + 4 are unknown.
    shares = {4: 0.5, 10: 0.5, 2: 0.0}
    found = [encoded([0] * length, share) for length, share in shares.items()]
    counts = count_tokens(found, special=2)
    assert (counts.p50, counts.p99, counts.max) == (4, 10, 10)
    assert counts.unknown_share == pytest.approx(0.5)


def test_no_token_at_all_is_no_division_by_zero() -> None:
    assert count_tokens([encoded([0, 0])], special=2).unknown_share == 0.0


def test_nothing_alarming_gives_no_warning() -> None:
    assert report().warnings() == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tokens": TokenCounts(1, 1, 1, 1, 1, unknown_share=0.43)}, "does not know 43%"),
        ({"cut": 20}, "20% of the texts are longer than 8 tokens"),
        ({"support": {"a": 88, "b": 8}}, "11 times the rows of the rarest: watch macro F1"),
        ({"support": {"a": 50, "b": 7}}, "1 of 2 labels has under 8 rows"),
        (
            TAGS | {"support": {"a": 88, "b": 8}},
            "11 times the entities of the rarest: watch the F1",
        ),
        (TAGS | {"support": {"a": 5, "b": 7}}, "2 of 2 labels have under 8 entities"),
        ({"given": 60, "support": {str(n): 1 for n in range(60)}}, "right --label-column?"),
        ({"empty": 1}, "1 text is empty; --clean removes it"),
        ({"empty": 2}, "2 texts are empty; --clean removes them"),
        ({"duplicates": 2}, "2 rows repeat a text"),
        (ASKED | {"duplicates": 1, "given": 20}, "1 row repeats a question; --clean removes it"),
        ({"contradictory_rows": 2}, "2 rows have a text that another row annotates otherwise"),
        (ASKED | {"shared_test": 1}, "1 of 10 test questions has a context that is also in train"),
        ({"figures": (Figure("odd", "odd things", 3, "3 are odd."),)}, "3 are odd."),
        ({"unlearned": ("a", "b")}, "Only held-out rows show 'a', 'b', so that nothing is"),
        ({"unheld": ("a",)}, "One row alone shows 'a', so that it is learned"),
        (ASKED | {"shared_test": 3}, "3 of 10 test questions have a context that is"),
        ({"shared_test": 3}, "3 of 10 test texts are also in train"),
    ],
)
def test_each_alarming_figure_has_its_sentence(changed: dict[str, object], words: str) -> None:
    assert any(words in warning for warning in report(**changed).warnings())


def test_clean_removes_by_reason_and_keeps_the_first() -> None:
    left, removed = clean(Splits(TRAIN, test=TEST), CLASSIFIER)
    # "one" is in test as well, under another label: what test holds is not learned.
    assert removed == Removed(empty=2, contradictory=2, duplicate=0, shared=3)
    assert left.train.texts == ["four"]
    assert left.test == TEST


def test_clean_keeps_the_first_of_equals() -> None:
    left, removed = clean(Splits(TRAIN), CLASSIFIER)
    assert left.train.texts == ["one", "three", "four"]
    assert left.train.lines == [2, 8, 9]
    assert removed == Removed(empty=2, contradictory=2, duplicate=1, shared=0)


def test_clean_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="remove every row"):
        clean(Splits(examples(("", "a"), ("", "b"))), CLASSIFIER)


def test_white_space_alone_makes_no_other_truth() -> None:
    labels = ("A", "B")
    texts = ["Ada  slept", "Ada slept", "Bo slept", "Bo  slept", "Cy Cy", "Cy  Cy"]
    truths = [((5, 10, 0),), ((4, 9, 0),), ((0, 2, 0),), ((0, 2, 1),), ((0, 2, 0),), ((4, 6, 0),)]
    train = Examples("t", list(texts), truths, list(range(6)), labels, {"span": "tags"})
    left, removed = clean(Splits(train), TAGGER)
    assert (left.train.lines, removed) == ([0], Removed(0, 4, 1, 0))
    found = describe(TAGGER, Splits(train), Splits(train), [3] * 6, TOKENS, max_length=8)
    assert (found.contradictory_rows, found.duplicates) == (4, 3)


def test_of_questions_answers_are_compared_by_their_words_and_contexts_are_shared() -> None:
    rows = [
        (Question("Who?", "Ada met  Ada"), (("Ada", 0),)),
        (Question("Who?", "Ada met Ada"), (("Ada", 8),)),
        (Question("Why?", "Bo slept"), (("Bo  x", 0),)),
        (Question("Why?", "Bo slept"), ()),
        (Question("When?", "Cy slept"), ()),
    ]
    inputs, truths = [one for one, _ in rows], [truth for _, truth in rows]
    train = Examples("t", list(inputs), truths, list(range(5)), (), {})
    test = Examples("e", [Question("Who else?", "Cy  slept")], [()], [0], (), {})
    finder = task_named("question-answering")
    left, removed = clean(Splits(train, test=test), finder)
    assert (left.train.lines, removed) == ([0], Removed(0, 2, 1, 1))
    splits = Splits(train, test=test)
    found = describe(finder, splits, splits, [3] * 5, TOKENS, max_length=8)
    assert (found.shared_test, found.contradictory_rows) == (1, 2)


def test_labels_that_one_row_alone_shows_are_told_where_rows_are_held_out() -> None:
    truths = [((0, 3, 0), (4, 7, 0)), ((0, 3, 1),), ((0, 3, 1),), ()]
    train = Examples("t", ["Ada Ada"] * 4, truths, [1, 2, 3, 4], ("B-A", "B-B"), {"span": "tags"})
    given = Splits(train)
    held = Splits(train.subset([0, 1]), train.subset([2, 3]))
    assert describe(TAGGER, given, held, [3] * 4, TOKENS, max_length=8).unheld == ("A",)
    assert describe(TAGGER, given, given, [3] * 4, TOKENS, max_length=8).unheld == ()
