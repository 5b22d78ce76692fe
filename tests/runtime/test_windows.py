"""Where long texts are cut, and into which windows: by hand, for each kind of tokenizer."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from edgeft.runtime.tokenize import TextEncoder


def _framed(tokenizer: Tokenizer, single: str) -> Tokenizer:
    names = [one for one in single.split() if one != "$A"]
    tokenizer.add_special_tokens(names)
    special = [(one, tokenizer.token_to_id(one)) for one in dict.fromkeys(names)]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=special)
    return tokenizer


def _bert() -> Tokenizer:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "dog", "ran", "##s"]
    vocabulary = {word: at for at, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _gpt2() -> Tokenizer:
    pieces = ["<s>", "</s>", "a", "b", "c", "Ġ", "ab", "Ġa"]
    vocabulary = {piece: at for at, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("a", "b"), ("Ġ", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel()
    return tokenizer


def _roberta() -> Tokenizer:
    tokenizer = _gpt2()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def _llama() -> Tokenizer:
    """A decoder's, whose file pads on the left and cuts there."""
    tokenizer = _framed(_gpt2(), "<s> $A")
    tokenizer.enable_padding(direction="left", length=20)
    tokenizer.enable_truncation(3, direction="left")
    return tokenizer


def _t5() -> Tokenizer:
    pieces = ["<unk>", "▁he", "ll", "o", "▁w"]
    tokenizer = Tokenizer(models.Unigram([(one, -1.0) for one in pieces], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return _framed(tokenizer, "$A </s>")


def _twice_framed() -> Tokenizer:
    return _framed(_bert(), "[CLS] [SEP] $A [SEP]")


@dataclass(frozen=True)
class Long:
    """A text, how many tokens the model takes, and its windows with their fresh tokens."""

    tokenizer: Callable[[], Tokenizer]
    text: str
    max_length: int
    overlap: int
    windows: dict[str, int]
    unknown: float = 0.0
    tokens: int = 9  # of the text itself


CATS = "The cats zebra the dogs ran cat"  # the cat ##s [UNK] the dog ##s ran cat
LETTERS = "ab a c ab c a"  # ab Ġa Ġ c Ġ ab Ġ c Ġa
LONG = {
    "BERT": Long(
        _bert, CATS, 6, 1,
        {
            "[CLS] the cat ##s [UNK] [SEP]": 4,
            "[CLS] [UNK] the dog ##s [SEP]": 3,
            "[CLS] ##s ran cat [SEP]": 2,
        },
        unknown=1 / 9,
    ),
    "one token too many": Long(
        _bert, "the cats ran dog", 6, 0,
        {"[CLS] the cat ##s ran [SEP]": 4, "[CLS] dog [SEP]": 1},
        tokens=5,
    ),
    "special tokens typed by the user": Long(
        _bert, "the [SEP] cat [CLS] dog [SEP]", 4, 0,
        {"[CLS] the [SEP] [SEP]": 2, "[CLS] cat [CLS] [SEP]": 2, "[CLS] dog [SEP] [SEP]": 2},
        tokens=6,
    ),
    "more special tokens in front": Long(
        _twice_framed, CATS, 8, 2,
        {
            "[CLS] [SEP] the cat ##s [UNK] the [SEP]": 5,
            "[CLS] [SEP] [UNK] the dog ##s ran [SEP]": 3,
            "[CLS] [SEP] ##s ran cat [SEP]": 1,
        },
        unknown=1 / 9,
    ),
    "RoBERTa": Long(
        _roberta, LETTERS, 6, 2,
        {
            "<s> ab Ġa Ġ c </s>": 4,
            "<s> Ġ c Ġ ab </s>": 2,
            "<s> Ġ ab Ġ c </s>": 2,
            "<s> Ġ c Ġa </s>": 1,
        },
    ),
    "GPT-2": Long(_gpt2, LETTERS, 4, 0, {"ab Ġa Ġ c": 4, "Ġ ab Ġ c": 4, "Ġa": 1}),
    "a decoder": Long(
        _llama, LETTERS, 7, 5,
        {
            "<s> ab Ġa Ġ c Ġ ab": 6,
            "<s> Ġa Ġ c Ġ ab Ġ": 1,
            "<s> Ġ c Ġ ab Ġ c": 1,
            "<s> c Ġ ab Ġ c Ġa": 1,
        },
    ),
    "Unigram": Long(
        _t5, "hello wo hellx", 4, 1,
        {"▁he ll o </s>": 3, "o ▁w o </s>": 2, "o ▁he ll </s>": 2, "ll <unk> </s>": 1},
        unknown=1 / 8, tokens=8,
    ),
}  # fmt: skip


@pytest.fixture(params=LONG)
def long(request: pytest.FixtureRequest) -> Long:
    return LONG[request.param]


def test_windows_are_those_worked_out_by_hand(long: Long) -> None:
    encoder = _encoder(long, long.max_length, long.overlap)
    (found,) = encoder.encode([long.text])
    windows = {" ".join(encoder.tokens(one.ids)): one.fresh for one in found.parts}
    assert windows == long.windows
    assert len(found.parts) == len(windows)
    assert sum(windows.values()) == long.tokens
    assert (found.truncated, found.cut, found.unread) == (False, 0, 0)
    assert found.unknown_share == pytest.approx(long.unknown)
    assert encoder.encode_one(long.text) == found
    assert encoder.encode([long.text, "", long.text])[::2] == [found, found]


def test_a_cut_text_is_its_first_window_and_tells_what_is_missing(long: Long) -> None:
    encoder = _encoder(long, long.max_length)
    (found,) = encoder.encode([long.text])
    first, kept = next(iter(long.windows.items()))
    assert " ".join(encoder.tokens(found.ids)) == first
    assert (found.truncated, found.cut, found.unread) == (True, long.tokens - kept, 0)
    assert len(found.parts) == 1
    assert found.unknown_share == first.split().count("[UNK]") / kept
    assert encoder.encode_one(long.text) == found


def test_a_text_that_fits_is_neither_cut_nor_split(long: Long) -> None:
    special = len(next(iter(long.windows)).split()) - next(iter(long.windows.values()))
    for overlap in (None, 0, long.tokens - 1):
        encoder = _encoder(long, long.tokens + special, overlap)
        (found,) = encoder.encode([long.text])
        assert len(found.ids) == long.tokens + special
        assert (found.truncated, found.cut, len(found.parts)) == (False, 0, 1)
        assert encoder.encode_one(long.text) == found


def _encoder(long: Long, max_length: int, overlap: int | None = None) -> TextEncoder:
    return TextEncoder(long.tokenizer().to_str().encode(), max_length, overlap=overlap)
