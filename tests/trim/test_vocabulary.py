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


def test_characters_and_what_is_used_stay() -> None:
    tokens = ("[PAD]", "[unused1]", "a", "b", "##a", "##b", "##ab", "ab", "ba", "aab")
    kept = keep_tokens(word_piece(*tokens), {"ba"})
    assert kept == {"[PAD]", "a", "b", "##a", "##b", "ba"}
    # The rest is filled up in the vocabulary's order, which is that of frequency.
    assert keep_tokens(word_piece(*tokens), {"ba"}, 7) == kept | {"##ab"}
    assert keep_tokens(word_piece(*tokens), {"ba"}, 99) == set(tokens) - {"[unused1]"}


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
    assert keep_tokens({"model": model}, {"cc"}, 5) == {"a", "b", "c", "ab", "cc"}
    model["merges"] = [["a", "b"], ["ab", "c"], ["b", "c"], ["c", "c"]]
    assert keep_tokens({"model": model}, {"bc"}) == {"a", "b", "c", "bc"}


def test_unigrams_keep_characters_bytes_and_the_unknown_one() -> None:
    pieces = ["<unk>", "▁", "a", "b", "ab", "▁ab", "bñ", "<0x0A>", "<", "0", "x", "A", ">"]
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[piece, -1.0] for piece in pieces]}
    kept = keep_tokens({"model": model}, {"▁ab"})
    assert kept == set(pieces) - {"ab"}
    likelier = {**model, "vocab": [[p, -5.0 if p == "ab" else -1.0] for p in (*pieces, "ba")]}
    assert keep_tokens({"model": likelier}, {"▁ab"}, len(kept) + 1) == kept | {"ba"}


def test_whole_words_cannot_be_trimmed() -> None:
    backend = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ModelError, match="kind WordLevel cannot be trimmed"):
        keep_tokens({"model": {"type": "WordLevel", "vocab": {"a": 0}}}, ())
