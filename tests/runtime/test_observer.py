"""What an observer is told, and that nobody looks at a clock without one."""

import asyncio
from pathlib import Path

import pytest

import edgeft
from edgeft.runtime import ahead, model, runner
from tests import tiny
from tests.observing import Seen

TEXTS = [f"the cat {one}" for one in tiny.WORDS]


def test_every_step_is_told(tiny_bundle: Path) -> None:
    seen = Seen()
    with edgeft.load(
        tiny_bundle, device="cpu", variant="fp32", on_long="window", observer=seen
    ) as one:
        assert seen.runs  # the golden texts
        seen.__init__()  # type: ignore[misc]
        answers = list(one.stream(TEXTS, group=8))
        assert (seen.encoded, seen.decodings, seen.waits) == (len(TEXTS), len(TEXTS), 3)
        parts = [part for batch in seen.runs for part in batch]
        assert sorted(part.ids for part in parts) == sorted(
            encoded.ids for encoded in one.runner.encode(TEXTS)
        )
        assert seen.padded >= sum(len(part.ids) for part in parts)
        seen.__init__()  # type: ignore[misc]
        assert one.predict(TEXTS[0]).label == answers[0].label
        assert (seen.encoded, len(seen.runs), seen.decodings, seen.waits) == (1, 1, 1, 0)
        long = " ".join(tiny.WORDS * 4)
        asyncio.run(one.apredict(long))
        assert (seen.encoded, seen.decodings) == (2, 2)
        assert seen.queues == 1  # whatever its windows
        assert sum(map(len, seen.runs)) == 1 + one.predict(long).windows


def test_without_an_observer_no_clock_is_read(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoClock:
        """A module whose clock nobody may read."""

    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", spin=False) as one:
        for module in (ahead, model, runner):
            monkeypatch.setattr(module, "time", NoClock)
        assert len(list(one.stream(TEXTS, group=8))) == len(TEXTS)
        assert one.predict("the cat").label
        assert asyncio.run(one.apredict("the cat")).label
