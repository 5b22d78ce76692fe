"""Texts that are put together from words read before: the same ids as the library's own."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from edgeft.runtime import known_words
from edgeft.runtime.known_words import reads_by_word
from edgeft.runtime.tokenize import TextEncoder
from tests import tiny

# What the steps before WordPiece treat in some way of their own, beside plain letters.
ODD = (
    "Éé\u0301\u0338ßİıſKÅﬁ①½ \t\n\r\u00a0\u2028\u3000\x00\x1c\x1f\x85\u200b\u200d\ufeff\ufffd"
    "中文，。ひカ한ก👍🏽\U00020000_-#[]'.,!~"
)
PIECES = st.sampled_from(["the", "The", "cat", "dog", "rain", "##s", "[CLS]", "[MASK]", "a" * 120])
TEXTS = st.lists(
    st.one_of(PIECES, st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=20
).map("".join)
NORMALIZERS = [
    {},
    {"lowercase": False},
    {"strip_accents": False, "handle_chinese_chars": False, "clean_text": False},
    {"lowercase": False, "strip_accents": True, "clean_text": False},
]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("tokenizer")
    tiny.wordpiece(out)
    found: dict[str, Any] = json.loads(Path(out / "tokenizer.json").read_text())
    return found | {"padding": None, "truncation": None}


def ids_of(content: dict[str, Any], texts: Sequence[str]) -> list[list[int]]:
    """What the library alone makes of texts."""
    tokenizer = Tokenizer.from_str(json.dumps(content))
    return [tokenizer.encode(text).ids for text in texts]


@pytest.fixture(scope="module")
def both(content: dict[str, Any]) -> list[tuple[Tokenizer, TextEncoder]]:
    found = []
    for changes in NORMALIZERS:
        one = json.dumps(content | {"normalizer": content["normalizer"] | changes})
        found.append((Tokenizer.from_str(one), TextEncoder(one.encode(), 512)))
    return found


@given(st.lists(TEXTS, max_size=5))
def test_ids_are_those_of_the_library(
    both: list[tuple[Tokenizer, TextEncoder]], texts: list[str]
) -> None:
    for tokenizer, encoder in both:
        expected = [tokenizer.encode(text).ids for text in texts]
        assert [one.ids for one in encoder.encode(texts)] == expected
        assert [encoder.encode_one(text).ids for text in texts] == expected


def test_an_added_token_is_found_wherever_it_stands(content: dict[str, Any]) -> None:
    added = {"content": "cat dog", "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": False, "id": 9000}  # fmt: skip
    content = content | {"added_tokens": [*content["added_tokens"], added]}
    encoder = TextEncoder(json.dumps(content).encode(), 512)
    texts = ["the cat", "the cat dog", "dog", "[SEP]the[MASK]", "[ SEP ]"]
    assert [one.ids for one in encoder.encode(texts)] == ids_of(content, texts)
    assert len(encoder.encode_one("the cat dog").ids) == 4


def test_only_tokenizers_that_read_word_by_word_do(content: dict[str, Any]) -> None:
    normalized = [one | {"normalized": True} for one in content["added_tokens"]]
    assert reads_by_word(content)
    for change in (
        {"normalizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": content["model"] | {"type": "BPE"}},
        {"added_tokens": normalized},
    ):
        assert not reads_by_word(content | change)


def test_words_are_forgotten_before_they_fill_the_memory(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_words, "MOST_CHARACTERS", 200)
    encoder = TextEncoder(json.dumps(content).encode(), 512)
    texts = [f"the cat{at} rain{at} dog" for at in range(200)]
    for at in range(0, 200, 8):
        some = texts[at : at + 8]
        assert [one.ids for one in encoder.encode(some)] == ids_of(content, some)
        assert encoder._words is not None
        assert sum(map(len, encoder._words._known)) <= 200


def test_threads_share_what_is_known(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_words, "MOST_CHARACTERS", 500)  # so that one often begins anew
    encoder = TextEncoder(json.dumps(content).encode(), 512)
    texts = [f"the cat{at % 90} rain{at % 70}, dog" for at in range(400)]
    expected = ids_of(content, texts)
    found: dict[int, list[list[int]]] = {}

    def read(number: int) -> None:
        found[number] = [
            one.ids for at in range(0, 400, 20) for one in encoder.encode(texts[at : at + 20])
        ]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [found[number] == expected for number in range(8)] == [True] * 8
