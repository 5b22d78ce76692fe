"""One side of a comparison, in a process and an environment of its own.

    PYTHON side.py KIND FOLDER TEXTS [--threads N] [--variant V] [--first]

KIND is edgeft, bare (tokenizers and onnxruntime alone), transformers (its
pipeline on torch) or optimum (the pipeline on onnxruntime). FOLDER holds
checkpoint/ and bundle/; TEXTS is a JSON list. Jobs come in on stdin as lines of
JSON and are answered on stdout; with --first one text is predicted and that is
all. This file imports nothing of edgeft's but in the side that is edgeft.
"""

import argparse
import gc
import json
import os
import random
import sys
import time
from pathlib import Path

KINDS = ("edgeft", "bare", "transformers", "optimum")


class Edgeft:
    """The runtime under test."""

    def __init__(self, folder, threads, variant):
        import edgeft

        name, _, how = variant.partition("-")  # int8-alone, fp32-spin
        self.model = edgeft.load(
            folder / "bundle", device="cpu", variant=name, threads=threads,
            batch_invariant=how == "alone", spin=how == "spin",
        )  # fmt: skip

    def one(self, text):
        return self.model.predict(text).label

    def all(self, texts, batch):
        return [one.label for one in self.model.predict(texts)]

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


class Bare:
    """A careful hand-written loop: sorted by length, padded to the batch's longest text."""

    def __init__(self, folder, threads, variant):
        import numpy
        import onnxruntime
        from tokenizers import Tokenizer

        self.numpy = numpy
        self.tokenizer = Tokenizer.from_file(str(folder / "bundle" / "tokenizer.json"))
        self.tokenizer.no_padding()
        manifest = json.loads((folder / "bundle" / "edgeft.json").read_text(encoding="utf-8"))
        record = manifest["models"]["main"]
        self.tokenizer.enable_truncation(record["max_length"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = folder / "bundle" / record["variants"][variant]["files"]["model"]
        self.session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def one(self, text):
        return self._run([self.tokenizer.encode(text).ids])[0]

    def all(self, texts, batch):
        ids = [one.ids for one in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(ids)), key=lambda at: -len(ids[at]))
        labels = [None] * len(ids)
        for begin in range(0, len(order), batch):
            places = order[begin : begin + batch]
            for at, label in zip(places, self._run([ids[at] for at in places]), strict=True):
                labels[at] = label
        return labels

    def _run(self, rows):
        longest = max(map(len, rows))
        ids = self.numpy.zeros((len(rows), longest), self.numpy.int64)
        mask = self.numpy.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask,
                "token_type_ids": self.numpy.zeros_like(ids)}  # fmt: skip
        logits = self.session.run(None, feed)[0]
        return [f"LABEL_{at}" for at in logits.argmax(axis=1)]


class Pipeline:
    """The pipeline that the documentation of transformers and optimum shows."""

    def __init__(self, folder, threads, variant):
        import transformers

        transformers.logging.set_verbosity_error()
        self.pipeline = transformers.pipeline(
            "text-classification", model=self.load(folder, threads), device="cpu",
            tokenizer=transformers.AutoTokenizer.from_pretrained(folder / "checkpoint"),
        )  # fmt: skip

    def one(self, text):
        return self.pipeline(text, truncation=True)[0]["label"]

    def all(self, texts, batch):
        return [one["label"] for one in self.pipeline(texts, batch_size=batch, truncation=True)]


class Transformers(Pipeline):
    """On torch."""

    def load(self, folder, threads):
        import torch
        import transformers

        torch.set_num_threads(threads)
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            folder / "checkpoint"
        )


class Optimum(Pipeline):
    """On onnxruntime, with the very graph that edgeft runs."""

    def load(self, folder, threads):
        import onnxruntime
        from optimum.onnxruntime import ORTModelForSequenceClassification

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return ORTModelForSequenceClassification.from_pretrained(
            folder / "bundle", subfolder="onnx", file_name="model.onnx", session_options=options
        )


def memory(field):
    """A field of /proc/self/status in bytes: VmRSS now, VmHWM at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return None


def answer(side, job, texts):
    """Do one job; return figures."""
    begin = time.perf_counter()
    if job["do"] == "all":
        labels = side.all(texts, job.get("batch"))
        return {"seconds": time.perf_counter() - begin, "labels": labels if job["labels"] else []}
    if job["do"] == "singles":
        times = []
        for at in job["places"]:
            begin = time.perf_counter()
            side.one(texts[at % len(texts)])
            times.append((time.perf_counter() - begin) * 1e3)
        return {"ms": times}
    if job["do"] in ("tasks", "many"):
        getattr(side, job["do"])(texts, job["count"])
        return {"seconds": time.perf_counter() - begin}
    if job["do"] == "idle":
        side.all(texts[:64], 1)
        begin = time.process_time()
        time.sleep(5)
        return {"cpu_seconds": time.process_time() - begin}
    if job["do"] == "growth":
        chance = random.Random(0)
        words = [" ".join(text.split()) for text in texts]
        most = job["tokens"]
        random_texts = []
        for _ in range(job["count"]):
            wanted, parts = chance.randint(1, most), []
            while len(parts) < wanted:
                parts += chance.choice(words).split()
            random_texts.append(" ".join(parts[:wanted]))
        side.all([f"word {at}" for at in range(64)], 1)
        gc.collect()
        before = memory("VmRSS")
        side.all(random_texts, 1)
        gc.collect()
        return {"before": before, "after": memory("VmRSS")}
    return {"peak_rss_bytes": memory("VmHWM")}


def main():
    """Serve jobs until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print on stdout when it pleases them
    kinds = {"edgeft": Edgeft, "bare": Bare, "transformers": Transformers, "optimum": Optimum}
    side = kinds[options.kind](options.folder, options.threads, options.variant)
    texts = json.loads(options.texts.read_text(encoding="utf-8"))
    label = side.one(texts[0])
    answers.write(json.dumps({"label": label, "peak_rss_bytes": memory("VmHWM")}) + "\n")
    answers.flush()
    for line in () if options.first else sys.stdin:
        answers.write(json.dumps(answer(side, json.loads(line), texts)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
