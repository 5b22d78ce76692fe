"""Normalization: each step alone, and their order."""

import html
import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeft import normalize
from edgeft.errors import UsageError
from edgeft.normalize import STEPS, normalizer, parse_steps


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


def _clean(step: str, text: str) -> str:
    return STEPS[step](text)


# What each step means, in words that take time squared.
MARKUP = re.compile(r"<(?:/?[A-Za-z][^<>]*|!--.*?--)>", re.DOTALL)
PIECES = [
    "<",
    "<!--",
    "-->",
    "-",
    ">",
    "!",
    "<a",
    "</b",
    " x",
    "&",
    "&amp;",
    "&#65",
    "&#00000065;",
    ";",
]
MARKS = [chr(code) for code in range(0x300, 0x1E94B) if unicodedata.combining(chr(code))]
# Hangul that joins, Tibetan and Katakana starters that decompose to marks, marks of two classes.
JOINING = [
    *"aé가각\u1100\u1161\u11a8\u0f73\u0f71\uff9e\uff76\ufdfa\u0344漢😀",
    "e\u0301",
    "\u09c7\u09be",
]
towers = st.text(st.sampled_from(MARKS), min_size=25, max_size=80)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_markup_is_what_the_plain_pattern_says(text: str) -> None:
    assert _clean("markup", text) == html.unescape(MARKUP.sub(" ", text))


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@given(st.lists(st.one_of(st.sampled_from(JOINING), st.characters(), towers)).map("".join))
@example("a" + "\u0301\u0316" * 40 + "b")
@example("\u0f73\u0301" * 40)
@example("\uff76" + "\uff9e\u0301" * 40)
def test_unicode_forms_are_those_of_the_library(form: str, text: str) -> None:
    expected = unicodedata.normalize(form, text)  # type: ignore[arg-type]
    assert _clean(form.lower(), text) == expected


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@given(text=st.lists(st.one_of(st.sampled_from(JOINING), st.characters())).map("".join))
def test_pieces_join_as_the_whole(form: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalize, "_PIECE", 1)
        assert _clean(form.lower(), text) == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def test_whitespace_is_what_the_pattern_says_for_every_character() -> None:
    text = "a".join(map(chr, range(0x110000)))
    assert _clean("whitespace", text) == re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("&#" + "9" * 5000 + ";", "\ufffd"),
        ("&#" + "9" * 5000, "\ufffd"),
        ("&#" + "0" * 5000 + "65;", "A"),
        ("&#" + "0" * 5000 + ";", "\ufffd"),
        ("&#x" + "f" * 5000 + ";", "\ufffd"),
        ("&#x" + "0" * 5000 + "41;", "A"),
    ],
)
def test_a_reference_of_any_length_is_a_character(reference: str, expected: str) -> None:
    assert _clean("markup", f"x{reference}") == f"x{expected}"


ATTACKS = [
    "<!--",
    "<!-- --",
    "<a",
    "<",
    "&",
    "&#9",
    "&#x9",
    "&a",
    "<!--->",
    "--><!--",
    "\u0301\u0316",
    "a\u0301\u0316",
    "\u0344\u0316",
    "\u0f73\u0301",
    "\uff9e\u0301",
    "\u0301",
    "\ufdfa",
    "\U0001d165\U0001d16e",
    "\u1100\u1161",
    "😀",
    " ",
    " \n\u3000a",
]


@pytest.mark.parametrize("unit", ATTACKS, ids=ascii)
def test_the_time_of_every_step_grows_with_the_text_alone(unit: str) -> None:
    text = (unit * (1 << 18))[: 1 << 18]
    for name, step in STEPS.items():
        step(unit)  # what is prepared once
        begin = time.process_time()
        step(text)
        # Most take milliseconds; in time squared, the attacks took from half a minute to hours.
        assert time.process_time() - begin < 8, name
