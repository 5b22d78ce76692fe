"""A server for tests: in the same event loop, with or without a socket, its log kept."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

import edgeft
from edgeft.runtime.engine import Engine
from edgeft.serve.app import application
from edgeft.serve.config import ServeConfig
from edgeft.serve.hosted import SPARE, Loader
from edgeft.serve.logs import Log
from edgeft.serve.metrics import ModelMetrics
from edgeft.serve.run import _listen, _Server, _uvicorn
from edgeft.serve.service import Service
from edgeft.tasks.encoded import Part
from tests.runtime.test_sharing import Gate

__all__ = ["Gates", "Kept", "at_socket", "gated", "in_process", "run", "until"]

PLAIN: Mapping[str, Any] = {"device": "cpu", "variant": "fp32", "threads": 1}


class Kept(io.StringIO):
    """A log's stream; ``events`` gives its lines."""

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]


class Served:
    """A client, the service that it asks, and its log. ``url`` where it listens."""

    def __init__(self, client: httpx.AsyncClient, service: Service, log: Kept, url: str) -> None:
        self.client, self.service, self.log, self.url = client, service, log, url

    async def predict(self, **body: Any) -> httpx.Response:
        return await self.client.post("/v1/predict", content=json.dumps(body))

    async def metrics(self) -> dict[str, float]:
        found = (await self.client.get("/metrics")).text
        rows = [line.rpartition(" ") for line in found.splitlines() if line[:1] != "#"]
        return {name: float(value) for name, _, value in rows}


@asynccontextmanager
async def in_process(
    bundles: Mapping[str, Path],
    *,
    loader: Loader | None = None,
    started: bool = True,
    **told: Any,
) -> AsyncIterator[Served]:
    """A service that is loaded unless it is not to be ``started``, without a socket."""
    kept = Kept()
    log = Log(kept)
    service = Service(ServeConfig(bundles=bundles, **{**PLAIN, **told}), log=log, loader=loader)
    transport = httpx.ASGITransport(app=application(service))
    try:
        if started:
            await service.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            yield Served(client, service, kept, "")
    finally:
        await service.stop()
        log.close()


@asynccontextmanager
async def at_socket(
    bundles: Mapping[str, Path], *, loader: Loader | None = None, **told: Any
) -> AsyncIterator[Served]:
    """The whole server on a free port, once it is ready; it is stopped afterwards."""
    kept = Kept()
    log = Log(kept)
    config = ServeConfig(bundles=bundles, port=0, **{**PLAIN, **told})
    listening = _listen(config)
    server = _Server(_uvicorn(config), config, log, loader)
    url = "http://{}:{}".format(*listening.getsockname()[:2])
    serving = asyncio.create_task(server.run_all(listening))
    try:
        await until(lambda: kept.events("ready") or serving.done())
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield Served(client, server._service, kept, url)
    finally:
        server._stop()
        await serving
        log.close()


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a test's coroutine, which never takes long."""

    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(bounded())


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    while not true():
        await asyncio.sleep(0.01)


class Gates:
    """The gates of the engines of every model that was loaded, the last one last."""

    def __init__(self) -> None:
        self.all: list[Gate] = []

    def __call__(self, folder: Path, seen: ModelMetrics) -> edgeft.Model:
        model = edgeft.load(folder, max_waiting=1024 + SPARE, observer=seen, **PLAIN)
        gate = _Gate(model.runner.usable())  # type: ignore[arg-type]
        model.runner._engine = gate  # type: ignore[union-attr, assignment]
        self.all.append(gate)
        return model

    @property
    def last(self) -> Gate:
        return self.all[-1]

    def shut(self) -> None:
        """Hold the last engine at its next batch; ``last.entered`` tells when it is there."""
        self.last.open.clear()
        self.last.entered.clear()

    def open(self) -> None:
        for gate in self.all:
            gate.open.set()


class _Gate(Gate):
    """One that also tells how it pads, as a model that is watched asks."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.seen: Sequence[Part] = ()

    def padded_length(self, longest: int) -> int:
        return self.engine.padded_length(longest)


def gated() -> Gates:
    """Loads models whose engines can be made to fail or hang."""
    return Gates()
