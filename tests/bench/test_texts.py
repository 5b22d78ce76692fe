from pathlib import Path

import pytest

from edgeft.bench.statistics import percentiles
from edgeft.bench.texts import builtin_inputs, even_places
from edgeft.runtime.tokenize import TextEncoder


@pytest.fixture
def encoder(tiny_bundle: Path) -> TextEncoder:
    return TextEncoder((tiny_bundle / "tokenizer.json").read_bytes(), 64)


def test_builtin_texts_are_the_same_each_time_and_no_two_alike(encoder: TextEncoder) -> None:
    lengths = {"p50": 8, "p90": 20, "p95": 30, "p99": 50, "max": 60}
    texts = builtin_inputs(encoder, lengths)
    assert texts == builtin_inputs(encoder, lengths)
    assert len(set(texts)) == len(texts) > 400


def test_builtin_texts_are_as_long_as_they_should_be(encoder: TextEncoder) -> None:
    wanted = {"p50": 12, "p90": 20, "p95": 30, "p99": 50, "max": 60}
    texts = builtin_inputs(encoder, wanted)
    found = percentiles([len(one.ids) for one in encoder.encode(texts)], (50, 90, 95, 99, 100))
    assert found == pytest.approx(list(wanted.values()), abs=1.5)


def test_evenly_spreads_over_the_whole_and_repeats_what_is_too_few() -> None:
    assert even_places(10, 5) == [0, 2, 4, 6, 8]
    assert even_places(3, 3) == [0, 1, 2]
    assert even_places(2, 5) == [0, 1, 0, 1, 0]
