"""apredict: the same answers, shared batches, and nothing that hangs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from edgeft.errors import ClosedError, DataError, DeadlineError, OverloadError, RunError
from edgeft.runtime.engine import Engine
from edgeft.tasks.encoded import Part
from tests import tiny
from tests.encoded import parts

TEXTS = [" ".join(tiny.WORDS[i % 20 : i % 20 + 1 + i % 11]) for i in range(120)]


class Gate:
    """The model's own engine behind a gate, which counts and can fail."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.open, self.batches = engine, threading.Event(), [0][:0]
        self.entered = threading.Event()
        self.error: Exception | None = None
        self.open.set()

    def run(self, parts: Sequence[Part]) -> Any:
        self.entered.set()
        assert self.open.wait(30)
        self.batches.append(len(parts))
        if self.error is not None:
            raise self.error
        return self.engine.run(parts)


@pytest.fixture
def model(tiny_bundle: Path) -> Iterator[edgeft.Model]:
    with edgeft.load(
        tiny_bundle, device="cpu", variant="fp32", threads=1, max_waiting=200
    ) as model:
        yield model


@pytest.fixture
def gate(model: edgeft.Model) -> Iterator[Gate]:
    gate = Gate(model.runner.usable())
    model.runner._engine = gate  # type: ignore[assignment]
    yield gate
    gate.open.set()


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(bounded())


async def settled(gate: Gate) -> None:
    """Wait until the engine is busy, and all other tasks have asked."""
    await asyncio.to_thread(gate.entered.wait, 30)
    await asyncio.sleep(0.02)


def test_the_answers_are_those_of_predict(model: edgeft.Model) -> None:
    answers = run(lambda: asyncio.gather(*map(model.apredict, TEXTS)))
    expected = model.predict(TEXTS)
    assert [one.label for one in answers] == [one.label for one in expected]
    np.testing.assert_allclose(
        [one.score for one in answers], [one.score for one in expected], atol=1e-5
    )


def test_texts_that_gather_share_batches(model: edgeft.Model, gate: Gate) -> None:
    async def work() -> None:
        gate.open.clear()
        first = asyncio.create_task(model.apredict("the cat"))
        await settled(gate)
        rest = [asyncio.create_task(model.apredict("sun and rain")) for _ in range(50)]
        await asyncio.sleep(0.02)
        gate.open.set()
        await asyncio.gather(first, *rest)

    run(work)
    assert gate.batches[0] == 1  # found nothing going on, and was not kept waiting
    assert sum(gate.batches) == 51
    assert max(gate.batches) == 50


def test_many_event_loops_share_one_model(model: edgeft.Model) -> None:
    expected = [one.label for one in model.predict(TEXTS)]
    found: list[list[str]] = []

    def loop() -> None:
        answers = run(lambda: asyncio.gather(*map(model.apredict, TEXTS[:60])))
        found.append([one.label for one in answers])

    threads = [threading.Thread(target=loop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [expected[:60]] * 3


def test_a_failing_engine_fails_its_callers_at_once_and_the_next_go_on(
    model: edgeft.Model, gate: Gate
) -> None:
    gate.error = RunError("out of memory")

    async def work() -> list[Any]:
        failed = await asyncio.gather(*map(model.apredict, TEXTS[:20]), return_exceptions=True)
        gate.error = None
        return [failed, await model.apredict("the cat")]

    failed, after = run(work)
    assert all(isinstance(one, RunError) and "out of memory" in str(one) for one in failed)
    assert after.label in tiny.LABELS


def test_a_panic_reaches_every_caller(model: edgeft.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        """What a native library raises past every ``except Exception``."""

    def panic(*_: object) -> Any:
        raise Panic("the tokenizer broke")

    monkeypatch.setattr(model.runner.encoder, "encode", panic)
    failed = run(lambda: asyncio.gather(*map(model.apredict, TEXTS[:9]), return_exceptions=True))
    assert all(isinstance(one, RunError) for one in failed)
    assert "the tokenizer broke" in str(failed[0])


def test_a_real_failure_of_onnxruntime_is_one_clear_error(model: edgeft.Model) -> None:
    with pytest.raises(RunError, match="failed on a batch of 1 texts of 3 tokens"):
        model.runner.run(parts([2, 10**6, 3]))  # an id beyond the vocabulary
    assert model.predict("the cat").label in tiny.LABELS


def test_a_deadline_ends_the_wait_but_not_the_model(model: edgeft.Model, gate: Gate) -> None:
    async def work() -> Any:
        gate.open.clear()
        with pytest.raises(DeadlineError, match=r"within 0\.05 s"):
            await model.apredict("the cat", timeout_s=0.05)
        gate.open.set()
        return await model.apredict("the cat", timeout_s=30)

    assert run(work).label in tiny.LABELS


def test_a_cancelled_call_leaves_the_queue(model: edgeft.Model, gate: Gate) -> None:
    async def work() -> None:
        gate.open.clear()
        first = asyncio.create_task(model.apredict("the cat"))
        await settled(gate)
        gone = [asyncio.create_task(model.apredict(f"sun {i}")) for i in range(200)]
        await asyncio.sleep(0.02)
        with pytest.raises(OverloadError, match="200 texts are waiting"):
            await model.apredict("one more")
        for task in gone:
            task.cancel()
        results = await asyncio.gather(*gone, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in results)
        last = asyncio.create_task(model.apredict("there is room again"))
        await asyncio.sleep(0.02)
        gate.open.set()
        await asyncio.gather(first, last)

    run(work)
    assert gate.batches == [1, 1]  # what was given up was never run


def test_closing_fails_those_that_wait(model: edgeft.Model, gate: Gate) -> None:
    async def work() -> list[Any]:
        gate.open.clear()
        tasks = [asyncio.create_task(model.apredict("the cat"))]
        await settled(gate)
        tasks += [asyncio.create_task(model.apredict(text)) for text in TEXTS[:20]]
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(asyncio.to_thread(model.close))
        await asyncio.sleep(0.02)
        gate.open.set()
        await closing
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, *rest = run(work)
    assert first.label in tiny.LABELS  # its batch was running, and ended
    assert all(isinstance(one, ClosedError) for one in rest)
    with pytest.raises(ClosedError):
        run(lambda: model.apredict("the cat"))


def test_a_caller_whose_loop_is_gone_harms_nobody(model: edgeft.Model, gate: Gate) -> None:
    async def leave() -> None:
        gate.open.clear()
        model._sharing().submit("the cat")
        await settled(gate)

    run(leave)
    gate.open.set()
    assert run(lambda: model.apredict("the dog")).label in tiny.LABELS


@pytest.mark.parametrize(
    ("text", "way"),
    [(["a"], "not list: many texts"), (b"a", "not bytes: decode it"), (None, "not None"),
     ({"text": "a"}, "not dict")],
)  # fmt: skip
def test_only_a_text_is_taken(model: edgeft.Model, text: object, way: str) -> None:
    with pytest.raises(TypeError, match=f"what apredict gets must be a str or a Pair, {way}"):
        run(lambda: model.apredict(text))  # type: ignore[arg-type]


def test_a_text_that_cannot_be_encoded_fails_nobody_elses(
    model: edgeft.Model, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = model.runner.encoder.encode

    def picky(texts: Sequence[str], *known: Any) -> Any:
        if "bad" in texts:
            raise ValueError("cannot be read")
        return encode(texts, *known)

    monkeypatch.setattr(model.runner.encoder, "encode", picky)

    async def ask() -> list[Any]:
        gate.open.clear()
        first = asyncio.ensure_future(model.apredict("the cat"))
        await settled(gate)  # so that the others are encoded together
        others = [asyncio.ensure_future(model.apredict(t)) for t in ["sun", "bad", "the dog"]]
        await asyncio.sleep(0.05)
        gate.open.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, one, bad, another = run(ask)
    assert {first.label, one.label, another.label} <= set(tiny.LABELS)
    assert isinstance(bad, ValueError)


def test_long_texts_are_treated_alike(tiny_bundle: Path) -> None:
    long = " ".join(tiny.WORDS * 6)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", on_long="window") as model:
        answers = run(lambda: asyncio.gather(*map(model.apredict, [long, "the cat", long])))
        assert [one.windows for one in answers] == [4, 1, 4]
        assert answers[0].score == pytest.approx(model.predict(long).score, abs=1e-5)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", on_long="error") as model:
        first, second = run(
            lambda: asyncio.gather(*map(model.apredict, ["cat", long]), return_exceptions=True)
        )
        assert first.label in tiny.LABELS
        assert isinstance(second, DataError)
