"""What is counted: the values are those of the answers and of the batches, told by others."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import edgeft
from edgeft.tasks.encoded import Part
from edgeft.tasks.head import Head
from tests import tiny
from tests.bundles import with_variant
from tests.cascades import cascade
from tests.serve.asking import PLAIN, Served, gated, in_process, run, until

TEXTS = [*tiny.WORDS[:9], "", "今天 👍 zebra", "the cat " * 300]
CALM = {"check_every_s": 1e4}  # no inference of its own meanwhile


def middle(bundle: Path, variant: str) -> float:
    """The score below which half of the answers are."""
    with edgeft.load(bundle, **{**PLAIN, "variant": variant}) as model:
        return median(one.score for one in model.predict(TEXTS))


async def counted(served: Served, **body: Any) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The answers to a request, and by how much it made each series grow."""
    before = await served.metrics()
    found = await served.predict(**body)
    assert found.status_code == 200, found.text
    after = await served.metrics()
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return found.json()["predictions"], grown


def test_what_is_withheld_cut_and_unknown(tiny_bundle: Path, tmp_path: Path) -> None:
    head = Head(abstain_below=middle(tiny_bundle, "fp32"))
    bundle = with_variant(tiny_bundle, tmp_path / "unsure", "fp32", head=head)

    async def work() -> None:
        async with in_process({"news": bundle, "other": tiny_bundle}, **CALM) as served:
            answers, grown = await counted(served, model="news", inputs=TEXTS)
            of = '{model="news"}'
            withheld = sum(one.get("abstained", False) for one in answers)
            assert 0 < withheld < len(TEXTS)
            assert grown[f"edgeft_abstentions_total{of}"] == withheld
            assert grown[f"edgeft_truncated_inputs_total{of}"] == 1
            assert grown[f"edgeft_inputs_total{of}"] == len(TEXTS)
            assert grown[f"edgeft_unknown_share_count{of}"] == len(TEXTS)
            unknown = sum(one["unknown_share"] for one in answers)
            assert grown[f"edgeft_unknown_share_sum{of}"] == pytest.approx(unknown, abs=1e-3) != 0
            assert grown[f"edgeft_queue_seconds_count{of}"] == len(TEXTS)
            assert grown[f"edgeft_predict_seconds_count{of}"] == 1
            assert not any(value for name, value in grown.items() if 'model="other"' in name)
            _, grown = await counted(served, model="other", inputs=TEXTS)
            assert grown['edgeft_abstentions_total{model="other"}'] == 0

    run(work)


def test_who_answers_in_a_cascade(tiny_bundle: Path, tmp_path: Path) -> None:
    both = {"small": tiny_bundle, "full": tiny_bundle}
    below = middle(tiny_bundle, "int8")
    steps = [("small", "int8", below), ("full", "fp32", None)]
    staged = cascade(tmp_path / "staged", both, steps)

    async def work() -> None:
        async with in_process({"staged": staged}, variant="auto", **CALM) as served:
            answers, grown = await counted(served, inputs=TEXTS)
            stages = Counter(one["stage"] for one in answers)
            assert len(stages) == 2
            for stage, count in stages.items():
                told = f'edgeft_stage_inputs_total{{model="staged",stage="{stage}"}}'
                assert grown[told] == count
            waits = len(TEXTS) + stages.most_common()[-1][1]
            assert grown['edgeft_queue_seconds_count{model="staged"}'] in (
                waits, len(TEXTS) + stages.most_common()[0][1]
            )  # fmt: skip

    run(work)


class Counts:
    """An engine that notes how long the parts of its batches are."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.lengths: list[list[int]] = []

    def run(self, parts: Sequence[Part]) -> Any:
        self.lengths.append([len(part.ids) for part in parts])
        return self._engine.run(parts)

    def padded_length(self, longest: int) -> int:
        found: int = self._engine.padded_length(longest)
        return found


def test_what_waits_and_what_is_padded(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, loader=gates, **CALM) as served:
            gate, counts = gates.last, Counts(gates.last.engine)
            gate.engine = counts  # type: ignore[assignment]
            before = await served.metrics()
            gates.shut()
            runs = asyncio.create_task(served.predict(input="runs"))
            await asyncio.to_thread(gate.entered.wait, 30)
            texts = ["the cat sat", "the cat sat there", "the cat", "a"]
            waits = asyncio.create_task(served.predict(inputs=texts))
            await until(lambda: served.service.models["news"].state().waiting == len(texts))
            busy = await served.metrics()
            assert busy['edgeft_queue_inputs{model="news"}'] == 4
            assert busy['edgeft_model_inputs{model="news"}'] == 5
            assert busy["edgeft_admitted_inputs"] == 5
            assert busy["edgeft_admitted_characters"] == len("runs") + sum(map(len, texts))
            gates.open()
            assert [one.status_code for one in await asyncio.gather(runs, waits)] == [200, 200]
            after = await served.metrics()

            def grown(name: str) -> float:
                return (
                    after[f'edgeft_{name}{{model="news"}}']
                    - before[f'edgeft_{name}{{model="news"}}']
                )

            tokens = [sum(lengths) for lengths in counts.lengths]
            run = [max(lengths) * len(lengths) for lengths in counts.lengths]
            assert grown("tokens_total") == sum(tokens)
            assert grown("padding_tokens_total") == sum(run) - sum(tokens) > 0
            assert grown("batch_parts_count") == len(counts.lengths)
            assert grown("batch_parts_sum") == 5
            assert after['edgeft_queue_inputs{model="news"}'] == 0

    run(work)
