"""The load generator, a process of its own: jobs come in on stdin as lines of JSON.

    PYTHON -m benchmarks.serve.load TEXTS.json

TEXTS.json has the "texts", and for each "labels", those that are right for it (more than one
where scores are as good as equal), and the "score". A job is {"do": "closed"} with "clients" that
each ask one text after the other, or {"do": "open"} with a "rate" at which requests come by chance,
whatever was answered; "shape", "port" and "requests" say whom to ask, and how often. Every answer
is checked. One line of JSON tells what came of it, and before it lines of {"progress": answers}.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.serve.connection import BrokenError, Connection, Reply, connect
from benchmarks.serve.shapes import SHAPES

HOST = "127.0.0.1"
SAME = 1e-3  # between two scores that are the same but for rounding
PAUSE_S = 0.02  # before a request is sent again, where it is
GIVE_UP_S = 120.0
EACH = 1000  # answers between two lines of progress
KEPT = 3  # examples of what was wrong


@dataclass(eq=False)
class Run:
    """One job, and what has come of it so far.

    waits: of each answer with status 200 (seconds it took, moment it came). refused: the same of
    those with status 429. lost: without an answer. doubled: answers, or bytes, that nobody asked
    for. again: requests that were sent once more, as the connection was closed before an answer
    or the server stopped.
    """

    job: dict[str, Any]
    texts: dict[str, Any]
    done: int = 0
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[tuple[float, float]] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0
    doubled: int = 0
    again: int = 0
    examples: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape = SHAPES[self.job["shape"]]
        self.port: int = self.job["port"]
        self.name: str = self.job.get("name", "load")
        count = len(self.texts["texts"])
        # Every text about as often, in an order that is the same for all servers.
        order = random.Random(self.job.get("seed", 0)).sample(range(count), count)
        self.places = [order[at % count] for at in range(self.job["requests"])]
        head = f"POST {self.shape.path} HTTP/1.1\r\nHost: {HOST}\r\n"
        head += "Content-Type: application/json\r\n"
        bodies = [json.dumps(self.shape.body(one)).encode() for one in self.texts["texts"]]
        self._requests = [
            (f"{head}Content-Length: {len(body)}\r\nX-Request-Id: ".encode(), b"\r\n\r\n" + body)
            for body in bodies
        ]

    def request(self, at: int) -> tuple[bytes, bytes]:
        """The request at a place, and its own id, which the server may tell again."""
        before, after = self._requests[self.places[at]]
        own = f"{self.name}-{at}".encode()
        return before + own + after, own

    def check(self, at: int, own: bytes, reply: Reply, seconds: float) -> None:
        """Note an answer."""
        self.statuses[reply.status] += 1
        self.done += 1
        if reply.header(b"x-request-id") not in (b"", own.lower()):
            self.doubled += 1  # it is another request's
        if reply.status == 200:
            self.waits.append((seconds, time.perf_counter()))
            label, score = self.shape.told(json.loads(reply.body))
            place = self.places[at]
            right = label in self.texts["labels"][place]
            if self.job["shape"] == "edgeft":  # others know nothing of a bundle's temperature
                right &= abs(score - self.texts["scores"][place]) <= SAME
            if not right:
                self.wrong += 1
                self._keep(f"{label} {score:.4f}, not {self.texts['labels'][place]} "
                           f"{self.texts['scores'][place]:.4f}")  # fmt: skip
        elif reply.status == 429:
            self.refused.append((seconds, time.perf_counter()))
        else:
            self._keep(f"{reply.status} {reply.body[:200].decode(errors='replace')}")
        if self.done % EACH == 0:
            print(json.dumps({"progress": self.done}), flush=True)

    def lose(self, why: str) -> None:
        """Note a request that has no answer."""
        self.lost += 1
        self._keep(why)

    def _keep(self, what: str) -> None:
        if len(self.examples) < KEPT:
            self.examples.append(what)

    def told(self, seconds: float, cpu_s: float) -> dict[str, Any]:
        """What came of it."""
        times = [one for one, _ in self.waits]
        refused = [one for one, _ in self.refused]
        return {
            "seconds": seconds,
            "requests": len(self.places),
            "per_s": len(times) / seconds,
            "p50_ms": percentile_ms(times, 50),
            "p99_ms": percentile_ms(times, 99),
            "refused_p50_ms": percentile_ms(refused, 50),
            "refused_p99_ms": percentile_ms(refused, 99),
            "refused_most_ms": percentile_ms(refused, 100),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "wrong": self.wrong,
            "lost": self.lost,
            "doubled": self.doubled,
            "again": self.again,
            "examples": self.examples,
            "generator_cpu_s": cpu_s,
        }


def percentile_ms(seconds: list[float], percent: int) -> float | None:
    """By the nearest rank; None of nothing."""
    if not seconds:
        return None
    rank = -(-len(seconds) * percent // 100)
    return sorted(seconds)[rank - 1] * 1e3


async def closed(run: Run) -> dict[str, Any]:
    """Clients that each wait for an answer before they ask again."""
    clients = [await connect(HOST, run.port) for _ in range(run.job["clients"])]
    begin, cpu = time.perf_counter(), time.process_time()
    ends = await asyncio.gather(*(_ask_on(run, one) for one in clients))
    seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    for one in ends:
        run.doubled += one.stray > 0
        one.close()
    return run.told(seconds, cpu_s)


async def _ask_on(run: Run, connection: Connection) -> Connection:
    while (at := run.sent) < len(run.places):
        run.sent += 1
        request, own = run.request(at)
        begin = time.perf_counter()
        while True:
            try:
                if not connection.open:
                    connection = await connect(HOST, run.port)
                asked = time.perf_counter()
                reply = await connection.ask(request)
            except (BrokenError, OSError) as error:
                told = isinstance(error, BrokenError) and error.begun
                if told or not run.job.get("again") or time.perf_counter() - begin > GIVE_UP_S:
                    run.lose(f"{type(error).__name__}: {error}")
                    break
                run.again += 1
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status == 503 and run.job.get("again"):
                run.again += 1
                await asyncio.sleep(PAUSE_S)
                continue
            run.check(at, own, reply, time.perf_counter() - asked)
            break
    return connection


async def open_loop(run: Run) -> dict[str, Any]:
    """Requests by chance (a Poisson process), as many in a second as the rate says on average.

    "late_p99_ms" is by how much they were sent later than they were due. "goodput_per_s" are the
    answers with status 200 in a second, of those that came from "warm_s" seconds on until the
    last request was due.
    """
    chance, rate, due = random.Random(run.job.get("seed", 0)), run.job["rate"], 0.0
    idle: list[Connection] = [await connect(HOST, run.port) for _ in range(run.job["clients"])]
    every = list(idle)
    late: list[float] = []
    tasks = []

    async def one(at: int, when: float) -> None:
        request, own = run.request(at)
        connection = None
        try:
            while idle and connection is None:
                connection = idle.pop() if idle[-1].open else (idle.pop(), None)[1]
            if connection is None:
                connection = await connect(HOST, run.port)
                every.append(connection)
            asked = time.perf_counter()
            late.append(asked - when)
            reply = await connection.ask(request)
        except (BrokenError, OSError) as error:
            run.lose(f"{type(error).__name__}: {error}")
            return
        run.check(at, own, reply, time.perf_counter() - asked)
        idle.append(connection)

    begin, cpu = time.perf_counter(), time.process_time()
    for at in range(len(run.places)):
        due += chance.expovariate(rate)
        wait_s = begin + due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(one(at, begin + due)))
    await asyncio.gather(*tasks)
    seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    for connection in every:
        run.doubled += connection.stray > 0
        connection.close()
    warm_s = run.job.get("warm_s", 0.0)
    good = sum(begin + warm_s <= when <= begin + due for _, when in run.waits)
    return {
        **run.told(seconds, cpu_s),
        "connections": len(every),
        "late_p99_ms": percentile_ms(late, 99),
        "goodput_per_s": good / (due - warm_s),
    }


def main() -> None:
    """Do jobs until stdin ends."""
    with suppress(ImportError):  # where it is not, the generator costs some more
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        run = Run(json.loads(line), texts)
        work = closed if run.job["do"] == "closed" else open_loop
        print(json.dumps(asyncio.run(work(run))), flush=True)


if __name__ == "__main__":
    main()
