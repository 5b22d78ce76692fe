"""Tasks of one event loop that ask a model of their own process: jobs on stdin, as lines of JSON.

PYTHON benchmarks/serve/sides/apredict_tasks.py BUNDLE TEXTS.json VARIANT THREADS
"""

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import edgeft


async def ask(model, texts, tasks, places):
    left = iter(places)

    async def task():
        for at in left:
            await model.apredict(texts[at])

    await asyncio.gather(*(task() for _ in range(tasks)))


def main():
    bundle, asked, variant, threads = sys.argv[1:]
    texts = json.loads(Path(asked).read_text(encoding="utf-8"))["texts"]
    with suppress(ImportError):  # the loop that the server has
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with edgeft.load(bundle, device="cpu", variant=variant, threads=int(threads)) as model:
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            job = json.loads(line)
            order = random.Random(job["seed"]).sample(range(len(texts)), len(texts))
            places = [order[at % len(order)] for at in range(job["requests"])]
            begin, cpu = time.perf_counter(), time.process_time()
            asyncio.run(ask(model, texts, job["tasks"], places))
            seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
            found = {"per_s": len(places) / seconds, "cpu_s": cpu_s, "requests": len(places)}
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
