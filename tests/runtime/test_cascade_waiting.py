"""Inputs that wait for a stage: failures, too many of them, callers that leave, the end."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.errors import ClosedError, OverloadError, RunError
from edgeft.tasks.encoded import Part
from tests import tiny
from tests.cascades import Step, cascade
from tests.runtime.asking import TEXTS, gathered, same


class Failing:
    """An engine whose calls fail, as where memory ran out."""

    def run(self, parts: Sequence[Part]) -> Any:
        raise RunError("out of memory")


class Turnstile:
    """A stage's own engine, of which each call waits until it is let through."""

    def __init__(self, model: edgeft.Model, stage: int) -> None:
        runner: Any = model.runner.stages[stage].runner  # type: ignore[union-attr]
        self.engine = runner.usable()
        self.asked, self.let = threading.Semaphore(0), threading.Semaphore(0)
        self.runs = 0
        runner._engine = self

    def run(self, parts: Sequence[Part]) -> Any:
        self.asked.release()
        assert self.let.acquire(timeout=30)
        self.runs += 1
        return self.engine.run(parts)

    async def held(self) -> None:
        """Wait until the next call stands before it."""
        assert await asyncio.to_thread(self.asked.acquire, timeout=30)


@pytest.fixture(scope="module")
def doubting(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path, cheap_bundle: Path
) -> Path:
    """A cascade of which every text goes on to the second stage."""
    steps: Sequence[Step] = [("cheap", "fp32", 1.0), ("main", "fp32", None)]
    bundles = {"cheap": cheap_bundle, "main": tiny_bundle}
    return cascade(tmp_path_factory.mktemp("doubting") / "b", bundles, steps)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(bounded())


async def asking(model: edgeft.Model, texts: Sequence[str]) -> list["asyncio.Task[Any]"]:
    """Ask; what is asked stands in the queue when this returns."""
    tasks = [asyncio.create_task(model.apredict(one)) for one in texts]
    await asyncio.sleep(0)
    return tasks


async def waiting_for_the_second(
    model: edgeft.Model, second: Turnstile
) -> list["asyncio.Task[Any]"]:
    """Four callers: of one the second stage is being run, those of the others wait for it."""
    (before,) = await asking(model, TEXTS[:1])
    await second.held()
    tasks = await asking(model, TEXTS[1:5])  # they gather, and go through the first together
    second.let.release()
    await before
    await second.held()
    assert model._sharing()._waiting == 3
    return tasks


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


def test_a_caller_that_gives_up_between_stages_leaves_room_and_is_not_run(doubting: Path) -> None:
    with edgeft.load(doubting, device="cpu", batch_tokens=1, max_waiting=4) as model:
        second = Turnstile(model, 1)

        async def work() -> None:
            first, *rest = await waiting_for_the_second(model, second)
            more = await asking(model, TEXTS[5:6])
            with pytest.raises(OverloadError, match="4 texts are waiting"):
                await model.apredict(TEXTS[6])
            gone = rest[:2]
            for task in gone:
                task.cancel()
            left = await asyncio.gather(*gone, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in left)
            assert model._sharing()._waiting == 2
            more += await asking(model, TEXTS[6:8])  # there is room again
            second.let.release(100)
            found = await asyncio.gather(first, rest[2], *more)
            assert {one.stage for one in found} == {"main"}

        run(work)
        assert second.runs == 1 + 2 + 3  # none for those that left
        assert model._sharing()._waiting == 0


def test_a_caller_that_gives_up_while_the_first_stage_runs_never_meets_the_second(
    doubting: Path,
) -> None:
    with edgeft.load(doubting, device="cpu", batch_tokens=1) as model:
        first, second = Turnstile(model, 0), Turnstile(model, 1)

        async def work() -> None:
            (gone,) = await asking(model, TEXTS[:1])
            await first.held()
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            first.let.release(100)
            second.let.release(100)
            assert (await model.apredict(TEXTS[1])).stage == "main"

        run(work)
        assert (first.runs, second.runs) == (2, 1)
        assert model._sharing()._waiting == 0


def test_closing_fails_those_that_wait_for_the_second_stage(doubting: Path) -> None:
    with edgeft.load(doubting, device="cpu", batch_tokens=1) as model:
        second = Turnstile(model, 1)
        shared = model._sharing()

        async def work() -> list[Any]:
            tasks = await waiting_for_the_second(model, second)
            tasks += await asking(model, TEXTS[5:7])  # these wait for the first
            closing = asyncio.create_task(asyncio.to_thread(model.close))
            while not shared._closed:
                await asyncio.sleep(0.001)
            second.let.release(100)
            await closing
            return list(await asyncio.gather(*tasks, return_exceptions=True))

        first, *rest = run(work)
        assert first.label in tiny.LABELS  # it was being run, and that ended
        assert len(rest) == 5
        assert all(isinstance(one, ClosedError) for one in rest)
        assert second.runs == 2
        with pytest.raises(ClosedError):
            run(lambda: model.apredict(TEXTS[0]))


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
