from pathlib import Path

import pytest

from edgeft.bench.texts import builtin_texts, evenly, read_all, texts_of_length
from edgeft.errors import DataError
from edgeft.runtime.tokenize import TextEncoder


@pytest.fixture
def encoder(tiny_bundle: Path) -> TextEncoder:
    return TextEncoder((tiny_bundle / "tokenizer.json").read_bytes(), 64)


def test_builtin_texts_are_the_same_each_time_and_of_several_lengths() -> None:
    texts = builtin_texts(64)
    assert texts == builtin_texts(64)
    words = sorted(len(text.split()) for text in texts)
    assert words[0] < 20
    assert words[-1] > 150
    assert words[len(words) // 2] < 40  # most texts are short


def test_builtin_texts_of_any_count_keep_the_mix_of_lengths() -> None:
    assert len(builtin_texts(50)) == 50
    long = [text for text in builtin_texts(160) if len(text.split()) > 150]
    assert len(long) == 10  # one in sixteen


def test_evenly_spreads_over_the_whole_and_repeats_what_is_too_few() -> None:
    assert evenly(10, 5) == [0, 2, 4, 6, 8]
    assert evenly(3, 3) == [0, 1, 2]
    assert evenly(2, 5) == [0, 1, 0, 1, 0]


def test_a_large_file_is_taken_evenly_and_the_facts_say_so(
    tmp_path: Path, encoder: TextEncoder
) -> None:
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"cat {at}" for at in range(10_000)) + "\n")
    found = read_all(path, None, None, encoder)
    assert (found.facts.found, found.facts.count) == (10_000, 4096)
    assert found.texts[0] == "cat 0"
    assert found.texts[-1].endswith(("9997", "9998", "9999"))
    assert read_all(path, None, 10, encoder).texts[1] == "cat 1000"
    assert read_all(path, None, 10**6, encoder).facts.count == 10_000
    assert read_all(path, None, 10, encoder).facts.sha256 != found.facts.sha256


def test_texts_are_told_by_their_tokens(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "three.csv"
    path.write_text("text\ncat\n" + "cat " * 100 + "\ncat red\n")
    found = read_all(path, None, None, encoder)
    assert found.lengths == [3, 64, 4]
    facts = found.facts
    assert (facts.source, facts.tokens_p50, facts.tokens_max, facts.truncated) == (
        "three.csv", 4, 64, 1,
    )  # fmt: skip
    assert found.typical == "cat red"
    with pytest.raises(DataError, match="no texts"):
        read_all(_empty(tmp_path), None, None, encoder)


@pytest.mark.parametrize("length", [4, 7, 32, 64])
def test_texts_of_a_length_have_it_and_differ(length: int, encoder: TextEncoder) -> None:
    whole = read_all(None, None, None, encoder)
    made = texts_of_length(whole, length, encoder)
    assert {len(one.ids) for one in encoder.encode(made.texts)} == {length}
    assert not any(one.truncated for one in encoder.encode(made.texts))
    assert (made.facts.tokens_p50, made.facts.tokens_max) == (length, length)
    assert len(made.texts) == 240
    assert len(set(made.texts)) > 5


def test_a_single_empty_text_can_be_made_longer(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "one.csv"
    path.write_text('text\n""\n"🎉 上海"\n')
    made = texts_of_length(read_all(path, None, None, encoder), 12, encoder)
    assert made.lengths == [12] * len(made.texts)


def _empty(folder: Path) -> Path:
    path = folder / "empty.txt"
    path.touch()
    return path
