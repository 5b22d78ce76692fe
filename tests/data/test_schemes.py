"""Schemes of tags, told apart and checked."""

import re
from collections.abc import Callable

import pytest

from edgeft.data.schemes import Sentence, spans_by_scheme
from edgeft.errors import DataError


def read(*sentences: str) -> tuple[str, list]:
    rows, line = [], 1
    for one in sentences:
        tags = one.split()
        rows.append(Sentence(tags, range(line, line + len(tags))))
        line += len(tags) + 1
    return spans_by_scheme(rows, lambda line: f"f, line {line}")


@pytest.mark.parametrize(
    ("scheme", "sentences", "expected"),
    [
        ("IOB2", ["B-A I-A O B-A B-B"], [[(0, 2, "A"), (3, 4, "A"), (4, 5, "B")]]),
        ("IOB2", ["O O", "B-A"], [[], [(0, 1, "A")]]),
        ("IOB1", ["I-A I-A B-A I-B O", "I-A"],
         [[(0, 2, "A"), (2, 3, "A"), (3, 4, "B")], [(0, 1, "A")]]),
        ("BIOES", ["B-A E-A S-A B-B I-B E-B O"], [[(0, 2, "A"), (2, 3, "A"), (3, 6, "B")]]),
        ("BILOU", ["B-A L-A U-B O"], [[(0, 2, "A"), (2, 3, "B")]]),
        ("BMES", ["B-A M-A E-A S-A"], [[(0, 3, "A"), (3, 4, "A")]]),
        ("plain", ["A A B O A S-Bahn"],
         [[(0, 2, "A"), (2, 3, "B"), (4, 5, "A"), (5, 6, "S-Bahn")]]),
        ("BIOES", ["S-A O S-A S-B"], [[(0, 1, "A"), (2, 3, "A"), (3, 4, "B")]]),
        ("BILOU", ["O U-A"], [[(1, 2, "A")]]),
        ("plain", ["S-Bahn U-Bahn O"], [[(0, 1, "S-Bahn"), (1, 2, "U-Bahn")]]),
        ("plain", ["b-side B_PER o O"], [[(0, 1, "b-side"), (1, 2, "B_PER"), (2, 3, "o")]]),
        ("IOB2", ["O O"], [[]]),
        ("IOB2", ["B-A-B I-A-B"], [[(0, 2, "A-B")]]),
    ],
)  # fmt: skip
def test_each_scheme(scheme: str, sentences: list[str], expected: list) -> None:
    assert read(*sentences) == (scheme, expected)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (["B-A O", "B-B I-A"], r"line 5: 'I-A' goes on with an entity, but 'B-B' stands before"),
        (["B-A O I-B"], r"line 3: 'I-B' goes on .* but 'O' stands before it"),
        (["I-A B-B"], r"line 1: 'I-A' goes on .* but nothing stands before it"),
        (["B-A X-B"], r"line 2: the tag 'X-B' fits no scheme, since others begin with B-"),
        (["B-A PER"], r"line 2: the tag 'PER' fits no scheme"),
        (["B I O"], r"line 1: the tag 'B' names no type"),
        (["B-A E-A U-A"], "mix BIOES with BILOU"),
        (["B-A I-A", "S-A"], r"line 2: the sentence ends within an entity, behind 'I-A'"),
        (["B-A B-A E-A"], r"line 2: in BIOES 'B-A' cannot follow 'B-A'"),
        (["B-A E-B"], r"line 2: in BIOES 'E-B' cannot follow 'B-A'"),
        (["o b-loc i-loc"], r"line 3: 'b-loc' and 'i-loc' are tags that no scheme knows"),
        (["O I_PER", "B_PER"], r"line 4: 'I_PER' and 'B_PER' are tags that no scheme knows"),
        (["o PER", "o o LOC"], r'line 1: most words have the tag "o"'),
        (["E-A B-A"], r"line 1: in BIOES 'E-A' cannot follow the beginning of a sentence"),
    ],
)
def test_tags_that_fit_no_scheme_or_not_their_place(sentences: list[str], message: str) -> None:
    error = fault(lambda: read(*sentences))
    assert re.search(message, error.message)
    assert error.hint


def fault(read: Callable[[], tuple[str, list]]) -> DataError:
    """What is wrong with the first sentence that is wrong, or with all of them."""
    try:
        return next(one for one in read()[1] if isinstance(one, DataError))
    except DataError as error:
        return error


def test_an_empty_tag_is_told() -> None:
    rows = [Sentence(["O", ""], [6, 7]), Sentence(["O"], [9])]
    _, (error, sound) = spans_by_scheme(rows, lambda line: f"line {line}")
    assert isinstance(error, DataError)
    assert (error.message, sound) == ("line 7: the tag is empty.", [])


@pytest.mark.parametrize(
    ("scheme", "sentences", "bad"),
    [
        ("IOB2", ["B-A I-A", "B-A", "O I-A", "B-A PER"], [2, 3]),
        ("IOB1", ["I-A I-A", "I-A B-A", "B-A"], [2]),
        ("BIOES", ["B-A E-A", "B-A O", "S-A", "PER"], [1, 3]),
    ],
)
def test_what_is_wrong_with_a_sentence_is_that_sentences_alone(
    scheme: str, sentences: list[str], bad: list[int]
) -> None:
    name, found = read(*sentences)
    assert name == scheme
    assert [at for at, one in enumerate(found) if isinstance(one, DataError)] == bad
