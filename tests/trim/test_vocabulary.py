from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from edgeft.errors import ModelError
from edgeft.trim.vocabulary import keep_tokens


def word_piece(*tokens: str) -> dict[str, Any]:
    model = {
        "type": "WordPiece",
        "continuing_subword_prefix": "##",
        "vocab": {token: at for at, token in enumerate(tokens)},
    }
    return {"model": model, "added_tokens": [{"id": 0, "content": "[PAD]"}]}


def test_characters_suffixes_and_what_is_used_stay() -> None:
    tokens = ("[PAD]", "[unused1]", "a", "b", "##a", "##b", "##ab", "ab", "ba", "aab")
    kept = keep_tokens(word_piece(*tokens), {"ba"})
    assert kept == {"[PAD]", "a", "b", "##a", "##b", "##ab", "ba"}


def test_a_token_that_nothing_else_spells_stays() -> None:
    # No piece holds "é" inside a word, nor "ß" at its beginning.
    tokens = ("[PAD]", "a", "##a", "é", "aé", "ßa", "aa")
    kept = keep_tokens(word_piece(*tokens), ())
    assert kept == {"[PAD]", "a", "##a", "é", "aé", "ßa"}


def test_merges_stay_with_all_that_they_are_made_of() -> None:
    vocabulary = ["a", "b", "c", "ab", "abc", "bc", "cc"]
    model = {
        "type": "BPE",
        "vocab": {token: at for at, token in enumerate(vocabulary)},
        "merges": ["a b", "ab c", "b c", "c c"],
    }
    assert keep_tokens({"model": model}, {"abc"}) == {"a", "b", "c", "ab", "abc"}
    model["merges"] = [["a", "b"], ["ab", "c"], ["b", "c"], ["c", "c"]]
    assert keep_tokens({"model": model}, {"bc"}) == {"a", "b", "c", "bc"}


def test_unigrams_keep_characters_bytes_and_the_unknown_one() -> None:
    pieces = ["<unk>", "▁", "a", "b", "ab", "▁ab", "bñ", "<0x0A>", "<", "0", "x", "A", ">"]
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[piece, -1.0] for piece in pieces]}
    kept = keep_tokens({"model": model}, {"▁ab"})
    assert kept == set(pieces) - {"ab"}


def test_whole_words_cannot_be_trimmed() -> None:
    backend = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ModelError, match="kind WordLevel cannot be trimmed"):
        keep_tokens({"model": {"type": "WordLevel", "vocab": {"a": 0}}}, ())
