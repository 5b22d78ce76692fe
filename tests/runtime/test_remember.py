"""load(remember=N): equal inputs are answered from memory, and it stays within its bound."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.errors import ClosedError, DataError, UsageError
from edgeft.inputs import Pair, Question
from edgeft.runtime.memory import Memory, Remembered
from tests import tiny
from tests.observing import Seen

TEXTS = [" ".join(tiny.WORDS[i % 29 : i % 29 + 1 + i % 11]) + f" {i}" for i in range(60)]


def told(model: edgeft.Model) -> tuple[int, int, int]:
    found = model.remembered
    return found.hits, found.misses, found.size


def gathered(model: edgeft.Model, texts: list[str]) -> list[Any]:
    async def work() -> list[Any]:
        async with asyncio.timeout(60):
            return await asyncio.gather(*map(model.apredict, texts))

    return asyncio.run(work())


def test_the_one_not_asked_for_longest_is_forgotten() -> None:
    memory = Memory[int](2)
    memory.keep("a", 1)
    memory.keep("b", 2)
    assert memory.find("a") == 1
    memory.keep("c", 3)
    assert [memory.find(one) for one in "abc"] == [1, None, 3]
    assert memory.told() == Remembered(hits=3, misses=1, size=2)
    memory.end()
    memory.keep("d", 4)
    assert memory.told().size == 0


def test_equal_inputs_are_run_once_by_any_way(tiny_bundle: Path) -> None:
    seen = Seen()
    with edgeft.load(
        tiny_bundle, device="cpu", variant="fp32", remember=100, observer=seen
    ) as model:
        first = model.predict(TEXTS)
        assert told(model) == (0, 60, 60)
        runs = len(seen.runs)
        assert model.predict(TEXTS) == first
        assert list(model.stream(TEXTS, group=7)) == first
        assert [model.predict(one) for one in TEXTS] == first
        assert gathered(model, TEXTS) == first
        assert told(model) == (240, 60, 60)
        assert len(seen.runs) == runs
        assert gathered(model, ["new one"]) == [model.predict("new one")]
        assert model.predict(["new two", *TEXTS[:3]])[1:] == first[:3]
        assert model.predict("new two") is model.predict(["new two"])[0]
        assert len(seen.runs) == runs + 2


def test_known_and_new_ones_stay_in_order(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", batch_invariant=True) as plain:
        wanted = plain.predict(TEXTS)
        assert told(plain) == (0, 0, 0)
    with edgeft.load(
        tiny_bundle, device="cpu", variant="fp32", batch_tokens=1, remember=25
    ) as model:
        for one in TEXTS[::3]:
            model.predict(one)
        for some in (model.predict(TEXTS * 3), list(model.stream(TEXTS * 3, group=11))):
            assert [one.label for one in some] == [one.label for one in wanted] * 3
        assert model.remembered.size == 25


def test_threads_share_it(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", remember=10) as model:
        wanted = [one.label for one in model.predict(TEXTS)]
        found: list[list[str]] = []

        def work() -> None:
            for _ in range(5):
                found.append([one.label for one in model.predict(TEXTS)])
                found.append([model.predict(one).label for one in TEXTS])

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert found == [wanted] * 40
        hits, misses, size = told(model)
        assert (hits + misses, size) == (41 * len(TEXTS), 10)


def test_pairs_and_questions_are_told_apart_by_both_sides(answerer_bundle: Path) -> None:
    with edgeft.load(answerer_bundle, device="cpu", variant="fp32", remember=9) as model:
        one = Question("what fell?", "the cat fell")
        assert model.predict(one) is model.predict(Question("what fell?", "the cat fell"))
        model.predict(Question("what fell?", "the dog fell"))
        assert told(model) == (1, 2, 2)
    assert hash(Pair("a", "b")) != hash(Pair("b", "a"))


def test_what_fails_is_not_remembered_and_what_is_given_before_is(tiny_bundle: Path) -> None:
    long = "the cat sat " * 50
    with edgeft.load(
        tiny_bundle, device="cpu", variant="fp32", remember=9, on_long="error"
    ) as model:
        for _ in range(2):
            with pytest.raises(DataError):
                model.predict(long)
            with pytest.raises(DataError):
                gathered(model, [long])
        assert told(model) == (0, 4, 0)

        def failing() -> Any:
            yield "the cat"
            raise OSError("the disk is gone")

        found = []
        with pytest.raises(OSError, match="the disk"):
            found += model.stream(failing())  # what came before is kept
        assert model.remembered.size == 1


def test_closing_frees_it(tiny_bundle: Path) -> None:
    model = edgeft.load(tiny_bundle, device="cpu", variant="fp32", remember=9)
    model.predict("the cat")
    model.close()
    assert told(model) == (0, 1, 0)
    for call in (
        lambda: model.predict("the cat"),
        lambda: model.predict(["the cat"]),
        lambda: gathered(model, ["the cat"]),
    ):
        with pytest.raises(ClosedError):
            call()


@pytest.mark.parametrize("wrong", [-1, 1.5, None, "9"])
def test_how_many_is_a_whole_number(tiny_bundle: Path, wrong: Any) -> None:
    with pytest.raises(UsageError, match="option remember is"):
        edgeft.load(tiny_bundle, remember=wrong)
