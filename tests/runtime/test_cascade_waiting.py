"""Inputs that wait for a stage: failures, too many of them, callers that leave, the end."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.errors import (
    ClosedError,
    OverloadError,
    RunError,
)
from edgeft.tasks.encoded import Part
from tests.runtime.asking import TEXTS, gathered, same


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
