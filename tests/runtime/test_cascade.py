"""Cascades: each text is answered once, in order, by the stage that its sureness says."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from edgeft.bundle import read_manifest
from edgeft.errors import (
    BundleError,
    ClosedError,
    DataError,
    IntegrityError,
    OverloadError,
    RunError,
    UsageError,
)
from edgeft.inputs import Question
from edgeft.tasks.encoded import Part
from tests import tiny
from tests.bundles import with_file
from tests.cascades import Step, cascade, moved
from tests.conftest import Make
from tests.exporting import ExportConfig, export
from tests.observing import Seen

TEXTS = [" ".join(tiny.WORDS[i % 29 : i % 29 + 1 + i % 11]) + " x" * (i % 7) for i in range(150)]
LONG = "the cat sat on the mat and the dog fell " * 20  # beyond 64 tokens


@pytest.fixture(scope="session")
def cheap_bundle(made_once: Make) -> Path:
    """Another model of the same labels, which knows less of a text: 32 tokens."""

    def write(out: Path) -> None:
        checkpoint = tiny.bert(out.parent / "checkpoint", seed=3, positions=32)
        export(ExportConfig(str(checkpoint), out))

    return made_once("cheap-bundle", write)


def middle(bundle: Path, variant: str = "fp32") -> float:
    """A sureness that about half of TEXTS have."""
    with edgeft.load(bundle, device="cpu", variant=variant) as model:
        scores = sorted({one.score for one in model.predict(TEXTS)})
    at = len(scores) // 2
    return (scores[at - 1] + scores[at]) / 2


@pytest.fixture(scope="session")
def below(cheap_bundle: Path) -> float:
    return middle(cheap_bundle)


@pytest.fixture(scope="session")
def folder(made_once: Make, cheap_bundle: Path, tiny_bundle: Path, below: float) -> Path:
    """A cheap model where it is sure, else the full one."""
    steps: Sequence[Step] = [("cheap", "fp32", below), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    return made_once("cascade-bundle", lambda out: cascade(out, bundles, steps))


def expected(
    folder: Path, texts: Sequence[Any], stages: Sequence[tuple[str, float]], **how: Any
) -> list[Any]:
    """What the stages say one by one: the first that is sure enough."""
    found: list[Any] = [None] * len(texts)
    for name, least in stages:
        with edgeft.load(folder, device="cpu", variant=name, **how) as model:
            assert model.stages == ()
            for at, one in enumerate(model.predict(list(texts))):
                if found[at] is None and one.score >= least:
                    found[at] = replace(one, stage=name)
    return found


def same(found: Sequence[Any], wanted: Sequence[Any]) -> None:
    """Labels, stages and what is told of texts are equal, scores but for another batch."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert replace(one, score=0.0, scores={}) == replace(other, score=0.0, scores={})


def gathered(model: edgeft.Model, texts: Sequence[Any]) -> list[Any]:
    async def work() -> list[Any]:
        async with asyncio.timeout(60):
            return await asyncio.gather(*map(model.apredict, texts))

    return asyncio.run(work())


def by_threads(model: edgeft.Model, texts: Sequence[Any]) -> list[Any]:
    found: dict[int, list[Any]] = {}

    def work(at: int) -> None:
        found[at] = model.predict(texts[at::4])

    threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [found[at % 4][at // 4] for at in range(len(texts))]


WAYS: dict[str, Callable[[edgeft.Model, Sequence[Any]], list[Any]]] = {
    "predict": lambda model, texts: model.predict(list(texts)),
    "one": lambda model, texts: [model.predict(one) for one in texts],
    "stream": lambda model, texts: list(model.stream(iter(texts))),
    "small groups": lambda model, texts: list(model.stream(iter(texts), group=7)),
    "apredict": gathered,
    "threads": by_threads,
}


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
    if len(set(TEXTS)) == len(TEXTS):
        assert seen.stages == shares


def test_many_texts_and_equal_ones(folder: Path) -> None:
    seen = Seen()
    with edgeft.load(folder, device="cpu", observer=seen) as model:
        alone = model.predict(TEXTS)
        seen.stages.clear()
        found = model.predict(TEXTS * 70)  # 10,500: three groups
    assert [one.label for one in found] == [one.label for one in alone] * 70
    assert [one.stage for one in found] == [one.stage for one in alone] * 70
    assert sum(seen.stages.values()) == 3 * len(set(TEXTS))  # each once in each group


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


def test_texts_are_encoded_anew_only_where_the_next_stage_reads_other_tokens(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    texts = [*dict.fromkeys(TEXTS), LONG]
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


def test_three_stages_two_of_them_variants_of_one_model(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, below: float
) -> None:
    least = middle(tiny_bundle, "int8")
    steps: Sequence[Step] = [
        ("cheap", "fp32", below), ("main", "int8", least), ("main", "fp32", None),
    ]  # fmt: skip
    out = cascade(tmp_path / "b", {"cheap": cheap_bundle, "main": tiny_bundle}, steps)
    names = ("cheap", "main int8", "main fp32")
    with edgeft.load(out, device="cpu", batch_invariant=True) as model:
        assert (model.stages, model.variant) == (names, "fp32+int8+fp32")
        assert not model.batch_invariant
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
    texts = list(dict.fromkeys(TEXTS))
    with edgeft.load(out, task="token-classification", device="cpu", batch_invariant=True) as model:
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
    asked = [Question("what fell?", text) for text in dict.fromkeys(TEXTS)]
    with edgeft.load(answerer_bundle, device="cpu", variant="int8", batch_invariant=True) as alone:
        int8 = alone.predict(asked)
    least = float(np.median([one.score for one in int8]))
    steps: Sequence[Step] = [("main", "int8", least), ("main", "fp32", None)]
    out = cascade(tmp_path / "b", {"main": answerer_bundle}, steps)
    with edgeft.load(out, device="cpu", batch_invariant=True) as model:
        found = model.predict(asked)
    with edgeft.load(answerer_bundle, device="cpu", variant="fp32") as alone:
        fp32 = alone.predict(asked)
    for one, cheap, full in zip(found, int8, fp32, strict=True):
        stage = "main int8" if cheap.score >= least else "main fp32"
        assert one.stage == stage
        assert (one.start, one.end) == ((cheap if stage == "main int8" else full).start, one.end)


# --- loading -------------------------------------------------------------------------------


def test_what_a_variant_may_name(folder: Path) -> None:
    for name, variant in (("cheap", "fp32"), ("int8", "int8"), ("main", "fp32")):
        with edgeft.load(folder, device="cpu", variant=name) as model:
            assert (model.stages, model.variant) == ((), variant)
            assert model.predict("the cat").stage == ""
    with edgeft.load(folder, device="cpu", variant="cascade") as model:
        assert model.stages == ("cheap", "main")
    with pytest.raises(UsageError, match=r"cascade of cheap and main.*no 'fp16'") as caught:
        edgeft.load(folder, device="cpu", variant="fp16")
    assert "fp32, int8" in caught.value.hint


def test_the_task_and_settings_are_those_of_the_bundle(folder: Path) -> None:
    with edgeft.load(folder, device="cpu", task="text-classification") as model:
        assert model.labels == tiny.LABELS
    with pytest.raises(UsageError, match="is of the task text-classification"):
        edgeft.load(folder, device="cpu", task="token-classification")
    with pytest.raises(UsageError, match="has no min_score"):
        edgeft.load(folder, device="cpu", min_score=0.5)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_a_damaged_stage_is_named(folder: Path, tmp_path: Path, file: str) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (path,) = (copy / "models" / "cheap").rglob(file)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be loaded: .* sha256"):
        edgeft.load(copy, device="cpu")
    path.unlink()
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be loaded: .*No such file"):
        edgeft.load(copy, device="cpu", verify="off")


@pytest.mark.parametrize("stage", ["cheap", "main"])
def test_golden_answers_of_each_stage_are_held(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path, stage: str
) -> None:
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    record = read_manifest(bundles[stage]).model
    fp32 = record.variants["fp32"]
    rows = tuple(tuple(-value for value in row) for row in fp32.golden.outputs["logits"])
    wrong = replace(fp32, golden=replace(fp32.golden, outputs={"logits": rows}))
    other = replace(record, variants={**record.variants, "fp32": wrong})
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    changes = {stage: moved(other, "models/cheap") if stage == "cheap" else other}
    out = cascade(tmp_path / "b", bundles, steps, **changes)
    with pytest.raises(IntegrityError, match=f"stage '{stage}' cannot be .* does not answer as r"):
        edgeft.load(out, device="cpu")
    with edgeft.load(out, device="cpu", verify="off") as model:
        assert model.predict("the cat").label in tiny.LABELS


def test_a_stage_without_golden_answers_is_named(
    tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path
) -> None:
    record = moved(read_manifest(cheap_bundle).model, "models/cheap")
    fp32 = record.variants["fp32"]
    bare = replace(fp32, golden=replace(fp32.golden, outputs={}))
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    out = cascade(tmp_path / "b", bundles, steps, cheap=replace(record, variants={"fp32": bare}))
    with pytest.raises(IntegrityError, match=r"stage 'cheap' cannot be .* records no golden"):
        edgeft.load(out, device="cpu")


def test_other_labels_are_refused(tmp_path: Path, tiny_bundle: Path, cheap_bundle: Path) -> None:
    record = moved(read_manifest(cheap_bundle).model, "models/cheap")
    steps: Sequence[Step] = [("cheap", "fp32", 0.5), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    out = cascade(
        tmp_path / "b", bundles, steps, cheap=replace(record, labels=("calm", "sad", "glad"))
    )
    with pytest.raises(BundleError, match=r"models\.cheap\.labels are not those of 'main'"):
        edgeft.load(out)


# --- failing, closing ------------------------------------------------------------------------


class Failing:
    """An engine whose calls fail, as where memory ran out."""

    def run(self, parts: Sequence[Part]) -> Any:
        raise RunError("out of memory")


@pytest.mark.parametrize("stage", [0, 1])
def test_a_failing_engine_fails_who_needs_it(folder: Path, stage: int) -> None:
    with edgeft.load(folder, device="cpu") as model:
        before = model.predict(TEXTS)
        runner: Any = model.runner.stages[stage].runner  # type: ignore[union-attr]
        runner._engine = Failing()
        with pytest.raises(RunError, match="out of memory"):
            model.predict(TEXTS)

        async def work() -> list[Any]:
            async with asyncio.timeout(60):
                return await asyncio.gather(*map(model.apredict, TEXTS), return_exceptions=True)

        for one, other in zip(asyncio.run(work()), before, strict=True):
            if stage == 0 or other.stage == "main":
                assert isinstance(one, RunError)
            else:
                assert one.label == other.label


def test_too_many_waiting_are_refused_wherever_they_wait(folder: Path) -> None:
    with edgeft.load(folder, device="cpu", max_waiting=20) as model:

        async def work() -> list[Any]:
            async with asyncio.timeout(60):
                return await asyncio.gather(*map(model.apredict, TEXTS), return_exceptions=True)

        found = asyncio.run(work())
        refused = [isinstance(one, OverloadError) for one in found]
        assert any(refused)
        wanted = [one for one, no in zip(model.predict(TEXTS), refused, strict=True) if not no]
        same([one for one, no in zip(found, refused, strict=True) if not no], wanted)
        assert model._sharing()._waiting == 0


def test_a_caller_that_gives_up_leaves_room(folder: Path) -> None:
    with edgeft.load(folder, device="cpu", max_waiting=3) as model:

        async def work() -> None:
            async with asyncio.timeout(60):
                for _ in range(40):
                    tasks = [asyncio.create_task(model.apredict(one)) for one in TEXTS[:3]]
                    await asyncio.sleep(0)
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.gather(*map(model.apredict, TEXTS[:3]))

        asyncio.run(work())
        assert model._sharing()._waiting == 0


def test_closing_frees_all_stages(folder: Path) -> None:
    model = edgeft.load(folder, device="cpu")
    gathered(model, TEXTS[:5])
    model.close()
    for call in (
        lambda: model.predict("the cat"),
        lambda: model.predict(["the cat"]),
        lambda: list(model.stream(["the cat"])),
        lambda: gathered(model, ["the cat"]),
    ):
        with pytest.raises(ClosedError):
            call()


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
