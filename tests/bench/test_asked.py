from itertools import pairwise
from pathlib import Path

import pytest

from edgeft.bench.asked import of_length, read_all
from edgeft.errors import DataError
from edgeft.runtime.tokenize import TextEncoder


@pytest.fixture
def encoder(tiny_bundle: Path) -> TextEncoder:
    return TextEncoder((tiny_bundle / "tokenizer.json").read_bytes(), 64)


def test_the_manifests_lengths_are_those_of_the_built_in_texts(encoder: TextEncoder) -> None:
    told = read_all(
        None, None, None, encoder, {"p50": 9, "p90": 20, "p95": 30, "p99": 50, "max": 60}
    )
    assert told.facts.source == "built-in, like the training's"
    assert told.facts.tokens_p50 == pytest.approx(9, abs=1)
    usual = read_all(None, None, None, encoder)
    assert usual.facts.source == "built-in, of usual lengths"
    assert usual.facts.tokens_p50 == pytest.approx(18, abs=1)


def test_a_large_file_is_taken_evenly_and_the_facts_say_so(
    tmp_path: Path, encoder: TextEncoder
) -> None:
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"cat {at}" for at in range(10_000)) + "\n")
    found = read_all(path, None, None, encoder)
    assert (found.facts.found, found.facts.count) == (10_000, 4096)
    places = sorted(int(text.split()[1]) for text in found.inputs)
    assert places[0] == 0
    assert max(after - before for before, after in pairwise(places)) <= 3
    few = read_all(path, None, 10, encoder).inputs
    assert sorted(few) == [f"cat {at}" for at in range(0, 10_000, 1000)]
    assert few != sorted(few)  # shuffled, so that what is cut off is a fair sample
    assert read_all(path, None, 10**6, encoder).facts.count == 10_000
    assert read_all(path, None, 10, encoder).facts.sha256 != found.facts.sha256


def test_texts_are_told_by_their_tokens(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "three.csv"
    path.write_text("text\ncat\n" + "cat " * 100 + "\ncat red\n")
    found = read_all(path, None, None, encoder)
    assert sorted(found.lengths) == [3, 4, 64]
    assert [len(one.ids) for one in encoder.encode(found.inputs)] == found.lengths
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
    made = of_length(whole, length, encoder)
    assert {len(one.ids) for one in encoder.encode(made.inputs)} == {length}
    assert not any(one.truncated for one in encoder.encode(made.inputs))
    assert (made.facts.tokens_p50, made.facts.tokens_max) == (length, length)
    assert len(set(made.inputs)) == len(made.inputs) > (10 if length == 4 else 100)


def test_equal_texts_are_taken_once(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "twice.txt"
    path.write_text("cat\n" * 50 + "dog\n")
    found = read_all(path, None, None, encoder)
    assert sorted(found.inputs) == ["cat", "dog"]
    assert (found.facts.found, found.facts.count) == (51, 2)
    assert found.singles(5) == [*found.inputs, *found.inputs, found.inputs[0]]


def test_a_single_empty_text_can_be_made_longer(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "one.csv"
    path.write_text('text\n""\n"🎉 上海"\n')
    made = of_length(read_all(path, None, None, encoder), 12, encoder)
    assert made.lengths == [12] * len(made.inputs)


def test_texts_without_spaces_can_be_cut_too(tmp_path: Path, minilm: Path) -> None:
    encoder = TextEncoder((minilm / "tokenizer.json").read_bytes(), 256)
    path = tmp_path / "chinese.txt"
    lines = [
        chr(0x4E00 + 7 * at) * 3 + "今天天气很好我们去公园散步然后回家吃饭" * 5 for at in range(40)
    ]
    path.write_text("\n".join(lines) + "\n")
    made = of_length(read_all(path, None, None, encoder), 32, encoder)
    assert set(made.lengths) == {32}
    assert len(made.inputs) > 10
    assert not any(text.count("a") > 8 for text in made.inputs)  # hardly anything is filled up


def _empty(folder: Path) -> Path:
    path = folder / "empty.txt"
    path.touch()
    return path
