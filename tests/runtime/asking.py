"""Texts, and the ways in which a model is asked for them."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgeft
from tests import tiny

TEXTS = list(
    dict.fromkeys(
        " ".join(tiny.WORDS[i % 29 : i % 29 + 1 + i % 11]) + " x" * (i % 7) for i in range(150)
    )
)  # no two alike
LONG = "the cat sat on the mat and the dog fell " * 20  # beyond 64 tokens


def middle(bundle: Path, variant: str = "fp32") -> float:
    """A sureness that about half of TEXTS have."""
    with edgeft.load(bundle, device="cpu", variant=variant) as model:
        scores = sorted({one.score for one in model.predict(TEXTS)})
    at = len(scores) // 2
    return (scores[at - 1] + scores[at]) / 2


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
