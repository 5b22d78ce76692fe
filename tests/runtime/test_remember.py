"""load(remember=N): equal inputs are answered from memory, and it stays within its bound."""

import asyncio
import copy
import dataclasses
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
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


def test_inputs_have_so_many_characters_together() -> None:
    memory = Memory[int](100, characters=10)
    memory.keep(Pair("abc", "d"), 1)
    memory.keep("efgh", 2)
    memory.keep("efgh", 3)  # again, and counted once
    memory.keep("ij", 4)
    assert memory.find(Pair("abc", "d")) == 1  # 10 of 10
    memory.keep("k" * 11, 5)  # alone too long: it forgets nobody else's
    assert memory.told().size == 3
    memory.keep("lmnop", 6)  # the two that were not asked for longest make room
    found = [memory.find(one) for one in ("efgh", "ij", "lmnop", Pair("abc", "d"))]
    assert found == [None, None, 6, 1]
    memory.keep("qrstuvwxyz", 7)
    assert memory.told().size == 1
    most = Memory[int](10**6)
    for at in range(40):
        most.keep(f"{at:<1000000}", at)
    assert most.told().size == 16  # unless told otherwise


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
        assert model.predict("new two") == model.predict(["new two"])[0]
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
        assert model.predict(one) == model.predict(Question("what fell?", "the cat fell"))
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


@pytest.mark.parametrize("group", [None, 4])
def test_an_error_names_the_callers_own_row(
    tiny_bundle: Path, folder: Path, group: int | None
) -> None:
    long = "the cat sat " * 50
    texts = [*TEXTS[:9], *TEXTS[:4], long, *TEXTS[9:20], long]
    for bundle, variant in ((tiny_bundle, "fp32"), (folder, "cascade")):
        with edgeft.load(
            bundle, device="cpu", variant=variant, remember=99, on_long="error"
        ) as model:
            for one in TEXTS[2:6]:
                model.predict(one)
            with pytest.raises(DataError, match=r"Text 13 has"):
                list(model.stream(texts, group=group))
            with pytest.raises(DataError, match=r"Text 13 has"):
                model.predict(texts)
            with pytest.raises(TypeError, match="20"):
                model.predict([*TEXTS[:20], 1])  # type: ignore[list-item]


def test_equal_ones_in_one_list_are_remembered_and_run_once(tiny_bundle: Path) -> None:
    texts = [TEXTS[at % 7] for at in range(30)]
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as plain:
        wanted = plain.predict(texts)
    for most in (100, 1):  # fewer than differ: the list's own still are
        seen = Seen()
        with edgeft.load(
            tiny_bundle, device="cpu", variant="fp32", remember=most, observer=seen
        ) as model:
            seen.encoded = 0
            found = model.predict(texts)
            assert told(model) == (23, 7, min(most, 7))
            assert seen.encoded == 7
        assert [one.label for one in found] == [one.label for one in wanted]


def test_no_caller_can_change_what_others_are_given(
    tiny_bundle: Path, tagger_bundle: Path, answerer_bundle: Path
) -> None:
    asked = "the cat"
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", remember=9) as model:
        first = copy.deepcopy(model.predict(asked))
        for one in (
            model.predict(asked),
            model.predict([asked, "sun", asked])[2],
            gathered(model, [asked])[0],
        ):
            with pytest.raises(TypeError):
                one.scores["calm"] = 0.0
            with pytest.raises(dataclasses.FrozenInstanceError):
                one.label = "calm"
            assert one == first == pickle.loads(pickle.dumps(one))
        assert told(model) == (4, 2, 2)
    for bundle, one in (
        (tagger_bundle, asked),
        (answerer_bundle, Question("what fell?", "the cat fell")),
    ):
        with edgeft.load(bundle, device="cpu", variant="fp32", remember=9) as model:
            hash(model.predict(one))  # as what can be changed cannot be


def test_no_more_is_read_ahead_than_the_group(tiny_bundle: Path) -> None:
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", remember=99) as model:
        model.predict(TEXTS[:10])
        for group, most in ((1, 2), (5, 6)):  # one more tells that a group is full
            read = 0

            def source() -> Iterator[str]:
                nonlocal read
                for one in TEXTS[:40]:
                    read += 1
                    yield one

            for given, _ in enumerate(model.stream(source(), group=group)):
                assert read - given <= most


FORKED = """
import os, signal, sys, threading
import edgeft
model = edgeft.load(sys.argv[1], device="cpu", variant="fp32", threads=1, remember=100)
texts = ["the cat", "sun", "the dog"]
model.predict(texts)
going_on = model.stream(texts * 2, group=3)
next(going_on)
held = model._memory._lock  # as where another thread is just keeping an answer
held.acquire()
child = os.fork()
if child:
    held.release()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), model.remembered.hits)
    sys.exit(0)
signal.alarm(60)
for way in (
    lambda: model.predict("the cat"),
    lambda: model.predict(texts),
    lambda: list(model.stream(texts)),
    lambda: list(going_on),
):
    try: way()
    except edgeft.EdgeftError as error: print("after the fork" in str(error))
print(model.remembered.misses)
model.close()
sys.stdout.flush()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_neither_hangs_nor_answers(tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tiny_bundle)], capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 4 + ["3", "0", "3"]


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
