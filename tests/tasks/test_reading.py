import pytest

from edgeft.data import Examples, labelled
from edgeft.errors import DataError
from edgeft.tasks.labelled import labels, strata
from edgeft.tasks.reading import aligned


def rows(*names: str) -> Examples:
    places = range(len(names))
    columns = {"text": "text", "label": "mood"}
    return labelled("f.csv", [f"text {at}" for at in places], names, [at + 2 for at in places],
                    columns)  # fmt: skip


def test_ids_become_the_models() -> None:
    found = aligned(rows("sad", "glad"), ("calm", "sad", "glad"))
    assert (found.truths, found.labels) == ([1, 2], ("calm", "sad", "glad"))
    assert found.named() == ["sad", "glad"]


def test_the_first_row_with_a_label_that_a_model_lacks_is_told() -> None:
    known = tuple(f"l{at}" for at in range(9))
    with pytest.raises(DataError, match=r"f\.csv, line 3: the model has no label 'new'") as caught:
        aligned(rows("l1", "new", "other", "new"), known)
    assert "It has 9: 'l0', " in caught.value.hint
    assert "'l7' …. Labels were read from the column 'mood'" in caught.value.hint


def test_a_label_that_no_row_shows_needs_no_place() -> None:
    found = aligned(rows("sad", "odd", "glad").subset([0, 2]), ("sad", "glad"))
    assert found.truths == [0, 1]


def test_labels_are_those_that_rows_show_and_strata_their_names() -> None:
    some = rows("9", "10", "2").subset([0, 1])
    assert labels(some) == ("9", "10")
    # By name: "10" comes before "9" there, and the order of keys decides a split.
    assert strata(some.truths, some.labels) == ["9", "10"]
