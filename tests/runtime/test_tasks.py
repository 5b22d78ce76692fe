"""Tasks that tell of tokens, and one with two outputs, on graphs that look up each row."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from edgeft.errors import BundleError, IntegrityError, UsageError
from edgeft.inputs import Input, Pair, Question
from edgeft.runtime import assemble as loading
from edgeft.runtime import opening, runner
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks import FOREIGN_TASK, task_named
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.entities import TASK as ENTITIES
from edgeft.tasks.foreign import TASK as FOREIGN
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Outputs, ragged
from edgeft.tasks.task import LabelNames
from tests import lookup, tiny
from tests.bundles import with_variant
from tests.lookup import ENDS, STARTS, TAGS
from tests.observing import Seen


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tagger") / "bundle"
    return lookup.bundle(out, "token-classification", tiny.TAGS, {"logits": TAGS})


TEXTS = ["the cat won", "", "sun and rain fell on the red river", *(["the dog ran"] * 3),
         " ".join(tiny.WORDS * 3), "中文 the 👍🏽"]  # fmt: skip


def open_here(bundle: Path, **more: Any) -> edgeft.Model:
    return edgeft.load(bundle, device="cpu", variant="fp32", threads=1, verify="off", **more)


def test_tokens_get_their_own_rows_whatever_stands_beside_them(tagger: Path) -> None:
    with open_here(tagger) as model:
        assert model.task is ENTITIES
        encoded, outputs = model.outputs(TEXTS)
        assert len(encoded[-2].parts) > 2  # long texts are read in windows, as suits the task
        assert all(one.parts[0].offsets is not None for one in encoded)
        for one, rows in zip(encoded, ragged(outputs, "logits"), strict=True):
            own = [part.ids[at] for part in one.parts for at in part.own[-part.fresh or None :]]
            np.testing.assert_array_equal(rows, TAGS[own] if one.parts[0].fresh else rows[:0])
        _, alone = model.outputs(TEXTS, alone=True)
        for one, other in zip(ragged(outputs, "logits"), ragged(alone, "logits"), strict=True):
            np.testing.assert_array_equal(one, other)
        assert ragged(model.outputs([])[1], "logits") == []


def test_every_way_to_ask_gives_the_same_entities(tagger: Path) -> None:
    with open_here(tagger) as model:
        together = model.predict(TEXTS)
        assert any(len(one) for one in together)
        assert [model.predict(text) for text in TEXTS] == together
        assert list(model.stream(iter(TEXTS), group=2)) == together

        async def ask() -> list[Any]:
            return list(await asyncio.gather(*map(model.apredict, TEXTS)))

        assert asyncio.run(ask()) == together
        for text, found in zip(TEXTS, together, strict=True):
            assert all(text[one.start : one.end] == one.text for one in found)


def test_golden_answers_of_tokens_are_held(tagger: Path, tmp_path: Path) -> None:
    with edgeft.load(tagger, device="cpu") as model:
        golden = model.manifest.model.variants["fp32"].golden
        assert len(model.predict("the cat")) >= 0
    rows = [list(row) for row in golden.outputs["logits"]]
    rows[0][7] += 0.1
    other = replace(golden, outputs={"logits": tuple(map(tuple, rows))})
    with pytest.raises(IntegrityError, match=r"differ by up to 0\.1"):
        edgeft.load(with_variant(tagger, tmp_path / "b", "fp32", golden=other), device="cpu")


def test_settings_are_those_of_the_task(tagger: Path, tiny_bundle: Path) -> None:
    with open_here(tagger, min_score=0.9, aggregation="max") as model:
        assert (model.head.min_score, model.head.aggregation) == (0.9, "max")
        few = sum(map(len, model.predict(TEXTS)))
    with open_here(tagger) as model:
        assert few < sum(map(len, model.predict(TEXTS)))
    with pytest.raises(UsageError, match="A token-classification bundle has no top_k") as caught:
        open_here(tagger, top_k=3)
    assert "aggregation, min_score" in caught.value.hint
    with pytest.raises(UsageError, match="min_score is 2; it must be"):
        open_here(tagger, min_score=2)
    with pytest.raises(UsageError, match="A text-classification bundle has no min_score"):
        open_here(tiny_bundle, min_score=0.5)


def test_another_task_than_the_bundles_is_an_error(tagger: Path) -> None:
    with open_here(tagger, task="token-classification", overlap=3) as model:
        assert len(model.runner.encode(TEXTS[-2:-1])[0].parts) > 2
    with pytest.raises(UsageError, match="of the task token-classification, not text-class"):
        open_here(tagger, task="text-classification")
    with pytest.raises(UsageError, match="There is no task 'stance'"):
        open_here(tagger, task="stance")
    with pytest.raises(TypeError, match="must be a str, not Pair"):
        open_here(tagger).predict([Pair("a", "b")])


def test_a_graph_that_tells_of_texts_is_none_of_tokens(tmp_path: Path) -> None:
    bundle = lookup.bundle(
        tmp_path / "b", "token-classification", tiny.TAGS, {"logits": STARTS}, answers=False
    )
    with pytest.raises(
        BundleError, match=r"for token-classification: its output 'logits' is .* for 5 labels"
    ):
        open_here(bundle)


# --- two outputs, of a task that is made here -----------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """All tokens of an input's parts, one part behind the other."""
    joined: dict[str, list[Any]] = {}
    for name in outputs:
        rows, begin = ragged(outputs, name), 0
        joined[name] = []
        for one in encoded:
            joined[name].append(np.concatenate(rows[begin : begin + len(one.parts)]))
            begin += len(one.parts)
    return joined  # type: ignore[return-value]


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Any]:
    """Where the best start lies in each context, as a span of its characters."""
    found = []
    for one, starts in zip(encoded, ragged(outputs, "start_logits"), strict=True):
        own = np.concatenate([np.isin(np.arange(len(p.ids)), p.own) for p in one.parts])
        spans = [span for part in one.parts for span in part.offsets or []]
        best = int(np.where(own, starts, -np.inf).argmax())
        found.append((spans[best], one.truncated) if own.any() else None)
    return found


SPANS = replace(
    FOREIGN,
    noun="finder of spans",
    alike="same span",
    alike_is="",
    outputs={"start_logits": ("inputs", "tokens"), "end_logits": ("inputs", "tokens")},
    takes=(Question,),
    join=_join,
    decode=_decode,
)
ASKED = [
    Question("who won?", "the team won the game on a quiet day"),
    Question("who won?", ""),
    Question("what fell?", " ".join(tiny.WORDS * 4)),
    Question("who won?", "the team won the game on a quiet day"),
]


@pytest.fixture
def finder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def named(name: str, takes: str = "") -> Any:
        return SPANS if name == FOREIGN_TASK else task_named(name)

    monkeypatch.setattr(loading, "task_named", named)
    monkeypatch.setattr(opening, "task_named", named)
    tables = {"start_logits": STARTS, "end_logits": ENDS}
    return lookup.bundle(tmp_path / "finder", FOREIGN_TASK, (), tables)


def test_questions_are_answered_from_two_outputs(finder: Path) -> None:
    seen = Seen()
    with open_here(finder, observer=seen) as model:
        encoded, outputs = model.outputs(ASKED)
        assert sum(map(len, seen.runs)) == sum(len(one.parts) for one in encoded[:3])
        for at, one in enumerate(encoded):
            ids = [one_id for part in one.parts for one_id in part.ids]
            types = np.concatenate([part.types or [0] * len(part.ids) for part in one.parts])
            for name, table in (("start_logits", STARTS), ("end_logits", ENDS)):
                expected = table[ids] + np.float32(0.5) * types.astype(np.float32)
                np.testing.assert_allclose(ragged(outputs, name)[at], expected, atol=1e-6)
        together = model.predict(ASKED)
        assert together == [model.predict(one) for one in ASKED]
        assert together[1] is None
        assert len(encoded[2].parts) > 3

        async def ask() -> list[Any]:
            return list(await asyncio.gather(*map(model.apredict, ASKED)))

        assert asyncio.run(ask()) == together


RIVER, NIGHT = " ".join(tiny.WORDS * 4), " ".join(tiny.WORDS[::-1] * 4)


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that a tokenizer was given, as often as it was."""
    found: list[str] = []
    run = TextEncoder._run

    def keep(self: TextEncoder, texts: Sequence[str], **more: Any) -> list[Any]:
        found.extend(texts)
        return run(self, texts, **more)

    monkeypatch.setattr(TextEncoder, "_run", keep)
    return found


def test_many_questions_over_a_context_tokenize_it_once(
    finder: Path, tokenized: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Question(f"who won {at}?", RIVER) for at in range(30)]
    with open_here(finder) as model:
        alone = [model.predict(one) for one in asked]
        tokenized.clear()
        monkeypatch.setattr(runner, "GROUP_CHARACTERS", 4 * len(RIVER))  # ten groups
        assert model.predict(asked) == alone
        assert tokenized.count(RIVER) == 1
        assert len(tokenized) == 1 + len(asked)
        encoded, _ = model.outputs(asked)
        assert tokenized.count(RIVER) == 2  # nothing of the call before is kept
        assert encoded == [model.runner.encode([one])[0] for one in asked]


def test_no_more_than_one_context_is_kept(finder: Path, tokenized: list[str]) -> None:
    asked = [Question("who?", one) for one in (RIVER, RIVER, NIGHT, NIGHT, RIVER, "", RIVER)]
    with open_here(finder) as model:
        expected = [model.predict(one) for one in asked]
        tokenized.clear()
        assert list(model.stream(asked, group=1)) == expected
    assert (tokenized.count(RIVER), tokenized.count(NIGHT), tokenized.count("")) == (3, 1, 1)


def test_threads_keep_each_their_own_context(finder: Path) -> None:
    asked = {one: [Question(f"who {at}?", one) for at in range(40)] for one in (RIVER, NIGHT)}
    with open_here(finder) as model, ThreadPoolExecutor(4) as threads:
        expected = {one: [model.predict(each) for each in some] for one, some in asked.items()}
        both = [*asked, *asked]
        found = threads.map(lambda one: list(model.stream(asked[one], group=1)), both)
        assert list(found) == [expected[one] for one in both]


def test_what_is_no_question_is_told_with_a_way(finder: Path) -> None:
    with open_here(finder) as model:
        for wrong in ("who won?", Pair("a", "b")):
            with pytest.raises(
                TypeError, match=r"predict gets must be a Question, not .*Question\("
            ):
                model.predict(wrong)
        with pytest.raises(TypeError, match=r"inputs\[1\] must be a Question, not str: make it"):
            model.predict([ASKED[0], "who won?"])
        with pytest.raises(TypeError, match="apredict gets must be a Question"):
            asyncio.run(model.apredict("who won?"))
