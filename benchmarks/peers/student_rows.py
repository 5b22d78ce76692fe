"""What the scripts that train a student of another project share; standard library alone."""

import argparse
import csv
import json
import os
import time
from pathlib import Path

# Before a peer imports onnxruntime, which would phone home some seconds after.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def rows(path):
    """The texts and the labels of a CSV file with these two columns."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    return [one["text"] for one in found], [one["label"] for one in found]


def run(train):
    """Call ``train(options, texts, labels)``, print what it returns and its seconds as JSON."""
    parser = argparse.ArgumentParser(description=train.__doc__)
    parser.add_argument("encoder", type=Path, help="a folder of sentence-transformers")
    parser.add_argument("data", type=Path, help="CSV file: text, label")
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=256, help="tokens of a text, at most")
    parser.add_argument("--steps", type=int, default=100, help="of each training of an encoder")
    parser.add_argument("--released", action="store_true", help="what setfit_train.py says")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    texts, labels = rows(options.data)
    begin = time.perf_counter()
    found = train(options, texts, labels)
    print(json.dumps({"seconds": time.perf_counter() - begin, **found}))
