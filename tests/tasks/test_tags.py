"""What the labels of a tagger say of entities."""

import pytest

from edgeft.tasks.tags import Tag, begins, bio, goes_on, io, tags_of


def test_tags_of_every_scheme() -> None:
    assert tags_of(["O", "B-PER", "I-PER"]) == [Tag(""), Tag("PER", begins=True), Tag("PER")]
    assert tags_of(["O", "PER", "S-Bahn", "E-Mail"]) == [
        Tag(""), Tag("PER"), Tag("S-Bahn"), Tag("E-Mail"),
    ]  # fmt: skip
    assert tags_of(["B-X", "E-X", "S-X", "O"]) == [
        Tag("X", begins=True), Tag("X", ends=True), Tag("X", begins=True, ends=True), Tag(""),
    ]  # fmt: skip
    assert tags_of(["B-X", "M-X", "E-X"]) == [
        Tag("X", begins=True), Tag("X"), Tag("X", ends=True),
    ]  # fmt: skip
    assert tags_of(["B-X", "U-Bahn", "Y"])[1] == Tag("U-Bahn")  # beside a plain one it is a name
    assert tags_of(["B-", "B-A-B"]) == [Tag("B-"), Tag("A-B", begins=True)]


@pytest.mark.parametrize(
    ("labels", "first", "further"),
    [
        (bio(["LOC", "PER"]), {"LOC": 1, "PER": 3}, {"LOC": 2, "PER": 4}),
        (io(["LOC", "PER"]), {"LOC": 1, "PER": 2}, {"LOC": 1, "PER": 2}),
        (("I-PER", "B-PER", "O"), {"PER": 1}, {"PER": 0}),
        (("O", "I-PER"), {"PER": 1}, {"PER": 1}),
        (("E-X", "S-X", "I-X", "B-X", "O"), {"X": 3}, {"X": 2}),
        (("O", "B-X", "M-X", "E-X", "S-X"), {"X": 1}, {"X": 2}),
    ],
)
def test_with_which_labels_entities_begin_and_go_on(
    labels: tuple[str, ...], first: dict[str, int], further: dict[str, int]
) -> None:
    assert begins(labels) == first
    assert goes_on(labels) == further
