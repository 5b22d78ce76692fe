"""Bundles loaded anew: asked for twice, too early, in the middle of a restart, by whom."""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeft.errors import RunError
from tests.serve.asking import Gates, at_socket, gated, in_process, run, until

KEY = "a-key-of-many-letters"
ADMIN: dict[str, Any] = {"admin": True, "keys": (KEY,)}
HANGUP = getattr(signal, "SIGHUP", None)
needs_hangup = pytest.mark.skipif(HANGUP is None, reason="there is no SIGHUP here")


def hang_up() -> None:
    assert HANGUP is not None
    os.kill(os.getpid(), HANGUP)


class Held:
    """A loader that waits until it may go on; ``begun`` names what it was asked to load."""

    def __init__(self) -> None:
        self.gates: Gates = gated()
        self.may = threading.Event()
        self.may.set()
        self.begun: list[str] = []

    def __call__(self, folder: Path, seen: Any) -> Any:
        self.begun.append(folder.name)
        self.may.wait(30)
        return self.gates(folder, seen)


@needs_hangup
def test_a_reload_asked_for_during_another_is_done_too(tiny_bundle: Path) -> None:
    held = Held()

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, loader=held) as served:
            held.may.clear()
            hang_up()
            await until(lambda: len(held.begun) == 2)
            hang_up()
            hang_up()
            await until(lambda: len(served.log.events("reload asked")) == 3)
            held.may.set()
            await until(lambda: len(held.gates.all) == 3)
            told = 'edgeft_reloads_total{model="news",result="done"}'
            while (await served.metrics()).get(told) != 2:
                await asyncio.sleep(0.01)
            assert (await served.predict(input="the cat")).status_code == 200
            assert len(held.begun) == 3  # both that came meanwhile are one

    run(work)


def test_a_reload_waits_for_the_first_load(tiny_bundle: Path) -> None:
    held = Held()

    async def work() -> None:
        held.may.clear()
        async with in_process({"news": tiny_bundle}, started=False, loader=held) as served:
            hosted = served.service.models["news"]
            reloading = asyncio.create_task(served.service.reload(["news"]))
            await asyncio.sleep(0.05)
            assert held.begun == []
            assert (await served.client.get("/v2/health/ready")).status_code == 503
            assert (await served.client.get("/v2/models/news/ready")).status_code == 503
            starting = asyncio.create_task(served.service.start())
            await until(lambda: held.begun)
            ready = await served.client.get("/v2/health/ready")
            assert (ready.status_code, ready.json()["ready"]) == (503, False)
            assert ready.json()["models"]["news"]["fault"] == "It is being loaded."
            live = await served.client.get("/v2/health/live")  # it loads, and is not dead
            assert (live.status_code, live.json()) == (200, {"live": True, "faults": {}})
            assert (await served.predict(input="the cat")).status_code == 503
            held.may.set()
            await starting
            found = await reloading
            assert list(found.done) == ["news"]
            assert len(held.gates.all) == 2
            first, second = (gate for gate in held.gates.all)
            assert hosted.live().model.runner._engine is second  # type: ignore[union-attr]
            await until(lambda: not hosted._ending)  # the first one is closed
            assert first is not second

    run(work)


def test_a_model_that_waits_to_be_restarted_holds_no_other_and_is_back_at_once(
    tiny_bundle: Path,
) -> None:
    gates = gated()
    broken = False

    def loader(folder: Path, seen: Any) -> Any:
        if broken:
            raise RunError(f"no memory in {folder}")
        return gates(folder, seen)

    async def work() -> None:
        nonlocal broken
        told: dict[str, Any] = {"loader": loader, "restart_s": 50.0, **ADMIN}
        bundles = {"sick": tiny_bundle, "well": tiny_bundle}
        async with in_process(bundles, **told) as served:
            served.client.headers["X-API-Key"] = KEY
            broken = True
            gates.all[0].error = RunError("out of memory")
            assert (await served.predict(model="sick", input="a")).status_code == 503
            await until(lambda: served.log.events("restart failed"))  # and waits for 50 s
            both = await served.client.post("/admin/reload")
            assert both.status_code == 409
            assert both.json()["models"] == {}
            assert "sick: no memory" in both.json()["error"]["message"]
            assert both.json()["error"]["hint"] == "Still served as before: well."
            for path in ("/v2/health/ready", "/v2/health/live"):
                assert str(tiny_bundle) not in (await served.client.get(path)).text
            broken = False
            done = await served.client.post("/admin/reload")
            assert done.status_code == 200
            assert list(done.json()["models"]) == ["sick", "well"]
            assert served.service.ready
            gates.all[-2].error = RunError("again")  # and it is watched again
            assert (await served.predict(model="sick", input="a")).status_code == 503
            await until(lambda: len(served.log.events("engine failed")) == 2)

    run(work)


def test_a_bundle_that_fails_keeps_no_other_from_being_reloaded(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "bad")

    async def work() -> None:
        async with in_process({"bad": folder, "good": tiny_bundle}, **ADMIN) as served:
            served.client.headers["X-API-Key"] = KEY
            shutil.rmtree(folder)
            found = await served.client.post("/admin/reload")
            assert found.status_code == 409
            assert list(found.json()["models"]) == ["good"]
            assert found.json()["error"]["hint"] == "Still served as before: bad. Reloaded: good."
            assert (await served.predict(model="bad", input="a")).status_code == 200

    run(work)


def test_only_who_has_a_key_reloads_and_no_page_of_another_site(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle}, **ADMIN) as served:
            ask: Callable[..., Any] = served.client.post
            assert (await ask("/admin/reload")).status_code == 401
            told = {"X-API-Key": KEY, "Origin": "https://elsewhere.example"}
            refused = await ask("/admin/reload", headers=told)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin")
            assert (await ask("/admin/reload", headers={"X-API-Key": KEY})).status_code == 200
            told["Origin"] = "http://here"
            assert (await ask("/admin/reload", headers=told)).status_code == 200

    run(work)


def test_each_restart_that_fails_is_waited_for_twice_as_long(tiny_bundle: Path) -> None:
    gates = gated()
    waits: list[float] = []

    def loader(folder: Path, seen: Any) -> Any:
        if gates.all:
            raise RunError("no memory")
        return gates(folder, seen)

    async def work() -> None:
        told: dict[str, Any] = {"loader": loader, "restart_s": 0.02}
        async with in_process({"news": tiny_bundle}, **told) as served:
            hosted = served.service.models["news"]
            usual = hosted._rested

            async def rested(seconds: float) -> None:
                waits.append(seconds)
                await usual(min(seconds, 0.02))

            hosted._rested = rested  # type: ignore[method-assign]
            gates.last.error = RunError("out of memory")
            assert (await served.predict(input="a")).status_code == 503
            await until(lambda: len(waits) > 13)

    run(work)
    assert waits[:4] == [0.02, 0.04, 0.08, 0.16]  # after the first attempt, made at once
    assert waits[12:14] == [60.0, 60.0]
