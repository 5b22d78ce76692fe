"""What the stages of a cascade read: each its own tokens, and what none can read is refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import edgeft
from edgeft.errors import DataError
from tests.bundles import with_file
from tests.cascades import Step, cascade
from tests.observing import Seen
from tests.runtime.asking import LONG, TEXTS, WAYS, expected, gathered, same


def test_texts_are_encoded_anew_only_where_the_next_stage_reads_other_tokens(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    texts = [*TEXTS, LONG]
    steps: Sequence[Step] = [("cheap", "fp32", 1.0), ("main", "fp32", None)]
    respelled = with_file(
        tiny_bundle,
        tmp_path / "respelled",
        "tokenizer.json",
        (tiny_bundle / "tokenizer.json").read_bytes() + b"\n",
    )
    with edgeft.load(cheap_bundle, device="cpu", variant="fp32") as alone:
        longer = sum(one.truncated for one in alone.predict(texts))
    assert 0 < longer < len(texts)
    for name, main, cheap, anew in (
        ("longer", tiny_bundle, cheap_bundle, longer),
        ("alike", tiny_bundle, tiny_bundle, 0),
        ("other", respelled, tiny_bundle, len(texts)),
    ):
        out = cascade(tmp_path / name, {"cheap": cheap, "main": main}, steps)
        seen = Seen()
        with edgeft.load(out, device="cpu", observer=seen) as model:
            for way in ("predict", "apredict", "one"):
                seen.encoded = 0
                found = WAYS[way](model, texts)
                assert seen.encoded == len(texts) + anew
                with edgeft.load(main, device="cpu", variant="fp32") as full:
                    same([replace(one, stage="") for one in found], full.predict(texts))
        assert found[-1].truncated


def test_windows_and_refusals(folder: Path, below: float) -> None:
    texts = [*TEXTS[:20], LONG, *TEXTS[20:40]]
    with edgeft.load(folder, device="cpu", on_long="window") as model:
        found = model.predict(texts)
        same([model.predict(LONG)], [found[20]])
        same(gathered(model, texts), found)
    wanted = expected(folder, texts, [("cheap", below), ("main", 0.0)], on_long="window")
    same(found, wanted)
    assert found[20].windows > 3
    with edgeft.load(folder, device="cpu", on_long="error") as model:
        with pytest.raises(DataError, match=r"Text 20 has more than|Text 20 has \d+ tokens"):
            model.predict(texts)
        with pytest.raises(DataError, match="The text has"):
            model.predict(LONG)
        with pytest.raises(DataError, match="The text has"):
            gathered(model, [LONG])


@pytest.mark.parametrize("doubted", [True, False])
def test_what_is_too_long_for_a_cheap_stage_alone_is_left_to_the_next(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, below: float, doubted: bool
) -> None:
    steps: Sequence[Step] = [("cheap", "fp32", below * doubted), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"cheap": cheap_bundle, "main": tiny_bundle}, steps)
    longer = ["the cat " * 20, "cat the " * 18]  # 42 and 38 tokens
    texts = [*TEXTS[:20], longer[0], *TEXTS[20:40], longer[1]]
    with edgeft.load(out, device="cpu") as model:
        wanted = model.predict(texts)
        assert doubted or wanted[20].stage == "cheap"
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        wanted[20], wanted[41] = (replace(one, stage="main") for one in model.predict(longer))
    seen = Seen()
    with edgeft.load(out, device="cpu", on_long="error", observer=seen) as model:
        for way in WAYS.values():
            seen.stages.clear()
            found = way(model, texts)
            same(found, wanted)
            assert seen.stages == Counter(one.stage for one in found)
        with pytest.raises(DataError, match=r"Text 42 has .* the model reads 64"):
            model.predict([*texts, LONG])
        with pytest.raises(DataError, match="the model reads 64"):
            gathered(model, [LONG])


def test_a_refusal_by_a_later_stage_counts_from_the_callers_first(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    steps: Sequence[Step] = [("wide", "fp32", 1.0), ("narrow", "fp32", None)]
    out = cascade(tmp_path / "b", {"wide": tiny_bundle, "narrow": cheap_bundle}, steps)
    texts = [*["the cat"] * 9, *TEXTS[:30], "the cat " * 20]
    with (
        edgeft.load(out, device="cpu", on_long="error") as model,
        pytest.raises(DataError, match=f"Text {len(texts) - 1} has 42 tokens; the model reads 32"),
    ):
        model.predict(texts)
