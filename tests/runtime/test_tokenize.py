"""Texts to ids: what transformers would give, without padding."""

from pathlib import Path

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from edgeft.errors import BundleError
from edgeft.runtime.tokenize import TextEncoder
from tests import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tokenizer")
    tiny.wordpiece(out)
    return out


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return TextEncoder((folder / "tokenizer.json").read_bytes(), max_length=12)


def test_the_file_pads_and_cuts_but_the_encoder_does_not(
    folder: Path, encoder: TextEncoder
) -> None:
    assert '"padding": {' in (folder / "tokenizer.json").read_text()
    long = TextEncoder((folder / "tokenizer.json").read_bytes(), max_length=40)
    assert len(encoder.encode(["the cat"])[0].ids) == 4
    assert len(long.encode(["dog " * 30])[0].ids) == 32  # tokenizer.json itself says 16


def test_ids_equal_those_of_transformers(folder: Path, encoder: TextEncoder) -> None:
    reference = transformers.AutoTokenizer.from_pretrained(folder)
    texts = ["the cat", "", "Rain fell; 中文 😀", "dog " * 30, "a" * 500]
    expected = reference(texts, truncation=True, max_length=12, padding=False)["input_ids"]
    assert [one.ids for one in encoder.encode(texts)] == expected
    assert [encoder.encode([text])[0].ids for text in texts] == expected


def test_truncation_is_told_exactly(encoder: TextEncoder) -> None:
    fits, over = encoder.encode(["dog " * 10, "dog " * 11])
    assert (len(fits.ids), fits.truncated) == (12, False)
    assert (len(over.ids), over.truncated) == (12, True)


def test_unknown_share(encoder: TextEncoder) -> None:
    shares = [one.unknown_share for one in encoder.encode(["the cat", "the 中", "中 文", ""])]
    assert shares == [0.0, 0.5, 1.0, 0.0]


def test_normalization_comes_first(folder: Path) -> None:
    encoder = TextEncoder((folder / "tokenizer.json").read_bytes(), 12, normalize=("markup",))
    plain = TextEncoder((folder / "tokenizer.json").read_bytes(), 12)
    assert encoder.encode(["<b>the</b> cat"])[0].ids == plain.encode(["the cat"])[0].ids


def test_what_is_no_text_is_refused(encoder: TextEncoder) -> None:
    with pytest.raises(TypeError, match="not int"):
        encoder.encode(["a", 1])  # type: ignore[list-item]


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(BundleError, match=r"tokenizer\.json cannot be loaded"):
        TextEncoder(b"{}", 12)


@given(st.lists(st.text(), max_size=20))
def test_any_text_encodes_alone_as_among_others(encoder: TextEncoder, texts: list[str]) -> None:
    together = encoder.encode(texts)
    assert together == [encoder.encode([text])[0] for text in texts]


def test_a_lone_surrogate_does_not_crash(encoder: TextEncoder) -> None:
    assert encoder.encode(["broken \ud800 text"])[0].ids
