"""Spans of characters, and two texts in one part: as transformers would have them."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from edgeft.errors import BundleError
from edgeft.inputs import Pair, Question
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import Encoded
from tests import tiny

WORDS = [*tiny.WORDS[:12], "naïve", "cafe\u0301", "中文", "👍🏽", "x\u200dy", "שלום", "\t", "zebra"]


def _wordpiece(folder: Path) -> Tokenizer:
    return tiny.wordpiece(folder).backend_tokenizer


def _bytes(folder: Path) -> Tokenizer:
    """As RoBERTa's: bytes, four special tokens around two texts, no types."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "</s>", "<pad>", *alphabet, "Ġt", "Ġth", "Ġthe"]
    merges = [("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e")]
    tokenizer = Tokenizer(models.BPE({one: at for at, one in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.add_special_tokens(["<s>", "</s>", "<pad>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def _pieces(folder: Path) -> Tokenizer:
    """As XLM-R's: Unigram behind a normalizer that changes how long texts are."""
    letters = [(one, -5.0) for one in "▁abcdefghijklmnopqrstuvwxyz"]
    words = [(f"▁{one}", -1.0) for one in tiny.WORDS[:12]]
    vocabulary = [("<s>", 0.0), ("<unk>", 0.0), ("</s>", 0.0), *words, *letters]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=1))
    tokenizer.normalizer = normalizers.NFKD()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B:1 </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


KINDS: dict[str, Callable[[Path], Tokenizer]] = {
    "WordPiece": _wordpiece, "bytes": _bytes, "Unigram": _pieces
}  # fmt: skip


class Both:
    """A tokenizer as the runtime and as transformers read it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.reference = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="[PAD]" if tokenizer.token_to_id("[PAD]") is not None else "</s>",
        )
        self.json = self.reference.backend_tokenizer.to_str().encode()  # which it may have changed

    def encoder(self, most: int, overlap: int | None = None, **more: Any) -> TextEncoder:
        return TextEncoder(self.json, most, overlap=overlap, **{"offsets": True, **more})


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(KINDS[request.param](tmp_path_factory.mktemp("tokenizer")))


def _trimmed(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """A span without the blank before it; (0, 0) where nothing is left."""
    begin, end = span
    begin += begin < end and text[begin].isspace()
    return (begin, end) if begin < end else (0, 0)


def _agree(both: "Both", found: Encoded, expected: Any, side: int, text: str) -> None:
    """The parts are transformers' rows: ids, types, and the side's spans and words."""
    assert [one.ids for one in found.parts] == expected["input_ids"]
    types = [one.types or [0] * len(one.ids) for one in found.parts]
    assert types == expected["token_type_ids"]
    whole = both.reference(text, add_special_tokens=False, return_offsets_mapping=True)
    shown: dict[int | None, str] = defaultdict(str)  # of each word; white space is none
    for word, span in zip(whole.word_ids(), whole["offset_mapping"], strict=True):
        shown[word] += text[slice(*span)].strip()
    for at, part in enumerate(found.parts):
        sides = expected.sequence_ids(at)
        own = [place for place, one in enumerate(sides) if one == side]
        assert [*part.own] == own
        assert part.offsets is not None
        assert part.words is not None
        # tokenizers trims blanks at a window's front in another way than within it.
        assert [_trimmed(text, span) for span in part.offsets] == [
            _trimmed(text, span) if place in part.own else (0, 0)
            for place, span in enumerate(expected["offset_mapping"][at])
        ]
        words = expected.word_ids(at)
        assert part.words == [
            words[place] if place in part.own and shown[words[place]] else -1
            for place in range(len(sides))
        ]


texts = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)


@given(texts, st.integers(0, 5))
def test_windows_of_a_text_are_those_of_transformers(both: Both, text: str, overlap: int) -> None:
    expected = both.reference(
        [text], max_length=16, stride=overlap, truncation=True, return_overflowing_tokens=True,
        return_offsets_mapping=True, return_token_type_ids=True,
    )  # fmt: skip
    (found,) = both.encoder(16, overlap).encode([text])
    _agree(both, found, expected, 0, text)
    assert sum(part.fresh for part in found.parts) == len(
        both.reference(text, add_special_tokens=False)["input_ids"]
    )
    (first,) = both.encoder(16).encode([text])
    assert first.parts == found.parts[:1]
    assert first.truncated == (len(found.parts) > 1)


@given(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), texts, st.integers(0, 4))
def test_windows_of_a_context_are_those_of_transformers(
    both: Both, question: str, context: str, overlap: int
) -> None:
    most = 2 * len(both.reference(question)["input_ids"]) + 16
    expected = both.reference(
        [question], [context], max_length=most, stride=overlap, truncation="only_second",
        return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True,
    )  # fmt: skip
    one = Question(question, context)
    (found,) = both.encoder(most, overlap).encode([one])
    _agree(both, found, expected, 1, context)
    assert (found.truncated, found.cut, found.unread) == (False, 0, 0)
    (first,) = both.encoder(most).encode([one])  # no windows: the beginning
    assert first.parts == found.parts[:1]
    assert first.truncated == (len(found.parts) > 1)


@given(texts, texts, st.integers(8, 40))
def test_pairs_are_cut_as_transformers_cuts_them(
    both: Both, first: str, second: str, most: int
) -> None:
    expected = both.reference(
        [first], [second], max_length=most, truncation="longest_first",
        return_token_type_ids=True, return_offsets_mapping=True,
    )  # fmt: skip
    whole = both.reference([first], [second])["input_ids"][0]
    (found,) = both.encoder(most).encode([Pair(first, second)])
    _agree(both, found, expected, 1, second)
    assert (found.truncated, found.cut) == (len(whole) > most, max(0, len(whole) - most))
    plain = both.encoder(most, offsets=False).encode(["the cat", Pair(first, second), "sun"])
    assert (plain[1].parts[0].ids, plain[1].parts[0].offsets) == (found.ids, None)
    assert plain[::2] == both.encoder(most, offsets=False).encode(["the cat", "sun"])


def test_a_question_keeps_at_most_half_of_what_the_model_reads(both: Both) -> None:
    long, context = "who won the game " * 30, "the team won " * 30
    special = both.reference.num_special_tokens_to_add(pair=True)
    most = 2 * special + 24
    (found,) = both.encoder(most, 4).encode([Question(long, context)])
    size = len(both.reference(long, add_special_tokens=False)["input_ids"])
    assert {len(part.own) for part in found.parts[:-1]} == {12}
    assert (found.truncated, found.cut) == (True, size - special - 12)
    own = len(both.reference(context, add_special_tokens=False)["input_ids"])
    assert sum(part.fresh for part in found.parts) == own
    # An overlap that would leave a window nothing of its own is as large as can be.
    (found,) = both.encoder(most, most - special - 1).encode([Question(long, context)])
    assert {part.fresh for part in found.parts[1:-1]} == {6}


@pytest.mark.parametrize(("question", "context"), [("", ""), ("", "the cat"), ("who?", "")])
def test_an_empty_side_is_a_part_all_the_same(both: Both, question: str, context: str) -> None:
    (found,) = both.encoder(16, 2).encode([Question(question, context)])
    assert [one.ids for one in found.parts] == both.reference([question], [context])["input_ids"]
    assert (len(found.parts[0].own) == 0) == (context == "")


def test_a_context_is_tokenized_once_however_many_ask(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = both.encoder(24, 4)
    run, seen = encoder._run, []

    def counted(some: list[str], **how: bool) -> Any:
        seen.extend(some)
        return run(some, **how)

    monkeypatch.setattr(encoder, "_run", counted)
    context = "the team won the game " * 20
    asked = [Question(f"who {word} it?", context) for word in tiny.WORDS]
    found = encoder.encode(asked)
    assert seen.count(context) == 1
    assert len(seen) == len(asked) + 1
    assert found == [both.encoder(24, 4).encode_one(one) for one in asked]


SPANS = {
    "the 👍🏽 cat": ["the", "👍🏽", "cat"],
    "今天 the 天": ["今", "天", "the", "天"],
    "the\tcafe\u0301s sun": ["the", "cafe\u0301s", "sun"],
    "שלום the": ["שלום", "the"],
    "\ud83d the \udc4d cat": ["\ud83d", "the", "\udc4d", "cat"],  # halves that broken JSON leaves
    "ﬁne the ½ cat": ["ﬁne", "the", "½", "cat"],
}


@pytest.mark.parametrize("text", SPANS)
def test_spans_are_of_characters_in_the_callers_own_string(both: Both, text: str) -> None:
    (part,) = both.encoder(40, 0).encode([text])[0].parts
    assert part.offsets is not None
    covered = {at for begin, end in part.offsets for at in range(begin, end)}
    words = {at for at, letter in enumerate(text) if not letter.isspace() and letter != "\u0301"}
    assert words <= covered
    begins = {begin + (text[begin : begin + 1] == " ") for begin, _ in part.offsets}
    assert {text.index("the")} <= begins
    for end in {end for begin, end in part.offsets if end > begin}:
        assert end <= len(text)


def test_a_words_tokens_make_it_whole(tmp_path: Path) -> None:
    encoder = Both(_wordpiece(tmp_path)).encoder(40, 0)
    for text, words in SPANS.items():
        (part,) = encoder.encode([text])[0].parts
        assert part.offsets is not None
        assert part.words is not None
        spans: dict[int, tuple[int, int]] = {}
        for word, (begin, end) in zip(part.words, part.offsets, strict=True):
            if word >= 0:
                spans[word] = (min(begin, spans.get(word, (begin, end))[0]), end)
        assert [text[begin:end] for begin, end in spans.values()] == words


@given(st.text(max_size=80))
def test_any_text_has_spans_inside_it_and_in_order(both: Both, text: str) -> None:
    encoder = both.encoder(20, 3)
    encoded = encoder.encode_one(text)
    assert encoded == encoder.encode([text, "the cat"])[0]
    for part in encoded.parts:
        assert part.offsets is not None
        own = [part.offsets[at] for at in part.own]
        assert own == sorted(own)
        assert all(0 <= begin <= end <= len(text) for begin, end in own)


def test_what_is_normalized_first_has_no_places_to_tell(both: Both) -> None:
    with pytest.raises(BundleError, match=r"normalized first \(nfkc\)") as caught:
        both.encoder(16, normalize=("nfkc",))
    assert "--normalize" in caught.value.hint
    assert both.encoder(16, normalize=("nfkc",), offsets=False).encode([Pair("ﬁne", "ﬁne")])


def test_too_little_room_for_two_texts_is_told(both: Both) -> None:
    special = both.reference.num_special_tokens_to_add(pair=True)
    encoder = both.encoder(special + 1)
    with pytest.raises(BundleError, match="cannot put two texts into"):
        encoder.encode([Pair("a", "b")])


def test_a_context_beyond_all_bounds_is_read_to_there(both: Both) -> None:
    long = "the cat " * (1 << 17) + "sun"
    (found,) = both.encoder(16, 0).encode([Question("who?", long)])
    assert found.truncated
    assert found.unread > 0
