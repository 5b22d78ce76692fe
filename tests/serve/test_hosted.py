"""A model behind HTTP: overload, deadlines, engines that fail or hang, and reloads."""

import asyncio
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.errors import RunError
from edgeft.serve.admission import Amounts
from edgeft.serve.metrics import ModelMetrics
from edgeft.serve.service import Service
from tests.bundles import with_variant
from tests.serve.asking import PLAIN, Served, gated, in_process, run, until

KEY = "a-key-of-many-letters"
LIVE, READY = "/v2/health/live", "/v2/health/ready"


async def settled(served: Served, inputs: int) -> None:
    """Wait until so many inputs are inside."""
    await until(lambda: served.service.models["news"].state().inside >= inputs)


def test_what_is_too_much_is_told_to_come_again_and_the_rest_is_answered(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        bounds = {"max_requests": 5, "max_inputs": 8}
        async with in_process({"news": tiny_bundle}, loader=gates, **bounds) as served:
            gates.shut()
            first = [asyncio.create_task(served.predict(input=f"text {at}")) for at in range(4)]
            await settled(served, 4)
            several = await served.predict(inputs=["a"] * 5)
            assert several.status_code == 429
            assert int(several.headers["retry-after"]) >= 1
            first.append(asyncio.create_task(served.predict(inputs=["a"] * 4)))
            await settled(served, 8)
            refused = await served.predict(input="one more")
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "overloaded"
            assert (await served.client.get(LIVE)).status_code == 200  # busy is not dead
            gates.open()
            assert [one.status_code for one in await asyncio.gather(*first)] == [200] * 5
            assert (await served.predict(input="one more")).status_code == 200
            told = await served.metrics()
            assert told['edgeft_request_errors_total{reason="overloaded"}'] == 2
            assert told["edgeft_admitted_requests"] == told["edgeft_admitted_inputs"] == 0

    run(work)


def test_a_place_is_kept_until_the_answer_is_built(tiny_bundle: Path) -> None:
    def loader(folder: Path, seen: ModelMetrics) -> edgeft.Model:
        model = edgeft.load(folder, observer=seen, **PLAIN)
        usual = model.task.show

        def show(*asked: Any) -> Any:
            if services:
                inside.append(replace(services[0].admission.inside))
            return usual(*asked)

        model.task = replace(model.task, show=show)
        return model

    services: list[Service] = []
    inside: list[Amounts] = []
    infer = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["cat"]}

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, loader=loader) as served:
            services.append(served.service)
            assert (await served.predict(input="cat")).status_code == 200
            answer = await served.client.post("/v2/models/news/infer", json={"inputs": [infer]})
            assert answer.status_code == 200
            assert served.service.admission.inside == Amounts()
        assert [(one.requests, one.characters) for one in inside] == [(1, 3), (1, 3)]
        assert all(one.bytes for one in inside)

    run(work)


def test_a_deadline_passes_and_its_input_leaves_the_queue(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, loader=gates) as served:
            gates.shut()
            runs = asyncio.create_task(served.predict(input="runs"))
            await settled(served, 1)
            await asyncio.to_thread(gates.last.entered.wait, 30)
            late = await served.predict(input="waits", timeout_ms=50)
            assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline")
            headers = {"X-Timeout-Ms": "50"}
            late = await served.client.post("/v1/predict", json={"input": "b"}, headers=headers)
            assert late.status_code == 504
            gates.open()
            assert (await runs).status_code == 200
            batches = len(gates.last.batches)
            assert (await served.predict(input="next")).status_code == 200
            assert len(gates.last.batches) - batches <= 3  # itself, and a check for each late one

    run(work)


def test_an_engine_that_raises_fails_its_requests_and_is_restarted(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, loader=gates) as served:
            gates.last.error = RunError("out of memory: zebra")
            failed = await served.predict(input="the cat")
            assert failed.status_code == 503
            await until(lambda: len(gates.all) == 2 and served.service.ready)
            assert (await served.predict(input="the cat")).status_code == 200
            assert (await served.client.get(LIVE)).status_code == 200
            told = await served.metrics()
            assert told['edgeft_restarts_total{model="news"}'] == 1
        assert served.log.events("engine failed")[0]["model"] == "news"

    run(work)


def test_an_engine_that_dies_turns_health_red_until_one_can_be_started(tiny_bundle: Path) -> None:
    gates = gated()
    broken = True

    def loader(folder: Path, seen: object) -> object:
        if gates.all and broken:
            raise RunError("no memory yet")
        return gates(folder, seen)  # type: ignore[arg-type]

    async def work() -> None:
        nonlocal broken
        told = {"loader": loader, "restart_s": 0.01}
        async with in_process({"news": tiny_bundle}, **told) as served:  # type: ignore[arg-type]
            gates.last.error = SystemExit("a library's panic")  # type: ignore[assignment]
            assert (await served.predict(input="the cat")).status_code == 503
            await until(lambda: "loaded" in served.service.models["news"].fault)
            red = await served.client.get(LIVE)
            why = "It cannot be loaded: RunError. The server's log says why."
            assert (red.status_code, red.json()["faults"]) == (503, {"news": why})
            assert served.log.events("restart failed")[0]["fault"] == "no memory yet"
            assert (await served.client.get(READY)).status_code == 503
            assert (await served.client.get("/v2/models/news/ready")).status_code == 503
            waits = await served.predict(input="the cat")
            assert (waits.status_code, waits.json()["error"]["code"]) == (503, "not_ready")
            assert "retry-after" in waits.headers
            await until(lambda: len(served.log.events("restart failed")) > 2)
            broken = False
            await until(lambda: served.service.ready)
            assert (await served.predict(input="the cat")).status_code == 200

    run(work)


def test_an_engine_that_hangs_fails_its_requests_at_once_and_is_restarted(
    tiny_bundle: Path,
) -> None:
    gates = gated()

    async def work() -> None:
        told = {"check_every_s": 0.05, "hang_s": 0.2}
        async with in_process({"news": tiny_bundle}, loader=gates, **told) as served:
            gates.shut()
            hung = await asyncio.gather(*(served.predict(input=f"text {at}") for at in range(20)))
            assert {one.status_code for one in hung} == {503}
            await until(lambda: len(gates.all) == 2 and served.service.ready)
            assert (await served.predict(input="the cat")).status_code == 200
            assert "0.2 s" in served.log.events("engine failed")[0]["fault"]

    try:
        run(work)
    finally:
        gates.open()


def test_a_slow_engine_is_not_taken_for_one_that_hangs(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        told = {"check_every_s": 0.01, "hang_s": 0.3}
        async with in_process({"news": tiny_bundle}, loader=gates, **told) as served:
            hosted = served.service.models["news"]
            for _ in range(5):
                gates.shut()
                one = asyncio.create_task(served.predict(input="the cat"))
                await settled(served, 1)
                await asyncio.sleep(0.1)
                gates.open()
                assert (await one).status_code == 200
            assert await hosted.check() == ""
            assert len(gates.all) == 1

    run(work)


def test_a_disk_that_is_full_stops_no_request(tiny_bundle: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")

    async def work() -> None:
        with suppress(OSError), full.open("w") as stream:
            async with in_process({"news": tiny_bundle}) as served:
                served.service.log._stream = stream
                for _ in range(3):
                    assert (await served.predict(input="the cat")).status_code == 200
                await until(lambda: served.service.log.dropped >= 3)
                told = await served.metrics()
                assert told["edgeft_log_lines_dropped_total"] >= 3

    run(work)


def copied(bundle: Path, to: Path) -> Path:
    shutil.copytree(bundle, to)
    return to


def test_a_reload_swaps_without_a_failed_request(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = copied(tiny_bundle, tmp_path / "news")
    other = with_variant(tiny_bundle, tmp_path / "other", "int8", measured={"note": 1.0})

    async def work() -> None:
        async with in_process({"news": folder}, admin=True, keys=(KEY,)) as served:
            served.client.headers["X-API-Key"] = KEY
            before = (await served.client.get("/v1/models")).json()["data"][0]["digest"]
            over = False
            statuses: list[int] = []

            async def ask() -> None:
                while not over:
                    statuses.append((await served.predict(input="the cat")).status_code)

            askers = [asyncio.create_task(ask()) for _ in range(4)]
            shutil.rmtree(folder)
            copied(other, folder)
            done = await served.client.post("/admin/reload")
            assert done.status_code == 200
            after = (await served.client.get("/v1/models")).json()["data"][0]["digest"]
            assert done.json() == {"models": {"news": after}}
            assert after != before
            over = True
            await asyncio.gather(*askers)
            assert set(statuses) == {200}
            assert (await served.predict(input="the cat")).status_code == 200

    run(work)


@pytest.mark.parametrize("fault", ["corrupt", "gone", "another task"])
def test_a_bundle_that_cannot_take_over_leaves_the_old_one(
    tiny_bundle: Path, tagger_bundle: Path, tmp_path: Path, fault: str
) -> None:
    folder = copied(tiny_bundle, tmp_path / "news")

    async def work() -> None:
        async with in_process({"news": folder}, admin=True, keys=(KEY,)) as served:
            served.client.headers["X-API-Key"] = KEY
            if fault == "corrupt":
                path = folder / "onnx" / "model.onnx"
                path.write_bytes(path.read_bytes()[:-7])
            else:
                shutil.rmtree(folder)
            if fault == "another task":
                copied(tagger_bundle, folder)
            failed = await served.client.post("/admin/reload?model=news")
            assert (failed.status_code, failed.json()["error"]["code"]) == (409, "reload")
            assert (await served.predict(input="the cat")).status_code == 200
            assert (await served.client.get(READY)).status_code == 200
            told = await served.metrics()
            assert told['edgeft_reloads_total{model="news",result="failed"}'] == 1
            assert (await served.client.post("/admin/reload?model=no")).status_code == 404

    run(work)
