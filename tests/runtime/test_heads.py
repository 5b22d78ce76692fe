"""The head of a long text gives the ids of the whole, whatever the tokenizer and the text."""

import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from edgeft.runtime import heads
from edgeft.runtime.tokenize import MOST_WINDOWED, TextEncoder
from tests import tiny

KEPT = 12
TEXTS = 200
CORPUS = [
    "the cat and the dog fell on the river stone while shares rose again and again " * 3,
    "today's report: we're told that they'll have 1234567 new games, isn't it so?!  ok --- ---",
    "今天的天气很好我们去公园散步吧今天的天气很好我们去公园散步吧。",
    "aaaaaaaaaaaaaaaa abababababab    spaces     and\n\nlines\t\ttabs",
    "Größe straße être naïve façade Ελλάδα καλημέρα Москва погода",
    "👍🎉👍🎉 😀😀😀",
]


def _trained(model: object, trainer: object, normalizer: object, split: object) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if split is not None:
        tokenizer.pre_tokenizer = split
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _wordpiece() -> Tokenizer:
    with TemporaryDirectory() as folder:
        tokenizer: Tokenizer = tiny.wordpiece(Path(folder)).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _byte_bpe() -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "</s>"],
        show_progress=False,
    )
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = _trained(models.BPE(), trainer, None, split)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def _merged_bpe() -> Tokenizer:
    """As Llama 2 has it: no split into words at all."""
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>"], max_token_length=8, show_progress=False
    )
    steps = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return _trained(models.BPE(unk_token="<unk>", fuse_unk=True), trainer, steps, None)


def _suffixed_bpe() -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<unk>"],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    model = models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")
    return _trained(model, trainer, normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer())


def _unigram(split: object) -> Tokenizer:
    trainer = trainers.UnigramTrainer(
        vocab_size=160, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    steps = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.StripAccents(),  # deletes characters
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    return _trained(models.Unigram(), trainer, steps, split)


def _unigram_words() -> Tokenizer:
    split = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    return _unigram(pre_tokenizers.Sequence(split))


def _unigram_whole() -> Tokenizer:
    return _unigram(pre_tokenizers.Metaspace(split=False))


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "wordpiece": _wordpiece,
    "byte-level BPE": _byte_bpe,
    "BPE without words": _merged_bpe,
    "BPE with suffixes": _suffixed_bpe,
    "Unigram of words": _unigram_words,
    "Unigram without words": _unigram_whole,
}

PARTS = [
    *tiny.WORDS[:8], "again", " ", " ", "  ", "\n", "\t", "\r\n", "今天", "天气很好", "公园散步。",
    "👍🎉", "👨‍👩‍👧", "🇬🇧", "e\u0301", "\u0301\u0302", "\u200b", "\x01", "Σ", "ΑΣ", "aaaaaaaa",
    "abab", "x", "1234567", "it's", "<mask>", " <mask>", "[SEP]", "!?", "---", "ｶﾞ", "か\u3099",
    "각", "\u1112\u1161\u11ab", "ﬁ", "\u00a0", "\ud800",
]  # fmt: skip


def _text(chance: random.Random) -> str:
    """Words, signs and scripts in a wild mix, or few parts again and again."""
    parts = chance.sample(PARTS, chance.choice([1, 2, 3, 8, len(PARTS)]))
    between = chance.choice(["", "", " ", chance.choice(PARTS)])
    return between.join(chance.choice(parts) for _ in range(chance.randint(20, 500)))


@pytest.fixture(scope="module", params=TOKENIZERS)
def pair(request: pytest.FixtureRequest) -> tuple[TextEncoder, Tokenizer]:
    """An encoder that cuts texts of more than 40 characters, and its uncut tokenizer."""
    tokenizer = TOKENIZERS[request.param]()
    content = tokenizer.to_str().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "SHORTEST", 40)
        patch.setattr(heads, "FOR_EACH", 2)
        encoder = TextEncoder(content, KEPT)
    # Whose scores were rounded as the encoder's were.
    return encoder, Tokenizer.from_str(content.decode())


def _check(pair: tuple[TextEncoder, Tokenizer], text: str) -> bool:
    """Whether the end of the text was not read."""
    encoder, tokenizer = pair
    expected, missing = _cut(tokenizer, text.encode("utf-8", "replace").decode())
    (found,) = encoder.encode([text])
    assert found.ids == (expected or [0])
    assert found.truncated == (missing > 0)
    assert found.truncated or not found.unread
    assert found.cut <= missing
    return found.unread > 0


def _cut(tokenizer: Tokenizer, text: str) -> tuple[list[int], int]:
    """The ids of the whole text without those that are too many, and how many those are."""
    own = tokenizer.encode(text, add_special_tokens=False)
    missing = max(0, len(own) - KEPT + tokenizer.num_special_tokens_to_add(False))
    own.truncate(len(own) - missing)
    return tokenizer.post_process(own).ids, missing


def test_the_ids_are_those_of_the_whole_text(pair: tuple[TextEncoder, Tokenizer]) -> None:
    chance = random.Random(0)
    unread = [_check(pair, _text(chance)) for _ in range(TEXTS)]
    assert sum(unread) > TEXTS / 10


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(min_size=40))
def test_so_are_those_of_any_text(pair: tuple[TextEncoder, Tokenizer], text: str) -> None:
    _check(pair, text * 8)


@pytest.mark.parametrize("end", [" the cat fell on the river", "\u0301 the cat fell"])
def test_words_and_gaps_of_any_length_are_read_to_their_end(folder: Path, end: str) -> None:
    content = (folder / "tokenizer.json").read_bytes()
    whole = Tokenizer.from_str(content.decode())
    whole.no_padding()
    whole.no_truncation()
    encoder = TextEncoder(content, KEPT)
    for text in ("a" * 300_000 + end, "  \n" * 150_000 + end, "dog " + "9aZ" * 90_000 + end):
        (found,) = encoder.encode([text])
        assert (found.ids, 0) == _cut(whole, text)
        assert (found.truncated, found.unread) == (False, 0)


def test_a_text_that_cannot_be_cut_is_read_as_far_as_told() -> None:
    for tokenizer, letter in ((_unigram_whole(), "\u0301"), (_merged_bpe(), "a")):
        encoder = TextEncoder(tokenizer.to_str().encode(), KEPT)
        (found,) = encoder.encode([letter * 300_000])
        assert found.truncated
        assert found.unread == 300_000 - heads.LONGEST_HEAD


def test_a_vocabulary_without_tokens_finds_none() -> None:
    encoder = TextEncoder(Tokenizer(models.BPE()).to_str().encode(), KEPT, empty=7)
    assert [one.ids for one in encoder.encode(["the cat " * 5000, "the cat"])] == [[7], [7]]


def test_unknown_steps_are_not_relied_on(folder: Path) -> None:
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"the.*end$"), "isolated")
    encoder = TextEncoder(tokenizer.to_str().encode(), KEPT)
    text = "the cat " * 2000 + "end"
    tokenizer.no_padding()
    tokenizer.no_truncation()
    (found,) = encoder.encode([text])
    assert found.ids == _cut(tokenizer, text)[0]
    assert found.unread == 0


def test_what_a_cut_text_says_of_itself(folder: Path) -> None:
    encoder = TextEncoder((folder / "tokenizer.json").read_bytes(), KEPT)
    long, short = encoder.encode(["the 中 " * 5000, "the cat"])
    assert (long.truncated, long.unknown_share) == (True, 0.5)
    assert long.unread > 20_000 > long.cut > 0
    assert encoder.encode(["the cat", "the 中 " * 5000]) == [short, long]
    assert encoder.encode_one("the 中 " * 5000) == long


def test_windows_have_a_bound(folder: Path) -> None:
    encoder = TextEncoder((folder / "tokenizer.json").read_bytes(), KEPT, overlap=2)
    (found,) = encoder.encode(["the cat " * 3000])
    assert (len(found.parts), found.truncated, found.unread) == (750, False, 0)
    (found,) = encoder.encode(["the cat " * (MOST_WINDOWED // 8 + 1)])
    assert (len(found.parts), found.truncated) == (1, True)
    assert found.unread > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tokenizer")
    tiny.wordpiece(out)
    return out
