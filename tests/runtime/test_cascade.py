"""Cascades: each text is answered once, in order, by the stage that its sureness says."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.errors import (
    UsageError,
)
from edgeft.inputs import Question
from tests.cascades import Step, cascade, moved
from tests.observing import Seen
from tests.runtime.asking import TEXTS, WAYS, expected, gathered, middle, same


@pytest.mark.parametrize("way", WAYS)
def test_each_text_is_answered_once_and_in_order(folder: Path, below: float, way: str) -> None:
    wanted = expected(folder, TEXTS, [("cheap", below), ("main", 0.0)])
    seen = Seen()
    with edgeft.load(folder, device="cpu", observer=seen) as model:
        assert (model.stages, model.variant) == (("cheap", "main"), "fp32+fp32")
        seen.stages.clear()
        found = WAYS[way](model, TEXTS)
    same(found, wanted)
    shares = Counter(one.stage for one in found)
    assert 30 < shares["cheap"] < 120
    assert seen.stages == shares


def test_many_texts_and_equal_ones(folder: Path) -> None:
    seen = Seen()
    with edgeft.load(folder, device="cpu", observer=seen) as model:
        alone = model.predict(TEXTS)
        seen.stages.clear()
        found = model.predict(TEXTS * 70)  # 10,500: three groups
    assert [one.label for one in found] == [one.label for one in alone] * 70
    assert [one.stage for one in found] == [one.stage for one in alone] * 70
    assert sum(seen.stages.values()) == 3 * len(TEXTS)  # each once in each group


@pytest.mark.parametrize(("least", "stage"), [(1.0, "main"), (0.0, "cheap")])
@pytest.mark.parametrize("way", WAYS)
def test_the_ends_of_the_range_are_one_stage_alone(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, least: float, stage: str, way: str
) -> None:
    steps: Sequence[Step] = [("cheap", "fp32", least), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"cheap": cheap_bundle, "main": tiny_bundle}, steps)
    with edgeft.load(out, device="cpu") as model:
        found = WAYS[way](model, TEXTS)
    assert {one.stage for one in found} == {stage}
    with edgeft.load(cheap_bundle if stage == "cheap" else tiny_bundle, variant="fp32") as model:
        same([replace(one, stage="") for one in found], model.predict(TEXTS))


def test_not_even_a_probability_of_one_is_sure_where_the_last_is_always_asked(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    record = read_manifest(tiny_bundle).model
    certain = moved(replace(record, head=replace(record.head, temperature=1e-3)), "models/cheap")
    for least, stage in ((1.0, "main"), (0.999, "cheap")):
        steps: Sequence[Step] = [("cheap", "fp32", least), ("main", "fp32", None)]
        bundles = {"cheap": tiny_bundle, "main": tiny_bundle}
        out = cascade(tmp_path / stage, bundles, steps, cheap=certain)
        with edgeft.load(out, device="cpu", variant="cheap") as alone:
            assert alone.predict(TEXTS[0]).score == 1.0
        with edgeft.load(out, device="cpu") as model:
            assert model.predict(TEXTS[0]).stage == model.predict(TEXTS[:2])[0].stage == stage


def test_nothing_and_one_and_the_empty_text(folder: Path) -> None:
    with edgeft.load(folder, device="cpu") as model:
        assert model.predict([]) == []
        assert list(model.stream([])) == []
        (only,) = model.predict([""])
        same([model.predict("")], [only])
        assert only.stage in model.stages
        encoded, outputs = model.outputs([])
        assert (encoded, np.shape(outputs["logits"])) == ([], (0, 3))


@pytest.mark.parametrize("way", WAYS)
def test_no_neighbour_touches_an_answer_or_which_stage_gives_it(
    tmp_path: Path, tiny_bundle: Path, way: str
) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="int8") as batched:
        assert not batched.batch_invariant
        alone = [batched.predict(one) for one in TEXTS]
        touched = [
            abs(one.score - other.score)
            for one, other in zip(batched.predict(TEXTS), alone, strict=True)
        ]
    assert max(touched) > 1e-4  # so what follows is not for nothing
    scores = sorted({one.score for one in alone})
    at = len(scores) // 2
    least = (scores[at - 1] + scores[at]) / 2  # a little more or less, and the other one answers
    steps: Sequence[Step] = [("main", "int8", least), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"main": tiny_bundle}, steps)
    with edgeft.load(out, device="cpu") as model:
        assert model.batch_invariant
        found = WAYS[way](model, TEXTS)
    for one, its in zip(found, alone, strict=True):
        assert one.stage == ("main int8" if its.score >= least else "main fp32")
        if one.stage == "main int8":
            assert one.score == pytest.approx(its.score, abs=1e-6)


def test_three_stages_two_of_them_variants_of_one_model(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, below: float
) -> None:
    least = middle(tiny_bundle, "int8")
    steps: Sequence[Step] = [
        ("cheap", "fp32", below), ("main", "int8", least), ("main", "fp32", None),
    ]  # fmt: skip
    out = cascade(tmp_path / "b", {"cheap": cheap_bundle, "main": tiny_bundle}, steps)
    names = ("cheap", "main int8", "main fp32")
    with edgeft.load(out, device="cpu") as model:
        assert (model.stages, model.variant) == (names, "fp32+int8+fp32")
        found = [WAYS[way](model, TEXTS) for way in ("predict", "apredict", "one")]
    wanted = expected(
        out, TEXTS, list(zip(names, (below, least, 0.0), strict=True)), batch_invariant=True
    )
    for some in found:
        same(some, wanted)
    assert {one.stage for one in wanted} == set(names)


def test_temperatures_of_stages_reach_scores_and_sureness(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    warm = {}
    for name, bundle, temperature in (("cheap", cheap_bundle, 3.0), ("main", tiny_bundle, 0.5)):
        record = read_manifest(bundle).model
        warm[name] = replace(record, head=replace(record.head, temperature=temperature))
    warm["cheap"] = moved(warm["cheap"], "models/cheap")
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    least = middle(cascade(tmp_path / "first", bundles, steps, **warm), "cheap")
    steps = [("cheap", "fp32", least), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", bundles, steps, **warm)
    wanted = expected(out, TEXTS, [("cheap", least), ("main", 0.0)])
    assert {one.stage for one in wanted} == {"cheap", "main"}
    with edgeft.load(out, device="cpu") as model:
        for way in ("predict", "apredict", "one"):
            same(WAYS[way](model, TEXTS), wanted)


def test_entities(tmp_path: Path, tagger_bundle: Path) -> None:
    steps: Sequence[Step] = [("main", "int8", 0.5), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"main": tagger_bundle}, steps)
    texts = TEXTS
    with edgeft.load(out, task="token-classification", device="cpu") as model:
        found = model.predict(texts)
        assert [one.stage for one in gathered(model, texts)] == [one.stage for one in found]
        shown = model.task.show(found[0], False)
    assert shown["stage"] == found[0].stage
    assert {one.stage for one in found} == {"main int8", "main fp32"}
    for name in ("int8", "fp32"):
        with edgeft.load(out, device="cpu", variant=name, batch_invariant=True) as alone:
            for one, other in zip(found, alone.predict(texts), strict=True):
                if one.stage == f"main {name}":
                    assert [(it.label, it.start, it.end) for it in one] == [
                        (it.label, it.start, it.end) for it in other
                    ]


def test_answers(tmp_path: Path, answerer_bundle: Path) -> None:
    asked = [Question("what fell?", text) for text in TEXTS]
    with edgeft.load(answerer_bundle, device="cpu", variant="int8", batch_invariant=True) as alone:
        int8 = alone.predict(asked)
    least = float(np.median([one.score for one in int8]))
    steps: Sequence[Step] = [("main", "int8", least), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"main": answerer_bundle}, steps)
    with edgeft.load(out, device="cpu") as model:
        found = model.predict(asked)
    with edgeft.load(answerer_bundle, device="cpu", variant="fp32") as alone:
        fp32 = alone.predict(asked)
    for one, cheap, full in zip(found, int8, fp32, strict=True):
        stage = "main int8" if cheap.score >= least else "main fp32"
        assert one.stage == stage
        assert (one.start, one.end) == ((cheap if stage == "main int8" else full).start, one.end)


def test_first_parts_are_a_single_models(folder: Path) -> None:
    with (
        edgeft.load(folder, device="cpu") as model,
        pytest.raises(UsageError, match="no first part"),
    ):
        model.outputs(["the cat"], cut=True)


def test_shown_with_its_stage(folder: Path) -> None:
    with edgeft.load(folder, device="cpu") as model:
        found = model.predict("the cat")
        shown = json.loads(json.dumps(model.task.show(found, False)))
    assert shown["stage"] == found.stage


def test_labels(tmp_path: Path, labeller_bundle: Path) -> None:
    with edgeft.load(labeller_bundle, device="cpu", variant="int8", batch_invariant=True) as alone:
        cheap = alone.predict(TEXTS)
    with edgeft.load(labeller_bundle, device="cpu", variant="fp32") as alone:
        full = alone.predict(TEXTS)
    sure = [min(max(score, 1 - score) for score in one.scores.values()) for one in cheap]
    below = (min(sure) + max(sure)) / 2
    steps: Sequence[Step] = [("main", "int8", below), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"main": labeller_bundle}, steps)
    with edgeft.load(out, device="cpu", batch_invariant=True) as model:
        found = model.predict(TEXTS)
    for mine, one, other, its in zip(found, cheap, full, sure, strict=True):
        assert mine.stage == ("main int8" if its >= below else "main fp32")
        assert mine.labels == (one if its >= below else other).labels
    assert len({one.stage for one in found}) == 2
