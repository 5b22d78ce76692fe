"""Pairs that are judged in both orders."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgeft
from edgeft.cli import main
from edgeft.errors import UsageError
from edgeft.inputs import Pair
from edgeft.tasks.encoded import Encoded, Part, in_both_orders

LONG = "the cat " * 60
PAIRS = [Pair("狗 在 跑", "猫 睡觉 🐕"), Pair("the cat", ""), Pair("", ""), Pair(LONG, "red sun"),
         Pair("red", LONG), Pair(LONG, "sun " * 50), Pair("a", "a")]  # fmt: skip
TURNED = [Pair(one.second, one.first) for one in PAIRS]


def open_here(bundle: Path, **more: object) -> edgeft.Model:
    return edgeft.load(bundle, device="cpu", variant="fp32", **more)  # type: ignore[call-overload]


def test_both_orders_get_the_mean_of_their_logits(pair_bundle: Path) -> None:
    with open_here(pair_bundle) as one, open_here(pair_bundle, symmetric=True) as both:
        plain, turned = (one.outputs(some)[1]["logits"] for some in (PAIRS, TURNED))
        found = both.outputs(PAIRS)[1]["logits"]
        np.testing.assert_allclose(found, (plain + turned) / 2, rtol=1e-5, atol=1e-6)
        assert np.abs(plain - turned).max() > 0.01
        answers = both.predict(PAIRS)
        for a, b in zip(answers, both.predict(TURNED), strict=True):
            assert (a.label, a.windows, a.truncated) == (b.label, b.windows, b.truncated)
            assert a.score == pytest.approx(b.score, abs=1e-6)
            assert a.cut == b.cut[::-1]
        assert [one.windows for one in answers] == [1] * len(PAIRS)
        assert [one.truncated for one in answers] == [False] * 3 + [True] * 3 + [False]

        async def ask() -> list[edgeft.Classification]:
            return list(await asyncio.gather(*map(both.apredict, PAIRS)))

        for some in (asyncio.run(ask()), [both.predict(one) for one in PAIRS]):
            for a, b in zip(some, answers, strict=True):
                assert a.score == pytest.approx(b.score, abs=1e-5)


def test_the_loss_of_each_text_is_told(pair_bundle: Path) -> None:
    with open_here(pair_bundle) as model:
        first, second, both = model.predict(PAIRS[3:6])
        assert (first.cut[1], second.cut[0]) == (0, 0)
        assert first.cut[0] == 120 + 2 + 3 - 64
        assert sum(both.cut) == 120 + 50 + 3 - 64
        assert min(both.cut) > 0
        assert model.task.show(first, False)["cut"] == list(first.cut)
        assert "cut" not in model.task.show(model.predict(PAIRS[0]), False)


def test_windows_of_either_order_weigh_half() -> None:
    one = Encoded((Part([1, 2], range(1, 2), 5), Part([1, 3], range(1, 2), 3)), cuts=(2, 0))
    other = Encoded((Part([2, 1], range(1, 2), 7),), truncated=True, cut=3, cuts=(3, 0))
    found = in_both_orders(one, other)
    weights = [part.fresh for part in found.parts]
    assert sum(weights[:2]) == weights[2]
    assert weights[0] / weights[1] == 5 / 3
    assert (found.orders, found.windows, found.truncated, found.cuts) == (2, 2, True, (2, 3))


def test_ranking_in_both_orders(pair_bundle: Path) -> None:
    texts = ["the cat", "狗", "red sun", ""]
    with open_here(pair_bundle, symmetric=True) as model:
        scores = [model.predict(Pair(one, "sun")).scores["yes"] for one in texts]
        for one in model.rank("sun", texts):
            assert one.score == pytest.approx(scores[one.index], abs=1e-6)


def test_vectors_have_no_order(encoder_bundle: Path) -> None:
    with pytest.raises(UsageError, match="the same in both orders") as caught:
        open_here(encoder_bundle, symmetric=True)
    assert "pair_prompts" in caught.value.hint


def test_what_takes_no_pairs_is_not_symmetric(tagger_bundle: Path, pair_bundle: Path) -> None:
    with pytest.raises(UsageError, match="symmetric is for pairs of texts, and this entity tagger"):
        open_here(tagger_bundle, symmetric=True)
    with pytest.raises(UsageError, match="option symmetric"):
        open_here(pair_bundle, symmetric="yes")


def test_at_the_command_line(pair_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = [f'"{one.first}","{one.second}",{("no", "yes")[at % 2]}' for at, one in enumerate(PAIRS)]
    path.write_text("\n".join(["first,second,label", *rows[:1], *rows[3:]]), encoding="utf-8")
    options = ["--variant", "fp32", "--symmetric"]
    found = CliRunner().invoke(main, ["predict", str(pair_bundle), str(path), *options])
    with open_here(pair_bundle, symmetric=True) as model:
        wanted = model.predict([PAIRS[0], *PAIRS[3:]])
        answers = [json.loads(line) for line in found.stdout.splitlines()]
        assert [one["label"] for one in answers] == [one.label for one in wanted]
    told = "Cut to 64 tokens: 2 pairs in the first text, 2 in the second."
    assert told in " ".join(found.stderr.split())
    scored = CliRunner().invoke(main, ["eval", str(pair_bundle), str(path), *options, "--json"])
    assert json.loads(scored.stdout)["variants"]["fp32"]["rows"] == 5
    assert told in " ".join(scored.stderr.split())
