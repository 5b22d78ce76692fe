"""The benchmarks' load generator counts what is lost, doubled and wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

import edgeft
from benchmarks.serve.load import Run, closed, open_loop
from tests.serve.asking import PLAIN, at_socket, run

TEXTS = ["rain fell", "a goal in the last minute", "", "☔ 今天", "shares of the bank fell again"]


def asked_of(bundle: Path) -> dict[str, Any]:
    with edgeft.load(bundle, **PLAIN) as model:
        found = model.predict(TEXTS)
    return {
        "texts": TEXTS,
        "labels": [[one.label] for one in found],
        "scores": [one.score for one in found],
    }


def test_every_answer_of_the_server_is_right(tiny_bundle: Path) -> None:
    texts = asked_of(tiny_bundle)

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}) as served:
            job = {"shape": "edgeft", "port": httpx.URL(served.url).port, "clients": 3}
            calm = await closed(Run({**job, "requests": 40}, texts))
            crowd = await open_loop(Run({**job, "requests": 40, "rate": 400.0}, texts))
            for one in (calm, crowd):
                assert one["statuses"] == {"200": 40}
                assert not any(one[name] for name in ("lost", "doubled", "wrong", "again"))
            told = {**texts, "scores": [score - 0.01 for score in texts["scores"]]}
            assert (await closed(Run({**job, "requests": 10}, told)))["wrong"] == 10

    run(work)


def test_what_servers_do_wrong_is_counted() -> None:
    answer = b'{"prediction":{"label":"a","score":1.0}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n"
    texts = {"texts": ["x"], "labels": [["a"]], "scores": [1.0]}

    async def against(says: bytes, **job: Any) -> dict[str, Any]:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"}"):
                writer.write(says)
                if not says.endswith(b"}"):
                    writer.close()
                    return

        async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            asked = {"shape": "edgeft", "port": port, "clients": 1, "requests": 2, **job}
            return await closed(Run(asked, texts))

    def counted(work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        found: dict[str, Any] = run(work)
        return found

    good = counted(lambda: against(head + b"\r\n" + answer))
    assert (good["statuses"], good["wrong"], good["doubled"]) == ({"200": 2}, 0, 0)
    twice = counted(lambda: against((head + b"\r\n" + answer) * 2))
    assert twice["doubled"] >= 1
    others = counted(lambda: against(head + b"X-Request-Id: another\r\n\r\n" + answer))
    assert others["doubled"] == 2
    other = counted(lambda: against(head + b"\r\n" + answer.replace(b'"a"', b'"b"')))
    assert other["wrong"] == 2
    half = counted(lambda: against(head + b"\r\n" + answer[:20]))
    assert (half["lost"], half["statuses"]) == (2, {})
