"""Normalization: each step alone, and their order."""

import pytest

from edgeft.errors import UsageError
from edgeft.normalize import normalizer, parse_steps


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("markup", "<p class='x'>Fish &amp; chips</p>", " Fish & chips "),
        ("markup", "3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("control", "a\x00b\u200bc\td\n", "abc\td\n"),
        ("whitespace", "  a \t\n b\u00a0c ", "a b c"),
        ("nfc", "e\u0301", "é"),
        ("nfkc", "ﬁｎｅ", "fine"),
    ],
)
def test_one_step(step: str, text: str, expected: str) -> None:
    normalize = normalizer([step])
    assert normalize is not None
    assert normalize(text) == expected


def test_steps_run_in_their_own_order() -> None:
    assert parse_steps(["whitespace", " markup ", ""]) == ("markup", "whitespace")
    normalize = normalizer(["whitespace", "markup"])
    assert normalize is not None
    assert normalize("<b>a</b>  <i>b</i>") == "a b"


def test_none_is_none() -> None:
    assert normalizer([]) is None


def test_unknown_step_lists_the_known() -> None:
    with pytest.raises(UsageError, match="'lower'") as caught:
        parse_steps(["lower"])
    assert "markup" in caught.value.hint
