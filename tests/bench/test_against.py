import copy
import json
from pathlib import Path
from typing import Any

import pytest

from edgeft.bench.against import comparisons, only_in_one, read_result, unlike
from edgeft.bench.matrix import BenchConfig
from edgeft.bench.result import BenchResult
from edgeft.bench.statistics import spread
from edgeft.errors import DataError
from tests.bench.makers import FACTS, QUIET, cell, machine, measured


def document(p50_ms: float, texts_per_s: float, **other: Any) -> dict[str, Any]:
    result = BenchResult(
        config=BenchConfig(Path("mine")),
        name="mine",
        bundle_digest="sha256:00",
        adopted=False,
        task="text-classification",
        machine=machine(**other),
        texts=FACTS,
        disturbance=QUIET,
        cells=(cell("fp32", measured(p50_ms, texts_per_s)), cell("int8", None, error="broken")),
        verdicts=(),
        warnings=(),
    )
    content: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return content


def test_faster_slower_and_cannot_tell() -> None:
    now, before = document(6.0, 125.0), document(5.0, 100.0)
    p50, rate, start = comparisons(now, before)
    assert (p50.cell, p50.figure, p50.verdict) == ("fp32 on cpu", "single-text p50", "slower")
    assert p50.ratio.ratio == pytest.approx(1.2)
    assert (rate.figure, rate.verdict) == ("texts a second", "faster")
    assert rate.ratio.ratio == pytest.approx(0.8)  # of the time
    assert (start.figure, start.verdict) == ("cold start", "cannot tell")


def test_a_run_beside_itself_cannot_be_told_apart() -> None:
    assert {one.verdict for one in comparisons(document(5.0, 100.0), document(5.0, 100.0))} == {
        "cannot tell"
    }


def test_cells_of_other_threads_texts_or_that_failed_are_left_out() -> None:
    now = document(5.0, 100.0)
    for change in ({"threads": 1}, {"texts": {"sha256": "other"}}, {"variant": "fp16"}):
        before = copy.deepcopy(now)
        before["cells"][0] |= change
        assert comparisons(now, before) == []


def test_cells_that_are_in_one_document_alone_are_named() -> None:
    now, before = document(5.0, 100.0), document(5.0, 100.0)
    assert only_in_one(now, before) == []
    now["cells"][1] = {**now["cells"][0], "variant": "int8", "name": "int8 on cpu"}
    assert only_in_one(now, before) == only_in_one(before, now) == ["int8 on cpu"]


def test_rates_that_kept_another_bound_are_not_compared() -> None:
    now, before = document(5.0, 100.0), document(5.0, 100.0)
    for one, bound in ((now, 50.0), (before, 50.0)):
        one["cells"][0]["highest_rate"] = one["cells"][0]["texts_per_s"]
        one["config"]["slo_ms"] = bound
    assert len(comparisons(now, before)) == 4
    before["config"]["slo_ms"] = 20.0
    assert len(comparisons(now, before)) == 3


def test_a_bound_that_no_rate_keeps_any_more_is_slower() -> None:
    now, before = document(5.0, 100.0), document(5.0, 100.0)
    for one, rates in ((now, [0.0] * 6), (before, [50.0, 51.0, 52.0, 53.0, 54.0, 55.0])):
        one["cells"][0]["highest_rate"] = spread(rates).to_dict()
    (found,) = [one for one in comparisons(now, before) if "rate" in one.figure]
    assert (found.verdict, found.before, found.now) == ("slower", 52.5, 0.0)
    assert found.ratio.low is not None
    assert found.ratio.low > 100
    (back,) = [one for one in comparisons(before, now) if "rate" in one.figure]
    assert back.verdict == "faster"
    assert not [one for one in comparisons(now, now) if "rate" in one.figure]


def test_a_tail_that_grew_is_slower() -> None:
    now, before = document(5.0, 100.0), document(5.0, 100.0)
    for one, scale in ((now, 2.0), (before, 1.0)):
        values = [scale * (9 + at / 10) for at in range(6)]
        one["cells"][0]["single_p99_ms"] = spread(values).to_dict()
    (found,) = [one for one in comparisons(now, before) if one.figure == "single-text p99"]
    assert found.verdict == "slower"


def test_another_machine_and_other_texts_are_no_comparison() -> None:
    now = document(5.0, 100.0)
    assert unlike(now, document(5.0, 100.0)) == ""
    other = unlike(now, document(5.0, 100.0, cpu="Other"))
    assert other == "It was measured on another CPU: Other, here Chip."
    cloud = copy.deepcopy(now)  # where every CPU is called alike
    cloud["machine"]["features"] = ["avx2"]
    told = "It was measured on another kind of CPU, with: avx2, here avx2, vnni."
    assert unlike(now, cloud) == told
    with_gpu, newer = copy.deepcopy(now), copy.deepcopy(now)
    for one, driver in ((with_gpu, "550"), (newer, "560")):
        one["machine"]["gpus"] = [{"name": "GPU X", "driver": driver, "memory": "8 GiB"}]
    assert unlike(newer, with_gpu) == ""
    assert unlike(now, with_gpu) == "It was measured on another GPU: GPU X, here none."
    texts = copy.deepcopy(now)
    texts["texts"]["sha256"] = "other"
    assert unlike(now, texts) == "It was measured on other texts."


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    with pytest.raises(DataError, match="does not exist"):
        read_result(path)
    for content, message in (
        ("{", "not a JSON document"),
        ("[1]", "was not written by edgeft bench"),
        ('{"cells": []}', "was not written by edgeft bench"),
        ('{"edgeft_bench": 99}', "has the format 99; this version reads 1"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=message):
            read_result(path)
    path.write_text(json.dumps(document(1.0, 1.0)))
    assert read_result(path)["name"] == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": None}, "cells is no list"),
        ({"cells": [3]}, r"cells\[0\] is no object"),
        ({"cells": [{"name": "x"}]}, r"cells\[0\] lacks 'device'"),
        ({"machine": {}}, "machine lacks 'cpu'"),
        ({"texts": 3}, "texts is no object"),
        ({"name": None}, "name is no text"),
        ({"config": []}, "config is no object"),
    ],
)
def test_a_file_that_was_changed_by_hand_is_no_traceback(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document(1.0, 1.0) | change))
    with pytest.raises(DataError, match=f"changed after it was written: {message}"):
        read_result(path)
