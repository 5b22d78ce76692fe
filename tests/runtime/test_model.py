"""Model: the same answers as torch, in order, whatever the text."""

import itertools
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import edgeft
from edgeft.errors import EdgeftError, UsageError
from tests import tiny
from tests.encoded import logits_for
from tests.observing import Seen

EDGES = ["", " ", "😀", "中文", "the cat\nsat", "dog " * 500, "a" * 3000, "\x00", "[SEP] [MASK]"]


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> edgeft.Model:
    return edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1)


def _texts(count: int) -> list[str]:
    chance = np.random.default_rng(5)
    return [" ".join(chance.choice(tiny.WORDS, chance.integers(1, 80))) for _ in range(count)]


def _torch_logits(folder: Path, texts: list[str]) -> np.ndarray:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    original = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows = []
    with torch.no_grad():
        for text in texts:
            inputs = tokenizer(
                text, truncation=True, max_length=64, padding=False, return_tensors="pt"
            )
            rows.append(original(**inputs).logits[0].numpy())
    return np.array(rows)


def test_logits_are_those_of_torch(model: edgeft.Model, tiny_checkpoint: Path) -> None:
    texts = EDGES + _texts(60)
    expected = _torch_logits(tiny_checkpoint, texts)
    np.testing.assert_allclose(logits_for(model, texts), expected, atol=1e-4)
    np.testing.assert_allclose(logits_for(model, texts, alone=True), expected, atol=1e-4)


def test_order_is_kept_over_groups(model: edgeft.Model) -> None:
    texts = _texts(2500)
    together = model.predict(texts)
    assert len(together) == len(texts)
    for at in (0, 1, 1023, 1024, 2499):
        alone = model.predict(texts[at])
        assert together[at].label == alone.label
        assert together[at].score == pytest.approx(alone.score, abs=1e-5)


def test_ten_thousand_texts(model: edgeft.Model) -> None:
    assert len(model.predict(["the cat", "sun"] * 5000)) == 10_000


def test_equal_texts_are_computed_once(tiny_bundle: Path) -> None:
    seen = Seen()
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", observer=seen) as model:
        seen.runs.clear()
        answers = model.predict(["the cat", "sun", "the cat"] * 100)
        assert sum(map(len, seen.runs)) == 2
        assert answers == model.predict(["the cat", "sun", "the cat"]) * 100


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.text(max_size=80), st.sampled_from(EDGES)), max_size=30))
def test_any_texts_get_in_order_what_they_get_alone(model: edgeft.Model, texts: list[str]) -> None:
    together = logits_for(model, texts)
    np.testing.assert_allclose(together, logits_for(model, texts, alone=True), atol=1e-4)
    np.testing.assert_array_equal(together, logits_for(model, texts))
    for one, text in zip(model.predict(texts), texts, strict=True):
        alone = model.predict(text)
        assert (one.truncated, one.unknown_share) == (alone.truncated, alone.unknown_share)
        assert one.score == pytest.approx(alone.score, abs=1e-4)


def test_one_none_and_a_tuple(model: edgeft.Model) -> None:
    assert isinstance(model.predict("the cat"), edgeft.Classification)
    assert model.predict([]) == []
    assert logits_for(model, []).shape == (0, 3)
    assert len(model.predict(("a", "b"))) == 2


def test_edge_texts_get_predictions_that_tell(model: edgeft.Model) -> None:
    by_text = dict(zip(EDGES, model.predict(EDGES), strict=True))
    assert by_text["dog " * 500].truncated
    assert not by_text["the cat\nsat"].truncated
    assert by_text["中文"].unknown_share == 1.0
    assert all(0 < one.score <= 1 for one in by_text.values())


def test_stream_takes_an_endless_source(model: edgeft.Model) -> None:
    endless = (tiny.WORDS[i % len(tiny.WORDS)] for i in itertools.count())
    first = list(itertools.islice(model.stream(endless), 1500))
    assert [one.label for one in first] == [
        one.label for one in model.predict([tiny.WORDS[i % len(tiny.WORDS)] for i in range(1500)])
    ]


def test_wrong_types_are_refused(model: edgeft.Model) -> None:
    with pytest.raises(TypeError, match="not int"):
        model.predict(3)  # type: ignore[call-overload]
    with pytest.raises(
        TypeError, match=r"texts\[1\] must be a str or a Pair, not None: leave it out"
    ):
        model.predict(["a", None])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="stream takes any iterable"):
        model.predict(iter(["a"]))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="not one str"):
        next(model.stream("abc"))


ASK: dict[str, Callable[[edgeft.Model, Any], Any]] = {
    "predict": lambda model, texts: model.predict(texts),
    "stream": lambda model, texts: list(model.stream(texts)),
    "outputs": lambda model, texts: model.outputs(texts),
    "cut outputs": lambda model, texts: model.outputs(texts, cut=True),
}


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    ("texts", "way"),
    [
        (b"the cat", "decode it"),
        (bytearray(b"the cat"), "decode it"),
        ({"text": "the cat"}, r"list\(texts.values\(\)\)"),
        ({"the cat"}, r"sorted\(texts\)"),
        (None, "for no texts"),
        (Path("texts.txt"), "open the file"),
        (np.array([["the cat"], ["sun"]]), "one column"),
        (np.array("the cat"), "item"),
        (1.5, "put texts in a list"),
        (["the", b"cat"], r"texts\[1\] must be a str or a Pair, not bytes: decode it"),
        (["the", None], r"texts\[1\] must be a str or a Pair, not None: leave it out"),
        (["the", float("nan")], r"texts\[1\] must be a str or a Pair, not nan: leave it out"),
        ([["the"], "cat"], r"texts\[0\] must be a str or a Pair, not list: .*flat list"),
        ([{"text": "the"}], r'texts\[0\] must be a str or a Pair, not dict: .*row\["text"\]'),
        ([np.array(["the"])], r"texts\[0\] must be a str or a Pair, not ndarray"),
        (range(2), r"texts\[0\] must be a str or a Pair, not int: .*str\(value\)"),
        ([Path("texts.txt")], "read the file first"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_told_with_its_place_and_a_way(
    model: edgeft.Model, ask: str, texts: object, way: str
) -> None:
    with pytest.raises(TypeError, match=way):
        ASK[ask](model, texts)


@pytest.mark.parametrize("ask", ["predict", "outputs"])
@pytest.mark.parametrize("source", [np.array(["the cat", "sun"]), iter(["the cat"])])
def test_what_is_no_list_is_turned_into_one_by_the_caller(
    model: edgeft.Model, ask: str, source: object
) -> None:
    with pytest.raises(TypeError, match=r"gives a list|list\(texts\)"):
        ASK[ask](model, source)


def test_a_frames_column_and_arrays_of_str_stream(model: edgeft.Model) -> None:
    pandas = pytest.importorskip("pandas")
    texts = ["the cat", "sun"]
    expected = model.predict(texts)
    for source in (np.array(texts), np.array(texts, object), pandas.Series(texts), iter(texts)):
        assert list(model.stream(source)) == expected
    with pytest.raises(TypeError, match=r"texts\.tolist\(\)"):
        model.predict(pandas.Series(texts))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="one column"):
        next(model.stream(pandas.DataFrame({"text": texts})))
    assert model.predict(np.str_("the cat")) == expected[0]


def test_what_came_before_something_that_is_no_text_is_answered(model: edgeft.Model) -> None:
    answers = model.stream([*["the cat"] * 1500, None])  # type: ignore[list-item]
    assert len(list(itertools.islice(answers, 1500))) == 1500
    with pytest.raises(TypeError, match=r"texts\[1500\]"):
        next(answers)


def test_many_threads_get_the_same_answers(model: edgeft.Model) -> None:
    texts = _texts(200)
    expected = [one.label for one in model.predict(texts)]
    with ThreadPoolExecutor(8) as pool:
        assert [one.label for one in pool.map(model.predict, texts)] == expected


def test_a_closed_model_says_so(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu") as model:
        model.predict("the cat")
    with pytest.raises(EdgeftError, match="is closed"):
        model.predict("the cat")


def test_what_runs_is_told(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, variant="int8", device="cpu", threads=1) as model:
        assert (model.variant, str(model.device), model.threads) == ("int8", "cpu", 1)
        assert model.labels == tiny.LABELS
        assert model.max_length == 64
        assert "int8" in repr(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "fp8"}, "no variant 'fp8'"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"device": "cpu:1"}, "no device 'cpu:1'"),
    ],
)
def test_senseless_options_are_refused(
    tiny_bundle: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        edgeft.load(tiny_bundle, **options)  # type: ignore[arg-type]


def test_a_graph_without_token_types_runs(tmp_path: Path) -> None:
    from tests.exporting import ExportConfig, export

    checkpoint = tiny.distilbert(tmp_path / "distilbert")
    export(ExportConfig(checkpoint=str(checkpoint), out=tmp_path / "bundle", variants=("fp32",)))
    with edgeft.load(tmp_path / "bundle", device="cpu") as model:
        texts = EDGES + _texts(20)
        expected = _torch_logits(checkpoint, texts)
        np.testing.assert_allclose(logits_for(model, texts), expected, atol=1e-4)


def test_a_bundle_moves_freely(tiny_bundle: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_bundle, tmp_path / "a folder with spaces é")
    with edgeft.load(str(moved), device="cpu") as model:
        assert model.predict("the cat").label in tiny.LABELS
