"""How a peer is driven: jobs come in on stdin as lines of JSON and are answered on stdout.

    PYTHON benchmarks/peers/PEER.py FOLDER TEXTS [--threads N] [--variant V] [--first]

FOLDER is what benchmarks.model made; TEXTS is a JSON list. With --first one text
is predicted and that is all. Each peer is a file of its own beside this one and
runs in an environment of its own, so nothing here imports more than the standard
library.
"""

import argparse
import gc
import json
import os
import random
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Before a peer imports onnxruntime, which would phone home some seconds after.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

PACKAGES = (
    "edgeft",
    "fastembed",
    "model2vec",
    "nncf",
    "onnxruntime",
    "openvino",
    "optimum",
    "optimum-onnx",
    "sentence-transformers",
    "setfit",
    "tokenizers",
    "torch",
    "transformers",
)


def memory(field):
    """A field of /proc/self/status in bytes: VmRSS now, VmHWM at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return None


def answer(peer, job, texts):
    """Do one job; return figures.

    A peer has ``one(text)`` and ``all(texts, batch)``, which give a label or, where it
    embeds, a vector; edgeft's has ``tasks`` and ``many`` as well.
    """
    begin, cpu = time.perf_counter(), time.process_time()
    if job["do"] == "all":
        found = peer.all(texts, job.get("batch"))
        return {
            "seconds": time.perf_counter() - begin,
            "cpu_seconds": time.process_time() - cpu,
            "labels": found if job["labels"] else [],
        }
    if job["do"] == "singles":
        times = []
        for at in job["places"]:
            begin = time.perf_counter()
            peer.one(texts[at % len(texts)])
            times.append((time.perf_counter() - begin) * 1e3)
        return {"ms": times, "cpu_seconds": time.process_time() - cpu}
    if job["do"] in ("tasks", "many"):
        getattr(peer, job["do"])(texts, job["count"])
        return {"seconds": time.perf_counter() - begin}
    if job["do"] == "idle":
        peer.all(texts[:64], 1)
        begin = time.process_time()
        time.sleep(5)
        return {"cpu_seconds": time.process_time() - begin}
    if job["do"] == "growth":
        return growth(peer, texts, job["count"], job["tokens"])
    return {"peak_rss_bytes": memory("VmHWM")}


def growth(peer, texts, count, most):
    """Memory before and after ``count`` texts of 1 to ``most`` words."""
    chance = random.Random(0)
    words = [" ".join(text.split()) for text in texts]
    made = []
    for _ in range(count):
        wanted, parts = chance.randint(1, most), []
        while len(parts) < wanted:
            parts += chance.choice(words).split()
        made.append(" ".join(parts[:wanted]))
    peer.all([f"word {at}" for at in range(64)], 1)
    gc.collect()
    before = memory("VmRSS")
    peer.all(made, 1)
    gc.collect()
    return {"before": before, "after": memory("VmRSS")}


def versions():
    """The versions of the packages that a peer may be made of."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def serve(peer_class):
    """Make the peer and serve jobs until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print on stdout when it pleases them
    peer = peer_class(options.folder, options.threads, options.variant)
    texts = json.loads(options.texts.read_text(encoding="utf-8"))
    first = peer.one(texts[0])
    answers.write(json.dumps({"label": first, "versions": versions()}) + "\n")
    answers.flush()
    for line in () if options.first else sys.stdin:
        answers.write(json.dumps(answer(peer, json.loads(line), texts)) + "\n")
        answers.flush()
