"""edgeft's own runtime, from the base install."""

import json

from serve import serve

HOW = ("alone", "spin", "sleep")


class Edgeft:
    """The runtime under test; the variant may say more: int8-alone, fp32-spin, fp32-sleep."""

    def __init__(self, folder, threads, variant):
        import edgeft

        name, _, how = variant.rpartition("-")
        if how not in HOW:  # a name with a hyphen of its own
            name, how = variant, ""
        self.model = edgeft.load(
            folder / "bundle", device="cpu", variant=name, threads=threads,
            batch_invariant=how == "alone", spin={"spin": True, "sleep": False}.get(how),
        )  # fmt: skip
        manifest = json.loads((folder / "bundle" / "edgeft.json").read_text(encoding="utf-8"))
        task = manifest["models"]["main"].get("task") or manifest["task"]
        self.tags = task == "token-classification"

    def one(self, text):
        return self.told(self.model.predict(text))

    def all(self, texts, batch):
        return [self.told(one) for one in self.model.predict(texts)]

    def told(self, prediction):
        if self.tags:
            return [[one.label, one.start, one.end] for one in prediction]
        return prediction.label

    def tasks(self, texts, count):
        """``count`` tasks that each ask for one text after the other."""
        import asyncio

        waiting = iter(texts)

        async def work():
            for text in waiting:
                await self.model.apredict(text)

        async def run():
            await asyncio.gather(*(work() for _ in range(count)))

        asyncio.run(run())

    def many(self, texts, count):
        """``count`` threads that each ask for one text after the other."""
        import threading

        waiting, lock = iter(texts), threading.Lock()

        def work():
            while True:
                with lock:
                    text = next(waiting, None)
                if text is None:
                    return
                self.model.predict(text)

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    serve(Edgeft)
