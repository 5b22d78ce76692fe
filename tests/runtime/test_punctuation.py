"""Words of tokenizers that part texts at blanks alone."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from edgeft.runtime.punctuation import leaves_punctuation, numbers_of, parted
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.words import words_of
from tests import tiny

# The last three letters are unknown, so that they are one token with the mark.
TEXT = "Ada, Bo (ada) a.b. \u201cBo\u201d ,Ada xyz!"
WORDS = ["Ada", ",", "Bo", "(", "ada", ")", "a", ".", "b", ".", "\u201c", "Bo", "\u201d", ",",
         "Ada", "xyz!"]  # fmt: skip


def blanks_alone(*, split: bool = True) -> Tokenizer:
    pieces = ["\u2581", "\u2581Ada", "\u2581Bo", "\u2581(", "\u2581,", *"abdBoA,.()\u201c\u201d"]
    scores = [("<unk>", 0.0), *((piece, -len(pieces) - 1.0) for piece in pieces)]
    tokenizer = Tokenizer(models.Unigram(scores, 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=split)
    return tokenizer


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize(("most", "overlap"), [(999, None), (8, 2)])
def test_a_word_ends_before_a_mark(split: bool, most: int, overlap: int | None) -> None:
    content = blanks_alone(split=split).to_str().encode()
    encoder = TextEncoder(content, most, overlap=overlap, offsets=True)
    found = words_of(encoder.encode_one(TEXT), TEXT)
    assert [TEXT[word.start : word.end] for word in found] == WORDS


def test_tokenizers_that_part_at_marks_are_left_alone(tmp_path) -> None:
    backend = tiny.wordpiece(tmp_path).backend_tokenizer
    assert not leaves_punctuation(backend)
    assert leaves_punctuation(blanks_alone())
    level = Tokenizer(models.BPE())
    level.pre_tokenizer = pre_tokenizers.ByteLevel()
    level.add_tokens(["x"])
    assert not leaves_punctuation(level)


def test_special_tokens_and_bytes_are_no_marks() -> None:
    tokens = ["<s>", "\u2581a", "<unk>", "<0xE4>", "<", "b", "\u2581", ",", "</s>"]
    numbers = [-1, 0, 0, 0, 0, 0, 1, 1, -1]
    assert parted(numbers, tokens) == [-1, 0, 0, 0, 1, 2, 3, 3, -1]
    encoding = blanks_alone().encode("Ada, Bo")
    assert numbers_of(encoding) == [0, 0, 1]
